"""Reading the owner's texts for the pages, cached for the time when the database is away."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from django.db import Error

from articles.owner.models import CaseStudy, Link, Page, Profile
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage

logger = logging.getLogger(__name__)


class NotKnown(Exception):
    """The database is away, and this process has not read these texts before."""


@dataclass(frozen=True)
class Words:
    """The owner, and the texts of one page."""

    profile: Profile
    links: list[Link]
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
    try:
        words = retry_on_disconnect(lambda: _read(key))
    except Error as error:
        if not is_outage(error):
            raise
        if key not in _remembered:
            raise NotKnown from error
        logger.warning("the words of %s are remembered: %s", key, type(error).__name__)
        return _remembered[key]
    _remembered[key] = words
    return words


def case_studies() -> list[CaseStudy]:
    """Return the visible case studies, in the owner's order, or raise NotKnown."""
    try:
        found = retry_on_disconnect(lambda: list(CaseStudy.objects.filter(visible=True)))
    except Error as error:
        if not is_outage(error):
            raise
        if not _work:
            raise NotKnown from error
        return list(_work)
    _work[:] = found
    return found


def _read(key: str) -> Words:
    title = key.capitalize()
    return Words(
        profile=Profile.objects.first() or Profile(name="The owner"),
        links=list(Link.objects.all()),
        page=Page.objects.filter(key=key).first() or Page(key=key, title=title),
    )
