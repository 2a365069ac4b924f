"""Reading the owner's texts for the pages, cached for the time when the database is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from articles.owner.models import CaseStudy, Link, Page, Profile
from cluster.secrets.django.reconnect import read_or


class NotKnown(Exception):
    """The database is away, and this process has not read these texts before."""


@dataclass(frozen=True)
class Owner:
    """The owner's row, and their addresses elsewhere."""

    profile: Profile
    links: list[Link]


@dataclass(frozen=True)
class Words(Owner):
    """The owner, and the texts of one page."""

    page: Page

    @property
    def description(self) -> str:
        """One sentence for search engines."""
        return self.page.description or self.page.lead or self.profile.introduction


# The texts change seldom, so an hour-old text is better than none.
_remembered: Final[dict[str, Words]] = {}
_work: Final[list[CaseStudy]] = []


def words_of(key: str) -> Words:
    """Return the owner and the texts of the page `key`.

    Raises NotKnown. Rows that are missing read as empty ones: a page can be shown without its
    texts.
    """
    words = read_or(_remembered.get(key), lambda: _read(key))
    if words is None:
        raise NotKnown
    _remembered[key] = words
    return words


def case_studies() -> list[CaseStudy]:
    """Return the visible case studies, in the owner's order, or raise NotKnown."""
    found = read_or(None, lambda: list(CaseStudy.objects.filter(visible=True)))
    if found is not None:
        _work[:] = found
    elif not _work:
        raise NotKnown
    return list(_work)


def read_owner() -> Owner:
    """Return the owner as the rows say now, an empty one when there is no row."""
    return Owner(
        profile=Profile.objects.first() or Profile(name="The owner"),
        links=list(Link.objects.all()),
    )


def _read(key: str) -> Words:
    owner = read_owner()
    page = Page.objects.filter(key=key).first() or Page(key=key, title=key.capitalize())
    return Words(owner.profile, owner.links, page)
