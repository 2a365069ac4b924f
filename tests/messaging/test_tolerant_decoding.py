"""A message whose properties py-amqp cannot decode arrives with their bytes and the error."""

from __future__ import annotations

import struct

import pytest
from amqp import abstract_channel, serialization
from amqp.method_framing import frame_handler
from amqp.spec import Basic
from hypothesis import given
from hypothesis import strategies as st

from cluster.messaging.tolerant_decoding import (
    decode_properties,
    install,
    load_arguments,
    unreadable,
)
from tests.messaging.hostile import (
    BAD_TEXT,
    FIELDS,
    TEXTS,
    UNDECODABLE_FIELDS,
    cases,
    nested,
    with_header,
    with_text,
)

SENT = {"application_headers": {"sent_at": True}, "delivery_mode": 2}


def test_properties_that_can_be_decoded_are_as_ever() -> None:
    assert decode_properties(with_header(b"t\x01"), 0)[0] == SENT


@pytest.mark.parametrize(
    "raw",
    [
        with_header(FIELDS["timestamp in milliseconds"]),
        with_header(FIELDS["timestamp of 64 bits"]),
        *(with_header(field) for field in UNDECODABLE_FIELDS.values()),
        with_header(nested(3_000)),
        *(with_text(flag, BAD_TEXT) for flag in TEXTS.values()),
        b"",
    ],
)
def test_others_are_handed_over_as_bytes_with_the_error(raw: bytes) -> None:
    found = unreadable(decode_properties(raw, 0)[0])

    assert found is not None
    assert found.raw == raw
    assert found.error


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    found = unreadable(decode_properties(raw, 0)[0])

    assert found is None or set(found.without_headers) <= set(raw)


def test_a_routing_key_that_is_no_text_is_shown_with_backslashes() -> None:
    delivery = b"\x03tag" + struct.pack(">QB", 7, 1) + b"\x02ex" + b"\x02\xff\xfe"

    values, end = load_arguments("sLbss", delivery, 0)

    assert values == ["tag", 7, True, "ex", "\\xff\\xfe"]
    assert end == len(delivery)


def test_every_connection_of_the_process_decodes_like_this() -> None:
    install()

    assert serialization.PROPERTY_CLASSES[Basic.CLASS_ID] is decode_properties
    assert abstract_channel.loads is load_arguments


@pytest.mark.parametrize(
    ("name", "raw", "body"), [pytest.param(*case, id=case[0]) for case in cases()]
)
def test_every_hostile_message_gets_through_the_frames_with_its_body(
    name: str, raw: bytes, body: bytes
) -> None:
    install()
    came: list[bytes] = []

    class Connection:
        bytes_recv = 0

    on_frame = frame_handler(
        Connection(), lambda _channel, _method, _arguments, content: came.append(content.body)
    )
    on_frame((1, 1, struct.pack(">HH", *Basic.Deliver)))
    on_frame((2, 1, struct.pack(">HHQ", Basic.CLASS_ID, 0, len(body)) + raw))
    on_frame((3, 1, body))

    assert came == [body], name
