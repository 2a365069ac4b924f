"""The articles that a new platform begins with: Markdown files in articles/seeds/.

What the owner has changed or deleted since is never touched again. A seed that has
changed in the repository, and that nobody has edited here, becomes a new revision.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from articles.editors import ensure_editors
from articles.models import DRAFT, PUBLISHED, Article, ImportedSeed, Series, Tag
from articles.writing import NotPublishable, render_again, save_article

SEEDS: Final = Path(__file__).resolve().parent / "seeds"
FENCE: Final = "---"
FIELDS: Final = frozenset(
    {
        "title",
        "slug",
        "summary",
        "published",
        "tags",
        "series",
        "series_position",
        "related",
        "figure",
        "what_changed",
        "canonical_url",
    }
)


class BadSeed(Exception):
    """A seed cannot be read; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class Seed:
    """One file: its front matter, its text, and its SHA-256."""

    name: str
    slug: str
    front: dict[str, Any]
    body: str
    digest: str


def read_seed(path: Path) -> Seed:
    """Read one file; raises BadSeed."""
    text = path.read_text("utf-8")
    begin, front, body = (*text.split(f"{FENCE}\n", 2), "", "", "")[:3]
    if begin.strip() or not front or not body:
        raise BadSeed(f"{path.name} does not begin with front matter between two lines of ---.")
    try:
        read = yaml.safe_load(front)
    except yaml.YAMLError as error:
        raise BadSeed(f"The front matter of {path.name} is not YAML: {error}") from error
    if not isinstance(read, dict) or not read.get("title"):
        raise BadSeed(f"The front matter of {path.name} has no title.")
    unknown = sorted(set(read) - FIELDS)
    if unknown:
        raise BadSeed(f"The front matter of {path.name} has unknown fields: {', '.join(unknown)}.")
    slug = str(read.get("slug") or path.stem)
    return Seed(
        name=path.name,
        slug=slug,
        front=read,
        body=body.strip("\n") + "\n",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def import_seeds(folder: Path = SEEDS) -> list[str]:
    """Bring the database to what the seeds say; one sentence for each that was taken or not."""
    said, imported = [], []
    for path in sorted(folder.glob("*.md")):
        try:
            seed = read_seed(path)
            sentence = import_seed(seed)
        except (BadSeed, NotPublishable, ValidationError) as error:
            said.append(f"{path.name} was not imported: {error}")
            continue
        if sentence:
            said.append(sentence)
            imported.append(seed)
    for seed in imported:  # when all of them are there
        _relate(seed)
    return said


@transaction.atomic
def import_seed(seed: Seed) -> str:
    """Take one seed, if it is new or changed and still the seed's own; what was done, if anything.

    Raises NotPublishable when its text has problems, BadSeed or ValidationError when its
    fields do.
    """
    known = ImportedSeed.objects.select_for_update().filter(slug=seed.slug).first()
    if known is None:
        if Article.objects.filter(slug=seed.slug).exists():
            return ""  # the owner's own, of the same address
        article = Article(slug=seed.slug)
    elif known.digest == seed.digest or known.article is None:
        return ""
    elif known.article.version != known.version:
        return ""  # edited here
    else:
        article = known.article
    note = f"From articles/seeds/{seed.name}"
    _fill(article, seed)
    save_article(article=article, note=note)
    article.tags.set([_tag(str(name)) for name in seed.front.get("tags") or []])
    ImportedSeed.objects.update_or_create(
        slug=seed.slug,
        defaults={"digest": seed.digest, "article": article, "version": article.version},
    )
    return f"{'updated' if known else 'imported'} the article {seed.slug}"


def _fill(article: Article, seed: Seed) -> None:
    front = seed.front
    article.title = str(front["title"])
    article.summary = " ".join(str(front.get("summary") or "").split())
    article.body = seed.body
    article.what_changed = str(front.get("what_changed") or "")
    article.figure = str(front.get("figure") or "")
    article.canonical_url = str(front.get("canonical_url") or "")
    article.series = _series(front.get("series"))
    article.series_position = front.get("series_position")
    article.published_at = _moment(seed, front.get("published"))
    article.state = PUBLISHED if article.published_at else DRAFT
    article.full_clean(exclude=["slug"] if article.pk else None)


def _moment(seed: Seed, written: Any) -> dt.datetime | None:
    """The date, or date and time, that YAML has read; without a zone it is UTC."""
    if written is None:
        return None
    if isinstance(written, dt.datetime):
        return written if written.tzinfo else written.replace(tzinfo=dt.UTC)
    if isinstance(written, dt.date):
        return dt.datetime.combine(written, dt.time(), dt.UTC)
    raise BadSeed(f"“published” of {seed.name} is no date and time: {written}.")


def _tag(name: str) -> Tag:
    return Tag.objects.get_or_create(slug=slugify(name), defaults={"name": name})[0]


def _series(title: Any) -> Series | None:
    if not title:
        return None
    return Series.objects.get_or_create(slug=slugify(str(title)), defaults={"title": str(title)})[0]


def _relate(seed: Seed) -> None:
    article = Article.objects.filter(imported_seed__slug=seed.slug).first()
    if article is not None:
        slugs = [str(slug) for slug in seed.front.get("related") or []]
        article.related.set(Article.objects.filter(slug__in=slugs).exclude(pk=article.pk))


def prepare_articles() -> list[str]:
    """All that a start brings to the articles; one sentence for each thing that was done or not."""
    ensure_editors()
    return [*import_seeds(), *render_again()]
