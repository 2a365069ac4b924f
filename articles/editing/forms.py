"""The form of one article."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import slugify

from articles.addresses import LONGEST_TAG, means_something, tag_named
from articles.figures.registry import parse_reference
from articles.markdown import MarkdownProblem, render
from articles.markdown.render import length_problem
from articles.models import DRAFT, PUBLISHED, Article, Series
from articles.problems import Refused
from cluster.kit.readable import validate_moment, validate_text

# Names of the buttons in the request. Without any of them the state of the article is kept.
PUBLISH: Final = "_publish"
SCHEDULE: Final = "_schedule"
BACK_TO_DRAFT: Final = "_draft"
OVERRULE: Final = "_overrule"  # its value is the version that may be overwritten
CHANGED_MEANWHILE: Final = (
    "Somebody else has saved this article while you were writing. Both texts are on this page, "
    "and nothing of yours is lost."
)
LONGEST_TAGS: Final = 1_000  # characters of all names
MOST_TAGS: Final = 12
MOST_DIGITS: Final = 9  # digits: a column of four bytes holds each such number


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an article, and the moment from which readers can get it."""

    state: str
    published_at: dt.datetime | None


class ArticleForm(forms.ModelForm[Article]):
    """Everything that an author enters about an article. The buttons decide on its state."""

    read_version = forms.IntegerField(widget=forms.HiddenInput, initial=0)
    body = forms.CharField(
        label="Text",
        required=False,
        strip=False,
        widget=forms.Textarea(
            # No maxlength: a browser would cut a paste without a message.
            attrs={"rows": 30, "spellcheck": "true", "lang": "en-GB", "autocomplete": "off"}
        ),
    )
    tag_names = forms.CharField(
        label="Tags",
        required=False,
        max_length=LONGEST_TAGS,
        help_text="Separated by commas; new ones are made.",
    )
    series = forms.ModelChoiceField(Series.objects.all(), required=False, empty_label="none")
    series_position = forms.IntegerField(label="Place in it", required=False, min_value=1)
    related = forms.ModelMultipleChoiceField(
        Article.objects.all(),
        label="Related articles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    figure = forms.CharField(
        label="Figure on the shared picture",
        required=False,
        max_length=80,
        help_text="A figure as in the text, such as train-graph or incident ref=…",
        widget=forms.TextInput(attrs={"list": "figure-names"}),
    )
    canonical_url = forms.URLField(
        label="Canonical address",
        required=False,
        max_length=200,
        assume_scheme="https",
        help_text="Only if it first appeared elsewhere.",
    )
    note = forms.CharField(
        label="Note on this revision",
        required=False,
        max_length=300,
        validators=[validate_text],
        help_text="Readers find it in the list of revisions.",
    )
    schedule_at = forms.DateTimeField(
        label="Publish at (UTC)",
        required=False,
        validators=[validate_moment],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    class Meta:
        model = Article
        fields = (
            "title",
            "slug",
            "summary",
            "body",
            "what_changed",
            "series",
            "series_position",
            "related",
            "figure",
            "canonical_url",
        )
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "off"}),
            "summary": forms.Textarea(attrs={"rows": 2, "lang": "en-GB"}),
            "what_changed": forms.Textarea(attrs={"rows": 2, "lang": "en-GB"}),
        }
        help_texts = {
            "slug": "The end of its web address; made from the title when left empty.",
            "summary": "One or two sentences, for lists, feeds and search engines.",
            "what_changed": "Told to readers beside the newest revision.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.theirs: Article | None = None  # the article that another editor saved meanwhile
        self.problems: list[MarkdownProblem] = []
        self.standing = Standing(self.instance.state, self.instance.published_at)
        others = cast("forms.ModelMultipleChoiceField[Article]", self.fields["related"])
        others.queryset = Article.objects.exclude(pk=self.instance.pk).only("title")
        if self.instance.pk:
            self.initial["read_version"] = self.instance.version
            names = self.instance.tags.values_list("name", flat=True)
            self.initial["tag_names"] = ", ".join(names)
            self.initial["schedule_at"] = (
                self.instance.published_at if self.instance.is_scheduled else None
            )

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean_slug(self) -> str:
        slug = self.cleaned_data.get("slug") or slugify(str(self.cleaned_data.get("title", "")))
        slug = str(slug)[:120].strip("-")
        if not slug:
            raise ValidationError("This title gives no address; write one.")
        other = Article.objects.filter(slug=slug).exclude(pk=self.instance.pk).first()
        if other is not None:
            raise ValidationError(f"“{other.title}” already has the address “{slug}”.")
        return slug

    def clean_body(self) -> str:
        body = str(self.cleaned_data["body"]).replace("\r\n", "\n").replace("\r", "\n")
        too_long = length_problem(body)
        if too_long is not None:
            raise ValidationError(f"{too_long} Nothing was saved.")
        return body.rstrip() + "\n" if body.strip() else ""

    def clean_tag_names(self) -> list[str]:
        written = str(self.cleaned_data["tag_names"]).split(",")
        names = list(dict.fromkeys(filter(None, (" ".join(name.split()) for name in written))))
        for name in names:
            validate_text(name)
            if not means_something(name) or len(name) > LONGEST_TAG:
                raise ValidationError(f"“{name[:40]}” cannot be a tag.")
        if len(names) > MOST_TAGS:
            raise ValidationError(f"An article has at most {MOST_TAGS} tags.")
        return names

    def clean_figure(self) -> str:
        figure = str(self.cleaned_data["figure"]).strip()
        if figure:
            try:
                parse_reference(figure)
            except Refused as refusal:
                raise ValidationError(str(refusal)) from None
        return figure

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._notice_others(cleaned)
        self._decide_standing(cleaned)
        if "body" in cleaned:
            rendered = render(cleaned["body"])
            self.problems = rendered.problems
            self.instance.take_rendered(cleaned["body"], rendered)
        if self.standing.state == PUBLISHED and not cleaned.get("summary", "-"):
            self.add_error("summary", "Readers need a summary before this can be published.")
        if self.standing.state == PUBLISHED and self.problems:
            count = len(self.problems)
            what = "this is" if count == 1 else f"these {count} places are"
            until = f"Readers cannot get this text until {what} mended:"
            reasons = [str(problem) for problem in self.problems]
            self.add_error("body", ValidationError([until, *reasons]))
        if cleaned.get("series_position") and not cleaned.get("series"):
            self.add_error("series_position", "A place needs a series.")
        return cleaned

    def _notice_others(self, cleaned: dict[str, Any]) -> None:
        """Add an error when the stored version is no longer the one that the editor has read."""
        read = cleaned.get("read_version")
        overruled = whole_number(self.data.get(OVERRULE, ""))
        if overruled is not None:
            read = overruled
        if self.instance.pk and read != self.instance.version:
            self.theirs = Article.objects.get(pk=self.instance.pk)
            self.add_error(None, CHANGED_MEANWHILE)

    def _decide_standing(self, cleaned: dict[str, Any]) -> None:
        stored, now = self.instance, timezone.now()
        if BACK_TO_DRAFT in self.data:
            self.standing = Standing(DRAFT, None)
        elif PUBLISH in self.data:
            self.standing = Standing(PUBLISHED, now)
        elif SCHEDULE in self.data:
            at = cleaned.get("schedule_at")
            self.standing = Standing(PUBLISHED, at)
            if at is None and "schedule_at" not in self.errors:
                self.add_error("schedule_at", "Say when it is to be published.")
            elif at is not None and at <= now:
                self.add_error("schedule_at", "That time has passed; publish it now instead.")
        else:
            self.standing = Standing(stored.state, stored.published_at)

    def store_tags(self) -> None:
        """Give the saved article its tags, and make those that do not exist yet."""
        names: list[str] = self.cleaned_data["tag_names"]
        self.instance.tags.set([tag_named(name) for name in names])


def whole_number(text: str) -> int | None:
    """Return the number that the text spells in at most MOST_DIGITS decimal digits, or None."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
