"""The spans of a checkout that a demo started, once they have arrived."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from config.waiting import wait_until
from portfolio.traces.queries import TracesAway, read_trace
from portfolio.traces.tree import Row, Tree

MESSAGE: Final = "messaging.message.id"
PATIENCE: Final = 5.0  # seconds; spans are sent twice a second
EVERY: Final = 0.2  # seconds


def await_tree(saga: UUID, messages: Collection[UUID], *, whole: bool = False) -> Tree | None:
    """Return the trace of a saga, once each of `messages` has its spans or time is up.

    With `whole`, wait for the parents of all spans as well. A request's span is exported when the
    request has ended, so a saga that the demo's own request started is not whole while it runs.
    Returns None when the observer, which keeps the spans, is away or has none.
    """
    return wait_until(
        lambda: _tree(saga),
        holds=lambda tree: tree is not None and _is_complete(tree, messages, whole=whole),
        within=PATIENCE,
        every=EVERY,
    )


def _is_complete(tree: Tree, messages: Collection[UUID], *, whole: bool) -> bool:
    return not missing(tree, messages) and (not whole or len(tree.roots) == 1)


def missing(tree: Tree, messages: Collection[UUID]) -> set[str]:
    """Return the ids of the messages without a span of their sending or of their handling."""
    told = {message_of(row) for row in tree.rows() if row.is_message and len(row.segments) > 1}
    return set(map(str, messages)) - told


def message_of(row: Row) -> str:
    """Return the id of a row's message."""
    return str(row.span.attributes.get(MESSAGE, ""))


def _tree(saga: UUID) -> Tree | None:
    try:
        trace = read_trace(saga.hex)
    except TracesAway:
        return None
    return None if trace is None else Tree(trace.spans)
