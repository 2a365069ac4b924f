"""The articles in the admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from articles.editing import lost
from articles.editing.compare import compare
from articles.editing.forms import ArticleForm, whole_number
from articles.editing.preview import preview
from articles.editing.snippets import snippets
from articles.figures import FIGURES
from articles.markdown import LARGEST
from articles.models import DRAFT, PUBLISHED, Article, Revision, Series, Tag
from articles.writing import NotPublishable, restore_revision, save_article

CHANGE_PAGE: Final = "admin:articles_article_change"


class StandingFilter(admin.SimpleListFilter):
    """The filter for drafts, scheduled and published articles."""

    title = "state"
    parameter_name = "standing"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [("draft", "Draft"), ("scheduled", "Scheduled"), ("published", "Published")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        now = timezone.now()
        chosen: dict[str | None, Q] = {
            "draft": Q(state=DRAFT),
            "scheduled": Q(state=PUBLISHED, published_at__gt=now),
            "published": Q(state=PUBLISHED, published_at__lte=now),
        }
        return queryset.filter(chosen.get(self.value(), Q()))


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin[Article]):
    """The list, the editor, the preview and the revisions."""

    form = ArticleForm
    change_form_template = "admin/articles/article/editor.html"
    add_form_template = "admin/articles/article/editor.html"
    list_display = ("title", "standing", "published", "words", "rev", "to_mend", "saved")
    list_filter = (StandingFilter, "tags", "series")
    search_fields = ("title", "summary", "body", "slug")
    ordering = ("-updated_at",)
    show_full_result_count = False
    actions = None  # nothing is done to many articles at once

    @admin.display(description="state")
    def standing(self, article: Article) -> str:
        if article.is_scheduled:
            return "Scheduled"
        return article.get_state_display()

    @admin.display(description="published (UTC)", ordering="published_at", empty_value="")
    def published(self, article: Article) -> str | None:
        return f"{article.published_at:%d %b %Y, %H:%M}" if article.published_at else None

    @admin.display(description="revision", ordering="revision")
    def rev(self, article: Article) -> str:
        address = reverse("admin:articles_article_revisions", args=[article.pk])
        return format_html('<a href="{}">rev {}</a>', address, article.revision)

    @admin.display(description="to mend", empty_value="")
    def to_mend(self, article: Article) -> str | None:
        count = len(article.problems)
        return f"{count} place{'s' if count > 1 else ''}" if count else None

    @admin.display(description="saved (UTC)", ordering="updated_at")
    def saved(self, article: Article) -> str:
        return f"{article.updated_at:%d %b %Y, %H:%M}"

    # Addresses ------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = [
            path(
                "preview/",
                site.admin_view(require_POST(self.preview_view)),
                name="articles_article_preview",
            ),
            path(
                "<int:pk>/revisions/",
                site.admin_view(self.revisions_view),
                name="articles_article_revisions",
            ),
            path(
                "<int:pk>/revisions/restore/",
                site.admin_view(require_POST(self.restore_view)),
                name="articles_article_restore",
            ),
        ]
        inherited = super().get_urls()
        for pattern in inherited:
            if pattern.name in lost.EDITOR:
                pattern.callback = lost.keeping(pattern.callback, site)
        return [*own, *inherited]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Articles", **(extra_context or {})})

    # The editor -----------------------------------------------------------------------

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Article | None:
        """Return the article, locked while it is being saved, so that the second editor waits."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            return Article.objects.select_for_update().filter(pk=found.pk).first()
        return found

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form: ArticleForm = context["adminform"].form
        stored = Article.objects.filter(pk=form.instance.pk).first()
        context |= {
            "form": form,
            "stored": stored,
            "user_key": request.user.pk,
            "snippets": snippets(),
            "figures": list(FIGURES),
            "largest": LARGEST,
            "theirs": form.theirs,
            "comparison": None,
        }
        if form.theirs is not None:
            mine = form.data.get("body", "").replace("\r\n", "\n")
            context["comparison"] = compare(form.theirs.body, mine)
            context["their_editor"] = form.theirs.revisions.first()
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Article, form: ArticleForm, _change: bool
    ) -> None:
        obj.state, obj.published_at = form.standing.state, form.standing.published_at
        save_article(article=obj, editor=request.user, note=form.cleaned_data["note"])  # type: ignore[arg-type]

    def save_related(
        self, request: HttpRequest, form: ArticleForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        form.store_tags()

    def response_add(
        self, request: HttpRequest, obj: Article, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Article) -> HttpResponse:
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, article: Article) -> HttpResponse:
        """Redirect back to the editor, with a sentence on the state of the article."""
        messages.success(request, saved_sentence(article))
        return HttpResponseRedirect(reverse(CHANGE_PAGE, args=[article.pk]))

    # Preview and revisions ------------------------------------------------------------

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        return preview(request)

    def revisions_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Show all revisions, and the comparison of two of them, by default the last two."""
        article = get_object_or_404(Article, pk=pk)
        if not self.has_view_permission(request, article):
            raise PermissionDenied
        revisions = list(article.revisions.select_related("editor").defer("body"))
        after = _chosen(request, "to", revisions, 0)
        before = _chosen(request, "from", revisions, 1)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revisions of “{article.title}”",
            "article": article,
            "opts": self.opts,
            "revisions": revisions,
            "before": before,
            "after": after,
            "title_change": before and after and before.title != after.title,
            "summaries": compare(before.summary, after.summary) if before and after else None,
            "bodies": compare(before.body, after.body) if before and after else None,
            "may_restore": self.has_change_permission(request, article),
        }
        return TemplateResponse(request, "admin/articles/article/revisions.html", context)

    def restore_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make an old revision the newest.

        A published article stays published if the old text can be.
        """
        number = whole_number(request.POST.get("number", "")) or 0  # revisions are counted from 1
        revision = Revision.objects.filter(article_id=pk, number=number).first()
        if revision is None:
            raise Http404
        if not self.has_change_permission(request, revision.article):
            raise PermissionDenied
        try:
            article = restore_revision(revision=revision, editor=request.user)  # type: ignore[arg-type]
        except NotPublishable as refusal:
            sentence = f"Revision {revision.number} was not restored, since readers would get it: "
            messages.error(request, f"{sentence}{refusal}")
            return HttpResponseRedirect(reverse("admin:articles_article_revisions", args=[pk]))
        self.log_change(request, article, f"Restored revision {revision.number}.")
        messages.success(
            request, f"Revision {revision.number} is restored, as revision {article.revision}."
        )
        return HttpResponseRedirect(reverse(CHANGE_PAGE, args=[pk]))


def saved_sentence(article: Article) -> str:
    """Return a sentence for the editor on the state of the saved article."""
    count = len(article.problems)
    if article.is_scheduled:
        return f"Saved. It comes out on {article.published_at:%d %B %Y at %H:%M} UTC."
    if article.is_visible:
        return f"Saved and published, as revision {article.revision}."
    if count:
        places = "one place in it is" if count == 1 else f"{count} places in it are"
        return f"Saved as a draft. It cannot be published until {places} mended."
    return f"Saved as a draft, revision {article.revision}."


def _chosen(
    request: HttpRequest, name: str, revisions: Sequence[Revision], otherwise: int
) -> Revision | None:
    wanted = request.GET.get(name, "")
    if wanted.isdecimal():
        number = whole_number(wanted)
        return next((each for each in revisions if each.number == number), None)
    return revisions[otherwise] if len(revisions) > otherwise else None


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin[Tag]):
    list_display = ("name", "slug")
    search_fields = ("name",)
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Series)
class SeriesAdmin(admin.ModelAdmin[Series]):
    list_display = ("title", "slug")
    search_fields = ("title",)
    prepopulated_fields = {"slug": ("title",)}
