"""The figures that exist, with their options. The code that draws one is loaded when needed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from articles.options import parse_words, shortened
from articles.problems import Refused

Options = Mapping[str, Any]
_NAME: Final = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number between two bounds."""

    default: int
    least: int
    most: int

    def read(self, text: str) -> int:
        number = int(text) if re.fullmatch(r"\d{1,6}", text) else None
        if number is None or not self.least <= number <= self.most:
            raise Refused(f"must be a number from {self.least} to {self.most}")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several words, the first of which is the default."""

    words: tuple[str, ...]

    @property
    def default(self) -> str:
        return self.words[0]

    def read(self, text: str) -> str:
        if text not in self.words:
            raise Refused(f"must be {' or '.join(self.words)}")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The name of a thing that must exist, else `check` raises Refused."""

    check: str  # module:function, imported when it is needed
    default: None = None

    def read(self, text: str) -> str:
        if not _NAME.fullmatch(text):
            raise Refused("must be a name of letters, digits and hyphens")
        module, _, function = self.check.partition(":")
        getattr(importlib.import_module(module), function)(text)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. Its module has `draw(options, request)` and `picture(options)`."""

    name: str
    words: str  # what it shows, for authors
    module: str
    options: Mapping[str, Number | Choice | Reference]
    stylesheets: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()

    def load(self, function: str) -> Callable[..., Any]:
        loaded: Callable[..., Any] = getattr(importlib.import_module(self.module), function)
        return loaded

    @property
    def example(self) -> str:
        """The directive's first line, with the default options."""
        parts = [
            f"{name}={option.default if option.default is not None else '…'}"
            for name, option in self.options.items()
        ]
        return " ".join([self.name, *parts])


_GRAPH_SHEETS: Final = ("kit/train-graph.css",)
_GRAPH_SCRIPTS: Final = ("kit/train-graph.js",)

FIGURES: Final[Mapping[str, Figure]] = {
    figure.name: figure
    for figure in (
        Figure(
            name="train-graph",
            words="The cluster's sagas of the last seconds, as they run",
            module="articles.figures.train_graph",
            options={"window": Number(default=12, least=4, most=120)},
            stylesheets=_GRAPH_SHEETS,
            scripts=_GRAPH_SCRIPTS,
        ),
        Figure(
            name="saga-steps",
            words="Each message of the latest saga that ended in this way",
            module="articles.figures.saga_steps",
            options={"outcome": Choice(words=("compensated", "completed"))},
            stylesheets=(*_GRAPH_SHEETS, "articles/figures.css"),
            scripts=_GRAPH_SCRIPTS,
        ),
        Figure(
            name="incident",
            words="A recorded incident, replayable",
            module="articles.figures.incident",
            options={"ref": Reference(check="articles.figures.incident:document")},
            stylesheets=_GRAPH_SHEETS,
            scripts=_GRAPH_SCRIPTS,
        ),
        Figure(
            name="outbox-depth",
            words="What waits in the six outboxes, now and in the last minutes",
            module="articles.figures.outbox_depth",
            options={"minutes": Number(default=10, least=1, most=60)},
            stylesheets=("articles/figures.css",),
            scripts=("articles/outbox-depth.js",),
        ),
        Figure(
            name="lease-rotation",
            words="The leased database logins: what remains of them, and the last rotations",
            module="articles.figures.lease_rotation",
            options={"rotations": Number(default=8, least=1, most=30)},
            stylesheets=("articles/figures.css",),
            scripts=("articles/lease-rotation.js",),
        ),
    )
}


def checked_options(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the options with defaults filled in.

    Raises Refused with a sentence.
    """
    figure = FIGURES.get(name)
    if figure is None:
        known = ", ".join(FIGURES)
        raise Refused(f"There is no figure “{shortened(name)}”; known are: {known}.")
    for option in given:
        if option not in figure.options:
            known = ", ".join(figure.options)
            raise Refused(
                f"The figure “{name}” has no option “{shortened(option)}”; it has: {known}."
            )
    checked: dict[str, Any] = {}
    for option, kind in figure.options.items():
        if option in given:
            try:
                checked[option] = kind.read(given[option])
            except Refused as refusal:
                if str(refusal).endswith("."):  # a sentence of its own
                    raise
                raise Refused(
                    f"“{option}” of the figure “{name}” {refusal}, not "
                    f"“{shortened(given[option])}”."
                ) from None
        elif kind.default is None:
            raise Refused(f"The figure “{name}” needs its option “{option}”.")
        else:
            checked[option] = kind.default
    return checked


def parse_reference(text: str) -> tuple[Figure, dict[str, Any]]:
    """Return the figure and options of a text such as `incident ref=broker`.

    Raises Refused when there is no such figure or option.
    """
    words = parse_words(text)
    if len(words.plain) != 1:
        raise Refused("A figure has one name, such as train-graph.")
    options = checked_options(words.plain[0], words.options)
    return FIGURES[words.plain[0]], options
