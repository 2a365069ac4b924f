"""The provider's part of a trace: from the acceptance of an operation to its delivered answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cluster.payments.provider_api import ProviderEvent
from cluster.tracing.context import derived, read
from cluster.tracing.recorder import Kind, Span, record

# An event, its operation's traceparent, and the time of acceptance (seconds of the epoch).
Answer = tuple[ProviderEvent, str | None, float]


def answered_in(traceparent: str | None, event: ProviderEvent) -> str | None:
    """Return the traceparent of an answer: the provider's own span, below the operation's."""
    operation = read(traceparent)
    if operation is None:
        return None
    return operation.within(derived(str(event.id), "answered")).traceparent


def answered(answers: Sequence[Answer], now: int) -> None:
    """Record that the receiver has accepted answers (`now` in ns of the epoch)."""
    sampled = [
        answer for answer in answers if (asked := read(answer[1])) is not None and asked.sampled
    ]
    if sampled:
        record(partial(_spans, sampled, now))


def _spans(answers: Sequence[Answer], now: int) -> list[Span]:
    spans = []
    for event, traceparent, accepted_at in answers:
        operation = read(traceparent)
        if operation is None:
            continue
        spans.append(
            Span(
                f"provider {event.type}",
                Kind.SERVER,
                operation.trace_id,
                derived(str(event.id), "answered"),
                operation.span_id,
                int(accepted_at * 1_000_000_000),
                now,
                {
                    "payment.event": event.type.value,
                    "payment.id": str(event.payment),
                    "payment.idempotency_key": str(event.operation),
                },
            )
        )
    return spans
