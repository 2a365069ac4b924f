"""A demo: frozen data, checked when it is declared, and the function that runs it.

Its words are in `scenarios/`, in the Markdown file with the name of the demo.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cluster.kit.source.resolve import target_of
from portfolio.demos.caller import Caller
from portfolio.demos.controls import Control, Values
from portfolio.demos.result import Result
from portfolio.described import Description, named, read_descriptions
from portfolio.patterns import PATTERNS

SLUG: Final = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor's run of a demo. `call` makes HTTP requests to this site as this visitor.

    `run` is the run's id, which a demo may use as an idempotency key or a name for its rows.
    """

    visitor: str
    run: UUID
    call: Caller


class DemoText(Description, frozen=True, kw_only=True):
    """The words of a demo: as prose what it shows, and as points what to watch.

    `service` is the service whose work it shows, and `patterns` are those that it runs. `article`
    is the slug of the article that explains it, and `experiment` that of the chaos experiment that
    attacks it (both may be empty).
    """

    title: str
    service: str
    patterns: tuple[str, ...] = ()
    article: str = ""
    experiment: str = ""


TEXTS: Final = read_descriptions(Path(__file__).parent / "scenarios", DemoText)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One demo of the lab.

    `code` are the functions, classes and modules that run, besides those of its patterns, the
    cluster's first. `seconds` is about how long a run takes at most.
    """

    slug: str
    run: Callable[[Visit, Values], Result]
    code: tuple[object, ...] = ()
    controls: tuple[Control, ...] = ()
    seconds: int = 5

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.slug):
            raise ValueError(f"not a slug: {self.slug!r}")
        named(TEXTS, [self.slug], by="the demos’ registry")
        if not (self.watch and self.sources):
            raise ValueError(f"{self.slug}: say what to watch, and where the source is")

    @property
    def _text(self) -> DemoText:
        return TEXTS[self.slug]

    @property
    def title(self) -> str:
        return self._text.title

    @property
    def service(self) -> str:
        return self._text.service

    @property
    def lead(self) -> str:
        return self._text.prose

    @property
    def watch(self) -> tuple[str, ...]:
        return self._text.points

    @property
    def article(self) -> str:
        return self._text.article

    @property
    def experiment(self) -> str:
        return self._text.experiment

    @property
    def sources(self) -> tuple[str, ...]:
        """The code that runs, as targets of `cluster.kit.source.resolve.locate`."""
        patterns = named(PATTERNS, self._text.patterns, by=f"the demo {self.slug}")
        of_patterns = [target for pattern in patterns for target in pattern.sources]
        return tuple(dict.fromkeys((*of_patterns, *map(target_of, self.code))))
