"""A checkout with its trace, from the spans that the processes themselves export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from cluster.messaging import message_spans
from cluster.operations.plan import SOLD_OUT
from cluster.storefront.checkout_intake import Outcome
from cluster.storefront.journal.queries import Entry
from cluster.tracing import context
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import expect
from portfolio.demos.queries import recorded_of
from portfolio.demos.result import Check, Link, Result, Side, check, figure, lane_of
from portfolio.demos.sagas import USUAL
from portfolio.demos.spans import await_tree, missing
from portfolio.demos.waiting import StillUnderWay, ends_of
from portfolio.traces.tree import Tree


def run(visit: Visit, values: Values) -> Result:
    """Start it, wait for its end, and for the spans of every message in the journal."""
    begun = expect(
        visit.call(
            "POST",
            "/api/v1/checkouts",
            body=_wish(Outcome(str(values["outcome"]))),
            headers={"Idempotency-Key": str(visit.run)},
            note="The request that the trace begins with.",
        ),
        HTTPStatus.ACCEPTED,
    )
    saga = UUID(begun.json()["id"])
    ends_of([saga])
    heard = recorded_of(saga)
    tree = await_tree(saga, [one.message_id for one in heard], whole=True)
    if tree is None:
        raise StillUnderWay(
            "The checkout has ended, and the observer, which keeps the spans, is away or has "
            "none of it yet. Processes keep a few while it is away."
        )
    answer = visit.call("GET", f"/api/v1/traces/{saga.hex}", note="The same spans, for programs.")
    milliseconds = (tree.end - tree.start) / 1_000_000
    return Result(
        headline=f"{len(tree.spans)} spans of {len(_processes(tree))} processes, in one tree, over "
        f"{milliseconds:.0f} ms."
        if len(tree.roots) == 1
        else f"{len(tree.spans)} spans, {len(tree.roots)} of them without a parent.",
        sides=(
            Side(
                title="Its trace",
                sentence="From the request through every outbox, the broker, every inbox, the "
                "payment provider and back, as the processes have sent it by OTLP: "
                f"{', '.join(_processes(tree))}.",
                figures=(
                    figure("Spans", len(tree.spans)),
                    figure("Processes", len(_processes(tree))),
                    figure("Messages", len(heard)),
                ),
                links=(
                    Link(path=f"/traces/{saga.hex}/", words="The trace’s page"),
                    Link(path=f"/traces/{saga.hex}/otlp.json", words="Export as OTLP (JSON)"),
                ),
                lanes=tuple(lane_of(row) for row in tree.rows()),
                exchanges=(begun.exchange, answer.exchange),
            ),
        ),
        checks=tuple(_checks(tree, heard)),
        correlations=(saga,),
    )


def _wish(outcome: Outcome) -> dict[str, str | int]:
    if outcome is Outcome.OUT_OF_STOCK:  # the product decides
        return {"sku": SOLD_OUT, "quantity": 1, "outcome": Outcome.SUCCESS.value}
    return {"sku": USUAL, "quantity": 1, "outcome": outcome.value}


def _processes(tree: Tree) -> list[str]:
    return sorted({span.service for span in tree.spans})


def _checks(tree: Tree, heard: Sequence[Entry]) -> Iterator[Check]:
    yield check(
        "it is one tree",
        holds=len(tree.roots) == 1,
        sentence=f"{len(tree.roots)} of {len(tree.spans)} spans have no parent here; "
        "one should have none.",
    )
    without = missing(tree, [one.message_id for one in heard])
    yield check(
        "every message has its spans",
        holds=not without,
        sentence=f"{len(heard) - len(without)} of {len(heard)} messages of the journal have a span "
        "of their sending and one of what became of them.",
    )
    early = [
        child for span in tree.spans for child in tree.children(span) if child.start < span.start
    ]
    yield check(
        "no span began before its parent",
        holds=not early,
        sentence=f"{len(early)} of {len(tree.spans)} did.",
    )


DEMO: Final = demo(
    "tracing",
    controls=(
        Choice(
            "outcome",
            "What happens",
            (
                (Outcome.SUCCESS.value, "it completes"),
                (Outcome.DECLINED.value, "the card is declined"),
                (Outcome.OUT_OF_STOCK.value, "there is nothing in stock"),
            ),
        ),
    ),
    run=run,
    code=(message_spans, context, Tree),
    seconds=10,
)
