"""A demo: frozen data, checked when it is declared, and the function that runs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from portfolio.demos.caller import Caller
from portfolio.demos.controls import Control, Values
from portfolio.demos.result import Result

SLUG: Final = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor's run of a demo. `call` makes HTTP requests to this site as this visitor.

    `run` is the run's id, which a demo may use as an idempotency key or a name for its rows.
    """

    visitor: str
    run: UUID
    call: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One demo of the lab.

    `service` is the service whose work it shows. `lead` says in one or two sentences what is shown,
    and `watch` what to watch, a sentence each. `sources` are the code that runs, the cluster's
    first, as targets of `cluster.kit.source.resolve.locate`. `article` is the slug of the article
    that explains it, and `experiment` that of the chaos experiment that attacks it (both may be
    empty). `seconds` is about how long a run takes at most.
    """

    slug: str
    title: str
    service: str
    lead: str
    watch: tuple[str, ...]
    sources: tuple[str, ...]
    run: Callable[[Visit, Values], Result]
    controls: tuple[Control, ...] = ()
    article: str = ""
    experiment: str = ""
    seconds: int = 5

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.slug):
            raise ValueError(f"not a slug: {self.slug!r}")
        if not (self.watch and self.sources):
            raise ValueError(f"{self.slug}: say what to watch, and where the source is")
