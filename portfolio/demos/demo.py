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

import msgspec

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


class Demo(DemoText, frozen=True, kw_only=True):
    """One demo of the lab: its words, the function that runs it, and the settings of a run.

    `code` are the functions, classes and modules that run, besides those of its patterns, the
    cluster's first. `seconds` is about how long a run takes at most.
    """

    run: Callable[[Visit, Values], Result]
    code: tuple[object, ...]
    controls: tuple[Control, ...]
    seconds: int

    @property
    def sources(self) -> tuple[str, ...]:
        """The code that runs, as targets of `cluster.kit.source.resolve.locate`."""
        patterns = named(PATTERNS, self.patterns, by=f"the demo {self.slug}")
        of_patterns = [target for pattern in patterns for target in pattern.sources]
        return tuple(dict.fromkeys((*of_patterns, *map(target_of, self.code))))


def demo(
    slug: str,
    *,
    run: Callable[[Visit, Values], Result],
    code: tuple[object, ...] = (),
    controls: tuple[Control, ...] = (),
    seconds: int = 5,
) -> Demo:
    """Return the demo of this name with its words. Raises ValueError when they do not fit."""
    (text,) = named(TEXTS, [slug], by="a demo")
    words = msgspec.structs.asdict(text)
    declared = Demo(**words, run=run, code=code, controls=controls, seconds=seconds)
    if not SLUG.fullmatch(slug):
        raise ValueError(f"not a slug: {slug!r}")
    if not (declared.points and declared.sources):
        raise ValueError(f"{slug}: say what to watch, and where the source is")
    return declared
