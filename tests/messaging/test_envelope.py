"""The envelope is a CloudEvents 1.0 event in JSON, and a decoder refuses anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.catalog.contract import ReserveStock
from cluster.messaging.contract import UnknownMessageType
from cluster.messaging.envelope import (
    InvalidMessage,
    decode_envelope,
    decode_message,
    encode_envelope,
    new_message_id,
)
from tests.messaging.hostile import envelope as hostile_envelope
from tests.messaging.hostile import refused_bodies
from tests.messaging.messages import reserve_stock


def edited(**changes: Any) -> bytes:
    """Return the bytes of a valid message with some attributes changed (None: left out)."""
    document = json.loads(encode_envelope(reserve_stock())) | changes
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def test_the_wire_form_has_every_required_cloudevents_attribute() -> None:
    document = json.loads(encode_envelope(reserve_stock()))

    assert document["specversion"] == "1.0"
    assert document["type"] == "catalog.reserve_stock.v1"
    assert {"id", "source", "subject", "time", "dataschema", "datacontenttype"} <= set(document)
    assert "causationid" not in document  # an attribute that is optional, and has no value
    assert document["data"] == {"sku": "MUG-ENAMEL", "quantity": 2, "expires_in": 600}


@given(sku=st.text(), quantity=st.integers(-(2**53), 2**53), sequence=st.integers(1, 2**31 - 1))
def test_what_is_encoded_is_decoded_again(sku: str, quantity: int, sequence: int) -> None:
    sent = reserve_stock(sku=sku, quantity=quantity, sequence=sequence)

    received = decode_message(decode_envelope(encode_envelope(sent)))

    assert received.payload == ReserveStock(sku=sku, quantity=quantity)
    assert received.envelope.sequence == sequence


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"not json", "not a CloudEvents envelope"),
        (b"[]", "not a CloudEvents envelope"),
        (edited(id="no uuid"), r"\$\.id"),
        (edited(source=None), "missing required field `source`"),
        (edited(specversion="0.3"), "is not 1.0"),
        (edited(sequence=0), "less than 1"),
    ],
)
def test_an_envelope_that_does_not_fit_is_refused_with_the_place(
    body: bytes, complaint: str
) -> None:
    with pytest.raises(InvalidMessage, match=complaint):
        decode_envelope(body)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": {"sku": "MUG"}}, "missing required field `quantity`"),
        ({"data": {"sku": "MUG", "quantity": "two"}}, r"\$\.quantity"),
        ({"data": {"sku": "M", "quantity": 1, "free": True}}, "unknown field `free`"),
        ({"subject": "order/018f0000-0000-7000-8000-000000000000"}, "reservation/<uuid>"),
        ({"subject": "reservation/42"}, "reservation/<uuid>"),
    ],
)
def test_a_payload_that_does_not_fit_its_schema_is_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    envelope = decode_envelope(edited(**changes))

    with pytest.raises(InvalidMessage, match=complaint):
        decode_message(envelope)


def test_a_type_that_no_contract_declares_is_unknown() -> None:
    envelope = decode_envelope(edited(type="catalog.burn_stock.v1"))

    with pytest.raises(UnknownMessageType, match="burn_stock"):
        decode_message(envelope)


def test_message_ids_are_version_7_uuids_in_the_order_of_their_making() -> None:
    ids = [new_message_id() for _ in range(1000)]

    assert {identifier.version for identifier in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in refused_bodies()])
def test_what_cannot_be_stored_or_shown_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(InvalidMessage, match=r"\w"):
        decode_envelope(body)


@pytest.mark.parametrize(
    "time", ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2026-11-30T23:00:00+14:00"]
)
def test_a_time_within_the_bounds_is_taken(time: str) -> None:
    assert decode_envelope(hostile_envelope(time=time)).time == datetime.fromisoformat(time)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_envelope_or_refused(body: bytes) -> None:
    with suppress(InvalidMessage):
        decode_envelope(body)
