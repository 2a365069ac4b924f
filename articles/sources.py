"""Listings and constants that articles take from the running source.

A thin layer over `cluster.kit.source` that turns its errors into an author's problems.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from articles.problems import Refused
from cluster.kit.source.resolve import UnknownSource, constant, excerpt


@dataclass(frozen=True, slots=True)
class SourceListing:
    """Lines of a file, the first of which has the number `first`."""

    text: str
    language: str
    first: int
    url: str
    place: str  # cluster/worker.py:12–40


@dataclass(frozen=True, slots=True)
class SourceValue:
    """A constant as the source sets it, such as `timedelta(minutes=1)`."""

    written: str
    url: str


def source_listing(target: str) -> SourceListing:
    """Return the lines of the target.

    Raises Refused when the running source has no such target.
    """
    try:
        found = excerpt(target)
    except UnknownSource as error:
        raise Refused(str(error)) from error
    return SourceListing(
        text=textwrap.dedent(found.text),
        language=found.language,
        first=found.location.first,
        url=found.location.url,
        place=found.location.words,
    )


def source_value(target: str) -> SourceValue:
    """Return the constant.

    Raises Refused when the running source sets no such constant. It is read from the source
    and never from the process, so that no setting from outside (a key, an address) can be
    printed.
    """
    try:
        location, written = constant(target)
    except UnknownSource as error:
        raise Refused(str(error)) from error
    return SourceValue(written=" ".join(written.split()), url=location.url)
