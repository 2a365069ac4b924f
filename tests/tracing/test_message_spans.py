"""The inbox records the spans of committed messages, after their commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pytest

from cluster.catalog.contract import ReserveStock, StockReserved
from cluster.messaging import tracing
from cluster.messaging.envelope import Envelope, Message, encode_envelope, new_message_id
from cluster.messaging.inbox import Inbox
from cluster.messaging.service import Service
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from cluster.tracing.context import SpanContext, derived, random_half
from cluster.tracing.recorder import Span
from tests.messaging.messages import reserve_stock

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BAD = "BAD"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[Span]:
    """The recorded spans, in their order."""
    recorded: list[Span] = []

    def take(build: Callable[[], Iterable[Span]]) -> None:
        recorded.extend(build())

    monkeypatch.setattr(tracing, "record", take)
    return recorded


def reserve(work: UnitOfWork, messages: Sequence[Message[ReserveStock]], /) -> None:
    for message in messages:
        work.reply(message, StockReserved(sku="MUG", quantity=1))
        if message.payload.sku == BAD:
            raise PermanentError("no such product")


@pytest.fixture
def apply(scratch: DatabaseSession) -> Callable[..., None]:
    inbox = Inbox(Service(name="catalog", code="CAT", handlers={ReserveStock: reserve}), scratch)

    def apply(*envelopes: Envelope, arrivals: Sequence[int] = ()) -> None:
        inbox.apply([encode_envelope(one) for one in envelopes], arrivals)

    return apply


def command(*, sampled: bool = True, **changes: Any) -> Envelope:
    """Return a command that checkout has sent in a trace."""
    sent = reserve_stock(**changes)
    place = SpanContext(TRACE, random_half(sent.id), sampled)
    return msgspec.structs.replace(sent, traceparent=place.traceparent)


def test_a_message_is_processed_from_its_receipt_below_its_sending(
    apply: Callable[..., None], spans: list[Span]
) -> None:
    sent = command()

    apply(sent, arrivals=[1_000])

    process = next(span for span in spans if span.name == "process catalog.reserve_stock.v1")
    assert process.parent_id == random_half(sent.id)
    assert process.span_id == derived(random_half(sent.id), "catalog")
    assert process.start == 1_000
    assert process.attributes["messaging.message.id"] == str(sent.id)


def test_an_answer_is_sent_in_the_span_in_which_its_cause_was_processed(
    apply: Callable[..., None], spans: list[Span]
) -> None:
    sent = command()

    apply(sent)

    answer = next(span for span in spans if span.name == "send catalog.stock_reserved.v1")
    assert (answer.trace_id, answer.parent_id) == (TRACE, derived(random_half(sent.id), "catalog"))


def test_a_batch_that_was_rolled_back_leaves_no_span_of_its_own(
    apply: Callable[..., None], spans: list[Span]
) -> None:
    good, bad = command(), command(sku=BAD)

    apply(good, bad)

    processed = [(s.span_id, s.error) for s in spans if s.name.startswith("process")]
    assert processed == [
        (derived(random_half(good.id), "catalog"), ""),
        (derived(random_half(bad.id), "catalog"), "PermanentError: no such product"),
    ]
    assert [s.name for s in spans].count("send catalog.stock_reserved.v1") == 1


def test_a_message_that_comes_again_or_too_early_is_not_processed(
    apply: Callable[..., None], spans: list[Span]
) -> None:
    subject = new_message_id()
    first, second = (command(subject_id=subject, sequence=number) for number in (1, 2))

    apply(second)
    assert not any(span.name.startswith("process") for span in spans)
    apply(first)
    apply(first, second)

    processed = [span.span_id for span in spans if span.name.startswith("process")]
    assert processed == [derived(random_half(one.id), "catalog") for one in (first, second)]


def test_what_is_not_sampled_leaves_nothing(apply: Callable[..., None], spans: list[Span]) -> None:
    sent = command(sampled=False)

    apply(sent)
    tracing.Tracing().published([encode_envelope(sent)], 5)

    assert spans == []


def test_the_relay_finds_the_parent_in_the_bytes_that_it_publishes(spans: list[Span]) -> None:
    sent = command()

    tracing.Tracing().published(
        [encode_envelope(sent), encode_envelope(command(sampled=False)), b"{}"], 5
    )

    [span] = spans
    assert span.name == "publish catalog.reserve_stock.v1"
    assert (span.parent_id, span.end) == (random_half(sent.id), 5)
