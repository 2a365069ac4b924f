"""Write-ups, their revisions, tags and series.

A row holds both the author's text (`body`, Markdown) and the text for readers
(`html`, rendered and sanitised when it was saved). Writing goes through
`articles.writing`, which keeps a revision of every text that was ever saved.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.db.models.functions import Left
from django.urls import reverse
from django.utils import timezone

from cluster.kit.readable import EARLIEST, LATEST, validate_moment, validate_text

if TYPE_CHECKING:
    from articles.markdown.render import Rendered

DRAFT: Final = "draft"
PUBLISHED: Final = "published"
STATES: Final = ((DRAFT, "Draft"), (PUBLISHED, "Published"))

# Characters of an article that are searched: PostgreSQL refuses an index entry above 1 MB.
SEARCHED_LENGTH: Final = 100_000
LONGEST_SUMMARY: Final = 1_000  # characters, of every text that stands beside an article
SHORT: Final = (MaxLengthValidator(LONGEST_SUMMARY), validate_text)

LONGEST_SLUG: Final = 80  # of a tag and a series
# The pattern of `<slug:slug>`, so that an address can be made of every row.
ADDRESSABLE: Final = models.Q(slug__regex=r"^[-a-zA-Z0-9_]+$")
SLUG: Final = RegexValidator(
    r"\A[a-z0-9]+(-[a-z0-9]+)*\Z",
    "An address is made of small letters, digits and single hyphens, such as two-phase-commit.",
)


class Tag(models.Model):
    """A subject that several articles share."""

    slug = models.CharField(max_length=LONGEST_SLUG, unique=True, validators=[SLUG])
    name = models.CharField(max_length=80, validators=[validate_text])

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=ADDRESSABLE, name="tag_addressable")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("articles:tag", args=[self.slug])


class Series(models.Model):
    """A series of articles, with an order in which to read them."""

    slug = models.CharField(max_length=LONGEST_SLUG, unique=True, validators=[SLUG])
    title = models.CharField(max_length=200, validators=[validate_text])
    summary = models.TextField(blank=True, validators=SHORT)

    class Meta:
        ordering = ["title"]
        verbose_name_plural = "series"
        constraints = [models.CheckConstraint(condition=ADDRESSABLE, name="series_addressable")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("articles:series", args=[self.slug])


class ArticleQuerySet(models.QuerySet["Article"]):
    def visible(self) -> Self:
        """Return the articles that are published and not scheduled, newest first."""
        return self.filter(state=PUBLISHED, published_at__lte=timezone.now()).order_by(
            "-published_at", "-pk"
        )


class Article(models.Model):
    """One write-up."""

    slug = models.CharField(
        "address",
        max_length=120,
        unique=True,
        validators=[SLUG],
        error_messages={"unique": "Another article already has this address."},
    )
    title = models.CharField(max_length=200, validators=[validate_text])
    summary = models.TextField(blank=True, validators=SHORT)
    # Markdown, as the author wrote it.
    body = models.TextField("text", blank=True, validators=[validate_text])

    # Made from `body` when it is saved; see articles/markdown/.
    html = models.TextField(blank=True, editable=False)
    text = models.TextField(blank=True, editable=False)  # without any markup, for search
    toc = models.JSONField(default=list, blank=True, editable=False)  # [{"id", "title", "level"}]
    words = models.PositiveIntegerField(default=0, editable=False)
    minutes = models.PositiveIntegerField(default=0, editable=False)  # reading time
    # Problems of the text: [{"line", "sentence"}]. Only render_again() gives a published text any.
    problems = models.JSONField(default=list, blank=True, editable=False)
    rendered_at = models.DateTimeField(null=True, editable=False)

    state = models.CharField(max_length=20, choices=STATES, default=DRAFT)
    # In the future: scheduled.
    published_at = models.DateTimeField(null=True, blank=True, validators=[validate_moment])
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)  # any change of the row
    revised_at = models.DateTimeField(null=True, editable=False)  # of the text, once published
    # Shown to readers, beside the newest revision.
    what_changed = models.TextField(blank=True, validators=SHORT)
    revision = models.PositiveIntegerField(default=0, editable=False)  # shown as REV 3
    version = models.PositiveIntegerField(default=0, editable=False)  # the optimistic lock

    series = models.ForeignKey(
        Series, null=True, blank=True, on_delete=models.SET_NULL, related_name="articles"
    )
    series_position = models.PositiveIntegerField(null=True, blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="articles")
    related = models.ManyToManyField("self", symmetrical=False, blank=True)
    # Drawn on the OpenGraph picture.
    figure = models.CharField(max_length=80, blank=True, validators=[validate_text])
    canonical_url = models.URLField(blank=True)

    # PostgreSQL computes it, so no code that writes a row can forget it.
    search = models.GeneratedField(
        expression=(
            SearchVector("title", weight="A", config="english")
            + SearchVector("summary", weight="B", config="english")
            + SearchVector(Left("text", SEARCHED_LENGTH), weight="C", config="english")
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = ArticleQuerySet.as_manager()

    # The text that this object has rendered, as opposed to one whose HTML it has read.
    rendered_body: str | None = None

    class Meta:
        ordering = ["-published_at", "-pk"]
        indexes = [
            GinIndex(fields=["search"], name="article_search"),
            models.Index(fields=["-published_at"], name="article_published"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[DRAFT, PUBLISHED]), name="article_state"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=PUBLISHED) | models.Q(published_at__isnull=False),
                name="article_published_has_date",
            ),
            models.CheckConstraint(condition=ADDRESSABLE, name="article_addressable"),
            models.CheckConstraint(
                condition=models.Q(published_at__range=(EARLIEST, LATEST)),
                name="article_published_readable",
                violation_error_message="The date cannot be shown.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row with the fields made from `body`.

        A form that has rendered this very text, to check it, has set them already.
        """
        if self.rendered_body != self.body:
            self.render()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("articles:article", args=[self.slug])

    def render(self) -> None:
        """Set `html` and all other fields made from `body`, without storing them."""
        from articles.markdown import render

        self.take_rendered(self.body, render(self.body))

    def take_rendered(self, body: str, rendered: Rendered) -> None:
        """Set all fields made from `body` as they were rendered."""
        self.rendered_body = body
        self.html = rendered.html
        self.text = rendered.text
        self.toc = rendered.toc
        self.words = rendered.words
        self.minutes = rendered.minutes
        self.problems = [asdict(problem) for problem in rendered.problems]
        self.rendered_at = timezone.now()

    @property
    def is_visible(self) -> bool:
        """True when readers may see it at this moment."""
        return (
            self.state == PUBLISHED
            and self.published_at is not None
            and self.published_at <= timezone.now()
        )

    @property
    def is_scheduled(self) -> bool:
        """True when it is published at a moment that has not come yet."""
        return self.state == PUBLISHED and not self.is_visible


class Revision(models.Model):
    """A text of an article as it was saved once. Revisions are added and never changed."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    body = models.TextField(blank=True)
    saved_at = models.DateTimeField(default=timezone.now)
    # None when it came with the platform's own seeds, or when the account is gone.
    editor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="revision_number")
        ]

    def __str__(self) -> str:
        return f"{self.title}, revision {self.number}"


class ImportedSeed(models.Model):
    """The record of an imported file of articles/seeds/, which outlives its article.

    The article is the seed's own as long as its `version` is the version here. No article
    means that the owner has deleted it.
    """

    slug = models.CharField(max_length=120, primary_key=True)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    article = models.OneToOneField(
        Article, null=True, on_delete=models.SET_NULL, related_name="imported_seed"
    )
    version = models.PositiveIntegerField()
    imported_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.slug
