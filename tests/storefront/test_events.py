"""The display of messages: codes, marks, verbs, details and headcodes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.messaging.contract import REGISTRY, Kind
from cluster.storefront.events import (
    CONTRACTS,
    LONGEST_DETAIL,
    Mark,
    StreamEvent,
    Verb,
    present,
    telling,
)
from cluster.storefront.headcode import headcode

SAGA = UUID("01a204f7-4c42-70ae-8215-fd167fae3368")
MODULES = {contract.__name__ for contract in CONTRACTS}
DECLARED = sorted(name for name, it in REGISTRY.items() if it.schema.__module__ in MODULES)


def told(type_name: str, data: Any, *, source: str = "catalog") -> StreamEvent:
    return present(
        seq=8841,
        message_id=SAGA,
        source=source,
        type_name=type_name,
        subject=f"reservation/{SAGA}",
        sequence=1,
        correlation=SAGA,
        time=datetime(2026, 11, 14, 9, 14, 2, 118_000, tzinfo=UTC),
        data=data,
    )


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_type_is_told_from_its_own_fields(name: str) -> None:
    declared = REGISTRY[name]
    fields = dict.fromkeys(declared.schema.__struct_fields__, 1)
    event = told(name, fields)
    assert event.mark != Mark.UNKNOWN
    assert event.detail != name
    assert (event.verb == Verb.ASKED) == (declared.kind is Kind.COMMAND)


def test_an_event_says_when_who_and_what() -> None:
    event = told("catalog.stock_reserved.v1", {"sku": "tea", "quantity": 2})
    assert event.clock == "09:14:02.118"
    assert (event.code, event.mark, event.verb) == ("CAT", "committed", "reserved")
    assert event.detail == "2 × tea"


def test_amounts_are_told_in_pounds() -> None:
    event = told("payments.payment_captured.v1", {"amount": 123_405}, source="payments")
    assert event.detail == "£1234.05"


def test_a_compensation_has_the_compensated_mark() -> None:
    event = told("catalog.stock_released.v1", {"sku": "tea", "quantity": 2})
    assert event.mark == Mark.COMPENSATED


@pytest.mark.parametrize("data", [None, [], "text", 7, {"unexpected": 1}, {"sku": None}])
def test_a_payload_that_does_not_fit_is_told_by_its_type(data: Any) -> None:
    assert told("catalog.stock_reserved.v1", data).detail == "catalog.stock_reserved.v1"


def test_a_long_text_is_cut() -> None:
    event = told("catalog.stock_refused.v1", {"sku": "x" * 9_000, "quantity": 1, "reason": "no"})
    assert len(event.detail) == LONGEST_DETAIL


def test_a_type_nobody_declared_is_told_as_unknown() -> None:
    event = told("stranger.did_something.v9", {"a": 1}, source="stranger")
    assert (event.code, event.mark, event.verb) == ("???", "unknown", "told")
    assert telling("stranger.did_something.v9") is None


@given(st.uuids())
def test_a_headcode_is_a_digit_a_letter_and_two_digits(identifier: UUID) -> None:
    assert re.fullmatch(r"[1-9][A-HJ-NPR-Z][0-9]{2}", headcode(identifier))


def test_a_headcode_never_changes() -> None:
    assert headcode(SAGA) == "2U56"
