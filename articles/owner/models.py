"""The owner's rows: profile, texts of the pages, and case studies.

All of it is edited in the admin; `seeds/` holds the rows of a new site. The texts are
Markdown of the write-ups' dialect and are rendered by `prose.py`.
"""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.urls import reverse

from articles.owner.prose import UnreadableProse, rendered
from cluster.kit.readable import validate_text
from cluster.storefront.models import APP

THE_ONE: Final = 1  # there is one owner, so their row has one id

# Characters of a description that search engines show before they cut it.
LONGEST_DESCRIPTION: Final = 170
LONGEST_TEXT: Final = 20_000

PAGES: Final = (
    ("home", "Home"),
    ("architecture", "Architecture"),
    ("lab", "Lab"),
    ("chaos", "Chaos"),
    ("work", "Work"),
    ("about", "About"),
    ("contact", "Contact"),
)


def validate_prose(text: str) -> None:
    """Refuse Markdown that cannot be rendered.

    The message names the line.
    """
    try:
        rendered(text)
    except UnreadableProse as error:
        raise ValidationError(str(error)) from error


def line_field(
    length: int, *, help_text: str = "", blank: bool = False
) -> models.CharField[str, str]:
    """Return a column of at most `length` characters, checked when a form saves it."""
    return models.CharField(
        max_length=length, blank=blank, validators=[validate_text], help_text=help_text
    )


def prose_field(*, help_text: str, blank: bool = True) -> models.TextField[str, str]:
    """Return a column of Markdown that is checked when a form saves it."""
    return models.TextField(
        blank=blank,
        default="",
        validators=[MaxLengthValidator(LONGEST_TEXT), validate_text, validate_prose],
        help_text=f"{help_text} Markdown; links and code as in the articles.",
    )


class Profile(models.Model):
    """The owner of the site. There is exactly one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    name = line_field(100)
    role = line_field(150, help_text="One line, such as “Senior .NET engineer”.")
    location = line_field(100, help_text="A city is enough.")
    availability = line_field(
        200, blank=True, help_text="One sentence; empty says nothing about it."
    )
    introduction = models.TextField(
        validators=[MaxLengthValidator(400), validate_text],
        help_text="Two plain sentences: the first page and search engines show them.",
    )
    about = prose_field(help_text="The text of the page About.")
    email = models.EmailField(
        blank=True, help_text="Shown on the page Contact; empty shows the form alone."
    )
    repository_url = models.URLField(
        "repository",
        blank=True,
        help_text="Where the source of this site is public; empty when it is not.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = APP
        db_table = "profile"
        verbose_name_plural = "profile"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=THE_ONE), name="profile_is_one"),
        ]

    def __str__(self) -> str:
        return self.name


class Link(models.Model):
    """An address elsewhere that belongs to the owner."""

    label = line_field(60)
    url = models.URLField("address")
    order = models.PositiveSmallIntegerField(default=0, help_text="Lower comes first.")

    class Meta:
        app_label = APP
        db_table = "owner_link"
        ordering = ("order", "label")

    def __str__(self) -> str:
        return self.label


class Page(models.Model):
    """The owner's texts of one page. Text that comes from the cluster is not among them."""

    key = models.CharField(max_length=20, primary_key=True, choices=PAGES, editable=False)
    title = line_field(120, help_text="The heading of the page.")
    lead = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(600), validate_text],
        help_text="The paragraph below the heading. Plain text.",
    )
    body = prose_field(help_text="What follows.")
    description = line_field(
        LONGEST_DESCRIPTION,
        blank=True,
        help_text="One sentence for search engines; empty takes the beginning of the lead.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = APP
        db_table = "page"
        ordering = ("key",)
        verbose_name = "page text"

    def __str__(self) -> str:
        return self.get_key_display()


class CaseStudy(models.Model):
    """A piece of work: its problem, the approach, and the difficulty."""

    slug = models.SlugField(max_length=80, unique=True, help_text="The end of its address.")
    title = line_field(120)
    client = line_field(120, help_text="In general words; a name only with the client’s consent.")
    period = line_field(60, blank=True, help_text="Such as “2022 to 2024”.")
    summary = models.TextField(
        validators=[MaxLengthValidator(400), validate_text],
        help_text="Two sentences for the list of work.",
    )
    problem = prose_field(help_text="What had to be solved.", blank=False)
    approach = prose_field(help_text="How it was gone about.", blank=False)
    difficulty = prose_field(help_text="What was hard.")
    outcome = prose_field(help_text="What came of it; empty when that may not be told.")
    questions = prose_field(help_text="What a client should ask whoever offers to do this.")
    pattern = prose_field(help_text="Where this cluster shows the same pattern.")
    technologies = line_field(
        300, blank=True, help_text="Separated by commas. Only what was really used."
    )
    figures = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(600), validate_text],
        help_text="One a line, “label: value”. Only what can be shown to be true.",
    )
    order = models.PositiveSmallIntegerField(default=0, help_text="Lower comes first.")
    visible = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = APP
        db_table = "case_study"
        ordering = ("order", "title")
        verbose_name_plural = "case studies"

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("case-study", args=[self.slug])

    @property
    def technology_list(self) -> list[str]:
        return [name.strip() for name in self.technologies.split(",") if name.strip()]

    @property
    def figure_list(self) -> list[tuple[str, str]]:
        """The figures as (label, value), with an empty label for a line without a colon."""
        pairs = (line.partition(":") for line in self.figures.splitlines() if line.strip())
        return [
            (label.strip(), value.strip()) if colon else ("", label.strip())
            for label, colon, value in pairs
        ]

    @property
    def sections(self) -> list[tuple[str, str, str]]:
        """The sections that have a text, in order: anchor, heading, Markdown."""
        told = (
            ("problem", "The problem", self.problem),
            ("approach", "The approach", self.approach),
            ("difficulty", "What is hard about it", self.difficulty),
            ("outcome", "The outcome", self.outcome),
            ("questions", "What to ask", self.questions),
            ("pattern", "The same pattern in this cluster", self.pattern),
        )
        return [section for section in told if section[2].strip()]


class SeedImport(models.Model):
    """The record of one import from `seeds/`, which keeps later imports off the owner's edits."""

    name = models.CharField(max_length=120, primary_key=True)
    # Of the fields as imported: a row with another fingerprint was edited by the owner.
    fingerprint = models.CharField(max_length=64)
    imported_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "seed_import"

    def __str__(self) -> str:
        return self.name
