"""The trace context of a header or a message, and the ids that follow from it."""

from __future__ import annotations

from uuid import UUID

import pytest

from cluster.messaging.envelope import new_message_id
from cluster.tracing.context import (
    RequestSpan,
    SpanContext,
    derived,
    named_after,
    random_half,
    read,
)
from portfolio.edge.tracing import incoming

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_traceparent_is_read_and_written_alike() -> None:
    place = read(HEADER)

    assert place == SpanContext(
        "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True
    )
    assert place.traceparent == HEADER


def test_a_message_without_a_proper_traceparent_has_no_place() -> None:
    assert read(None) is None
    assert read("00-0-0-00") is None


@pytest.mark.parametrize("flags", ["00", "02"])
def test_the_last_bit_of_the_flags_says_whether_it_is_sampled(flags: str) -> None:
    assert read(HEADER[:-2] + "03") is not None
    place = read(HEADER[:-2] + flags)
    assert place is not None
    assert not place.sampled


@pytest.mark.parametrize(
    "header",
    [
        "",
        "ff" + HEADER[2:],  # a version that is forbidden
        HEADER.upper(),
        HEADER + "-01",  # in version 00 the flags come last
        HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        HEADER.replace("00f067aa0ba902b7", "0" * 16),
        HEADER.replace("-", "_"),
        HEADER[:-1],
        HEADER.replace("4bf9", "4bg9"),
    ],
)
def test_a_header_that_the_standard_forbids_is_ignored(header: str) -> None:
    assert incoming(header) is None


def test_a_header_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert incoming(HEADER) == read(HEADER)
    assert incoming("01" + HEADER[2:] + "-more") == read(HEADER)


def test_the_ids_of_a_trace_follow_from_its_correlation() -> None:
    correlation = UUID("01990000-0000-7000-8000-00000000abcd")

    assert named_after(correlation).traceparent == (
        "00-0199000000007000800000000000abcd-800000000000abcd-01"
    )
    assert derived("800000000000abcd", "orders") != derived("800000000000abcd", "catalog")
    assert len(derived("800000000000abcd", "orders")) == 16


def test_a_ratio_samples_about_that_part_and_always_the_same() -> None:
    ids = [new_message_id() for _ in range(2_000)]

    sampled = [named_after(one, ratio=0.25).sampled for one in ids]

    assert 350 < sum(sampled) < 650
    assert sampled == [named_after(one, ratio=0.25).sampled for one in ids]
    assert not any(named_after(one, ratio=0.0).sampled for one in ids)


def test_a_request_begins_the_trace_of_its_first_correlation_or_joins_its_callers() -> None:
    first, second = new_message_id(), new_message_id()
    alone, called = RequestSpan(None), RequestSpan(read(HEADER))

    assert alone.join(first) == alone.join(second) == named_after(first)
    assert called.join(first) == SpanContext(HEADER[3:35], random_half(first), sampled=True)
