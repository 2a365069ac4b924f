"""The articles of a new platform: Markdown files in articles/seeds/.

An article that the owner has changed or deleted since is never touched again. A seed that
has changed in the repository, and that no user has edited here, becomes a new revision.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction

from articles.addresses import LONGEST_TAG, means_something, series_titled, tag_named
from articles.editors import ensure_editors
from articles.figures.registry import parse_reference
from articles.front_matter import BadSeed, Fields, FrontMatter, decoded, read_front_matter
from articles.models import DRAFT, PUBLISHED, Article, ImportedSeed
from articles.problems import Refused
from articles.writing import NotPublishable, render_again, save_article

SEEDS: Final = Path(__file__).resolve().parent / "seeds"
EXPECTED_MOMENT: Final = "expected a date, or a date and time such as 2026-11-14T09:00:00Z"
FIELD_OF: Final = {"published_at": "published"}  # where the two names differ


@dataclass(frozen=True, slots=True)
class Seed:
    """One file: its front matter, its text, and its SHA-256."""

    name: str
    slug: str
    front: FrontMatter[Fields]
    body: str
    digest: str

    @property
    def fields(self) -> Fields:
        return self.front.fields


def read_seed(path: Path) -> Seed:
    """Read one file, or raise BadSeed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadSeed(1, f"the file cannot be read: {error.strerror}.") from error
    front = read_front_matter(content, Fields)
    return Seed(
        name=path.name,
        slug=front.fields.slug or path.stem,
        front=front,
        body=front.body.strip("\n") + "\n",
        digest=hashlib.sha256(decoded(content).encode()).hexdigest(),
    )


def import_seeds(folder: Path = SEEDS) -> list[str]:
    """Update the database from the seeds, and return a sentence for each change or bad file."""
    said, imported = [], []
    for path in sorted(folder.glob("*.md")):
        try:
            seed = read_seed(path)
            sentence = import_seed(seed)
        except BadSeed as error:
            said.append(f"{path.name} was not imported: {error}")
            continue
        if sentence:
            said.append(sentence)
            imported.append(seed)
    for seed in imported:  # when all of them exist
        _relate(seed)
    return said


@transaction.atomic
def import_seed(seed: Seed) -> str:
    """Import one seed that is new or changed, and return a sentence, or "" if nothing was done.

    Nothing is done when the owner has edited or deleted the article, or has another one at
    its address. Raises BadSeed when a field or the text cannot be imported.
    """
    known = ImportedSeed.objects.select_for_update().filter(slug=seed.slug).first()
    if known is None:
        if Article.objects.filter(slug=seed.slug).exists():
            return ""  # an article of the owner has this address
        article = Article(slug=seed.slug)
    elif known.digest == seed.digest or known.article is None:
        return ""
    elif known.article.version != known.version:
        return ""  # edited here
    else:
        article = known.article
    note = f"From articles/seeds/{seed.name}"
    _fill(article, seed)
    try:
        save_article(article=article, note=note)
    except NotPublishable as error:
        first = error.problems[0]
        raise BadSeed(_line_of_text(seed, first.line), first.sentence) from error
    article.tags.set([tag_named(name) for name in seed.fields.tags])
    ImportedSeed.objects.update_or_create(
        slug=seed.slug,
        defaults={"digest": seed.digest, "article": article, "version": article.version},
    )
    return f"{'updated' if known else 'imported'} the article {seed.slug}"


def _fill(article: Article, seed: Seed) -> None:
    fields = seed.fields
    article.title = fields.title
    article.summary = " ".join((fields.summary or "").split())
    article.body = seed.body
    article.what_changed = fields.what_changed or ""
    article.figure = _figure(seed)
    article.canonical_url = fields.canonical_url or ""
    article.series = series_titled(fields.series) if fields.series else None
    article.series_position = fields.series_position
    article.published_at = _moment(seed)
    article.state = PUBLISHED if article.published_at else DRAFT
    _check_tags(seed)
    try:
        article.full_clean(exclude=["slug"] if article.pk else None)
    except ValidationError as error:
        raise _refusal(seed, error) from error


def _moment(seed: Seed) -> dt.datetime | None:
    """Return the date, or date and time, which is UTC unless it names a zone."""
    written = seed.fields.published
    if not written:
        return None
    try:
        moment = dt.datetime.fromisoformat(written)
    except ValueError:
        raise seed.front.bad("published", f"{EXPECTED_MOMENT}, not {written}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _figure(seed: Seed) -> str:
    figure = seed.fields.figure or ""
    if figure:
        try:
            parse_reference(figure)
        except Refused as refusal:
            raise seed.front.bad("figure", str(refusal)) from None
    return figure


def _check_tags(seed: Seed) -> None:
    for name in seed.fields.tags:
        if len(name) > LONGEST_TAG or not means_something(name):
            raise seed.front.bad("tags", f"“{name[:40]}” cannot be a tag.")


def _refusal(seed: Seed, error: ValidationError) -> BadSeed:
    """Return the first field that the model refuses, with its line of the file."""
    field, sentences = next(iter(error.message_dict.items()))
    field = FIELD_OF.get(field, field)
    if field == "body":
        return BadSeed(seed.front.body_line, sentences[0])
    return seed.front.bad(field, f"“{field}”: {sentences[0]}")


def _line_of_text(seed: Seed, line: int) -> int:
    """Return the line of the file on which a line of the text stands."""
    left_out = len(seed.front.body) - len(seed.front.body.lstrip("\n"))
    return seed.front.body_line + left_out + line - 1


def _relate(seed: Seed) -> None:
    article = Article.objects.filter(imported_seed__slug=seed.slug).first()
    if article is not None:
        others = Article.objects.filter(slug__in=seed.fields.related)
        article.related.set(others.exclude(pk=article.pk))


def prepare_articles() -> list[str]:
    """Prepare the articles at a start, and return a sentence for each change or failure."""
    ensure_editors()
    return [*import_seeds(), *render_again()]
