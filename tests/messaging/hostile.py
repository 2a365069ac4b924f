"""Messages that a faulty or hostile publisher may send: properties as raw bytes, and bodies."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import amqp

Case = tuple[str, bytes, bytes]  # its name, its raw properties, its body

# Each type of a header field with its limits. py-amqp cannot decode all of them.
FIELDS: dict[str, bytes] = {
    "timestamp in milliseconds": b"T" + struct.pack(">Q", 1_796_003_717_000),
    "timestamp of 64 bits": b"T" + b"\xff" * 8,
    "timestamp 0": b"T" + b"\x00" * 8,
    "bool": b"t\x02",
    "signed octet": b"b\x80",
    "unsigned octet": b"B\xff",
    "signed short": b"s\x80\x00",
    "unsigned short": b"u\xff\xff",
    "signed long": b"I\x80\x00\x00\x00",
    "unsigned long": b"i\xff\xff\xff\xff",
    "signed long long": b"l\x80" + b"\x00" * 7,
    "float NaN": b"f" + struct.pack(">f", float("nan")),
    "double infinity": b"d" + struct.pack(">d", float("inf")),
    "decimal with 255 places": b"D\xff\x7f\xff\xff\xff",
    "long string": b"S\x00\x00\x00\x02\xff\xfe",
    "NUL": b"S\x00\x00\x00\x01\x00",
    "bytes": b"x\x00\x00\x00\x02\xff\x00",
    "void": b"V",
    "array": b"A\x00\x00\x00\x04b\x01t\x01",
    "empty table": b"F\x00\x00\x00\x00",
}
UNDECODABLE_FIELDS = {
    "unknown type": b"?\x00",
    "truncated number": b"l\x00",
    "truncated table": b"F\x00\x00\x00\x7f\x05ab",
}
TEXTS = {
    "content_type": 0x8000,
    "content_encoding": 0x4000,
    "correlation_id": 0x0400,
    "reply_to": 0x0200,
    "message_id": 0x0080,
    "type": 0x0020,
    "app_id": 0x0008,
    "cluster_id": 0x0004,
}
BAD_TEXT = b"\xff\xfe\x00\xed\xa0\x80"
ENCODINGS = (b"utf-7", b"unicode_escape", b"utf-16", b"zlib", b"punycode", b"no-such", b"\x00")
FAR = "9999-12-31T23:59:59.999999-05:00"


def table(field: bytes, key: bytes = b"sent_at") -> bytes:
    entry = bytes([len(key)]) + key + field
    return struct.pack(">I", len(entry)) + entry


def with_header(field: bytes, key: bytes = b"sent_at") -> bytes:
    """Return the properties of a persistent message with one header."""
    return struct.pack(">H", 0x2000 | 0x1000) + table(field, key) + b"\x02"


def nested(depth: int) -> bytes:
    field = b"V"
    for _ in range(depth):
        field = b"F" + table(field, b"k")
    return field


def with_text(flag: int, text: bytes) -> bytes:
    return struct.pack(">H", flag) + bytes([len(text)]) + text


def envelope(**changes: Any) -> bytes:
    subject = str(uuid4())
    fields = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "orders",
        "type": "orders.order_confirmed.v1",
        "subject": f"order/{subject}",
        "time": datetime.now(UTC).isoformat(),
        "dataschema": "/x",
        "correlationid": subject,
        "sequence": 1,
        "datacontenttype": "application/json",
        "data": {"note": "hostile"},
        **changes,
    }
    return json.dumps(fields).encode()


REFUSED_CHANGES: list[dict[str, Any]] = [
    *({"sequence": n} for n in (0, -1, 1 << 31, 1 << 63, 1 << 80, 1.5, "1", None)),
    *(
        {"time": t}
        for t in (FAR, "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2026-01-01T00:00:00",
                  "2200-01-01T00:00:00Z", "yesterday", 5, None)
    ),
    *({name: "x" * 256} for name in ("source", "type", "subject", "dataschema", "traceparent")),
    *({name: "a\x00b"} for name in ("source", "type", "subject", "traceparent")),
    *({name: "\ud800"} for name in ("source", "type", "subject", "dataschema")),
    *({name: 5} for name in ("source", "type", "subject")),
    *({name: "no-uuid"} for name in ("id", "correlationid", "causationid")),
    {"specversion": "2.0"},
    {"data": {"text": "\ud800"}},
]  # fmt: skip
REFUSED_BODIES: list[bytes] = [
    b"\x00",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'{"a":',
    b"[" * 20_000,
    envelope().replace(b'"hostile"', b"NaN"),
    envelope().replace(b'"hostile"', b"1e999"),
    envelope().replace(b'"hostile"', b"9" * 5_000),
    envelope().replace(b'"hostile"', b"[" * 70 + b"]" * 70),
    envelope().replace(b'"hostile"', b'"' + b"x" * (1 << 20) + b'"'),
]


def refused_bodies() -> Iterator[tuple[str, bytes]]:
    """Yield names and bodies that are no acceptable envelope, and differ from all earlier ones."""
    for change in REFUSED_CHANGES:
        yield f"envelope with {str(change)[:60]}", envelope(**change)
    for body in REFUSED_BODIES:
        yield f"body {body[:20]!r}", body + new_white_space()


def new_white_space() -> bytes:
    """Return 128 spaces and tabs as no earlier call did. JSON allows them behind a document."""
    return f"{uuid4().int:0128b}".translate({ord("0"): " ", ord("1"): "\t"}).encode()


def cases() -> Iterator[Case]:
    """Yield every header type, text property and encoding, and every field at its limits."""
    plain = struct.pack(">HB", 0x1000, 2)
    for name, field in FIELDS.items():
        yield f"header {name}", with_header(field), f"hostile {uuid4()}".encode()
    yield "header table in a table", with_header(nested(3_000)), f"hostile {uuid4()}".encode()
    yield "header name", with_header(b"V", b"\xff\xfe"), f"hostile {uuid4()}".encode()
    yield "task not a text", with_header(b"A\x00\x00\x00\x00", b"task"), f"{uuid4()}".encode()
    for name, flag in TEXTS.items():
        yield f"property {name}", with_text(flag, BAD_TEXT), f"hostile {uuid4()}".encode()
    for encoding in ENCODINGS:
        yield f"encoding {encoding!r}", with_text(0x4000, encoding), f"+2AA-{uuid4()}".encode()
    for name, body in refused_bodies():
        yield name, plain, body


class RawMessage(amqp.Message):
    """A message that is published with these bytes as its properties."""

    def __init__(self, body: bytes, raw: bytes) -> None:
        super().__init__(body)
        self.raw = raw

    def _serialize_properties(self) -> bytes:
        return self.raw
