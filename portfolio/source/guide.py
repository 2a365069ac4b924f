"""The guided path through the source: `docs/heart.md` as a page, with its lines counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import conditional_page, require_safe

from articles.owner.prose import rendered
from cluster.kit.problems import problem
from cluster.kit.source.resolve import Location, locate
from cluster.kit.source.tree import snapshot
from config.revision import running_revision

PATH: Final = "docs/heart.md"
# A link of the text: a file beside docs/, and in it a name, where a part of it is enough.
LINK: Final = re.compile(r"\]\(\.\./(?P<path>[\w/.-]+?)(?:#(?P<name>[\w.]+))?\)")
TITLE: Final = re.compile(r"\A# (?P<title>.+)\n+")
FURTHER: Final = "\n## Then "  # from here on the text names what is beyond the path

AWAY: Final = "The guide is not part of the source that runs here."


@dataclass(frozen=True, slots=True)
class Guide:
    """The path: its title, its text as HTML, and how much there is to read."""

    title: str
    html: SafeString
    lines: int
    stops: int


@require_safe
@conditional_page
def heart(request: HttpRequest) -> HttpResponse:
    """Render the path through the heart of the source.

    The answer is 404 where the source has no such file.
    """
    if PATH not in snapshot().files:
        return problem(request, HTTPStatus.NOT_FOUND, AWAY)
    context = {"guide": guide(), "path": PATH, "revision": running_revision()}
    return render(request, "portfolio/source/guide.html", context)


@cache
def guide() -> Guide:
    """Return the path as it is in the running source. Raises UnknownSource for a dead link."""
    text = snapshot().files[PATH].text or ""
    title = TITLE.match(text)
    places = stops(text)
    return Guide(
        title=title["title"] if title else PATH,
        html=rendered(LINK.sub(_address, TITLE.sub("", text))),
        lines=sum(place.line_count for place in places),
        stops=text.count("\n## ") - text.count(FURTHER),
    )


def stops(text: str) -> list[Location]:
    """Return the lines that the path sends a reader to, each once, in order."""
    path = text.partition(FURTHER)[0]
    return list(dict.fromkeys(_location(link) for link in LINK.finditer(path)))


def _location(link: re.Match[str]) -> Location:
    if link["name"] is None:
        return locate(link["path"])
    module = link["path"].removesuffix(".py").replace("/", ".")
    return locate(f"{module}:{link['name']}")


def _address(link: re.Match[str]) -> str:
    place = _location(link)
    count = place.line_count
    return f"]({place.url}) ({count} line{'s' * (count != 1)})"
