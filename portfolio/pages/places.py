"""Pages that are found by their name: sections, services, nodes of the plan, pieces of work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from articles.owner.models import CaseStudy
from cluster.kit.navigation import SECTIONS
from portfolio.architecture.descriptions import knowledge
from portfolio.architecture.plan import plan
from portfolio.demos.registry import DEMOS
from portfolio.lab.services import PARTICIPANTS

MOST_FOUND: Final = 8
WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Place:
    """One page: its kind, its name, its address, and further words that find it."""

    kind: str
    name: str
    address: str
    words: str = ""


def find_places(query: str, *, by_name_alone: bool = False) -> list[Place]:
    """Return the pages in which each word of the query begins a word of the name or `words`.

    Pages that are found by their name come first.
    """
    asked = WORD.findall(query.lower())
    if not asked:
        return []
    named, told = [], []
    for place in _places():
        if _has(place.name, asked):
            named.append(place)
        elif not by_name_alone and _has(f"{place.name} {place.words}", asked):
            told.append(place)
    return [*named, *told][:MOST_FOUND]


def _has(text: str, asked: list[str]) -> bool:
    words = WORD.findall(text.lower())
    return all(any(word.startswith(part) for word in words) for part in asked)


def _places() -> Iterator[Place]:
    for section in SECTIONS:
        yield Place("page", section.title, section.address)
    yield Place("page", "Events", reverse("events"), "messages journal checkout start")
    yield Place("page", "Demos", reverse("demos"), "lab run try")
    yield Place("page", "Compose an experiment", reverse("chaos:compose"), "chaos fault break own")
    yield Place("page", "API", reverse("api-page"), "http openapi curl program idempotency")
    yield Place("page", "Source", reverse("source"), "code")
    yield Place("page", "Read the heart", reverse("heart"), "guide source code path tour")
    for name, participant in PARTICIPANTS.items():
        patterns = " ".join(pattern.name for pattern in participant.patterns)
        yield Place(
            "lab",
            participant.title,
            reverse("lab-service", args=[name]),
            f"{name} {participant.code} {participant.owns} {patterns}",
        )
    for demo in DEMOS.values():
        address = reverse("demo", args=[demo.slug])
        yield Place("demo", demo.title, address, f"{demo.slug} {demo.prose}")
    for node in plan().nodes.values():
        about = knowledge(node)
        patterns = " ".join(pattern.name for pattern in about.patterns)
        yield Place(
            "architecture",
            node.name,
            reverse("architecture-node", args=[node.name]),
            f"{node.label} {patterns}",
        )
    for study in CaseStudy.objects.filter(visible=True).only("slug", "title", "summary"):
        yield Place("work", study.title, study.get_absolute_url(), study.summary)
