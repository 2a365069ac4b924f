"""Deliveries that py-amqp cannot decode, delivered to the consumer with their raw bytes.

py-amqp decodes properties and method arguments while it reads frames, so one header that it cannot
represent (a timestamp in milliseconds, a text that is not UTF-8) would break the connection at each
delivery, for all queues that share it. Here such properties become one entry, `UNREADABLE`, and the
consumer decides what to do with the message.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from amqp import abstract_channel, serialization
from amqp.spec import Basic

UNREADABLE: Final = "unreadable"  # the only property of a message whose own cannot be decoded
# The bits of the first properties, in the order in which they come.
CONTENT_TYPE: Final = 0x8000
CONTENT_ENCODING: Final = 0x4000
HEADERS: Final = 0x2000


@dataclass(frozen=True, slots=True)
class UnreadableProperties:
    """The properties of a message as they came, and why they cannot be decoded."""

    raw: bytes
    error: str

    @property
    def without_headers(self) -> bytes:
        """The bytes without the table of headers, to which the broker adds at a redelivery."""
        [flags] = struct.unpack(">H", self.raw[:2].rjust(2, b"\0"))
        start = 2
        for flag in CONTENT_TYPE, CONTENT_ENCODING:
            if flags & flag:
                start += 1 + int.from_bytes(self.raw[start : start + 1])
        if not flags & HEADERS:
            return self.raw
        end = start + 4 + int.from_bytes(self.raw[start : start + 4])
        return self.raw[:start] + self.raw[end:]


def install() -> None:
    """Decode tolerantly from now on, in every AMQP connection of this process.

    That includes those of Celery's workers, since kombu uses py-amqp's tables too.
    """
    decoders: dict[int, Any] = serialization.PROPERTY_CLASSES
    decoders[Basic.CLASS_ID] = decode_properties
    setattr(abstract_channel, "loads", load_arguments)  # noqa: B010 - the stubs name its arguments


def unreadable(properties: Mapping[str, Any]) -> UnreadableProperties | None:
    """Return the properties that could not be decoded, or None when all could."""
    found: UnreadableProperties | None = properties.get(UNREADABLE)
    return found


def decode_properties(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    """Return the properties in a content header, or `UNREADABLE` alone, without raising."""
    try:
        properties, end = serialization.decode_properties_basic(buffer, offset)
    except Exception as error:  # noqa: BLE001  # any error concerns this message alone
        raw = bytes(buffer[offset:])
        broken = UnreadableProperties(raw, f"{type(error).__name__}: {error}")
        return {UNREADABLE: broken}, len(buffer)
    return properties, end


def load_arguments(form: str, buffer: bytes, offset: int) -> tuple[list[Any], int]:
    """Return the arguments of a method, with backslashes in a short text that is not UTF-8.

    Such a text is the routing key of a delivery, which any publisher may choose.
    """
    try:
        values, end = serialization.loads(form, buffer, offset)
    except UnicodeDecodeError:
        return _load_one_by_one(form, buffer, offset)
    return values, end


def _load_one_by_one(form: str, buffer: bytes, offset: int) -> tuple[list[Any], int]:
    """Return the arguments of a method, decoded field by field.

    Deliveries, the only methods concerned, have no two bits in a row.
    """
    values: list[Any] = []
    for field in form:
        if field == "s":
            end = offset + 1 + buffer[offset]
            values.append(bytes(buffer[offset + 1 : end]).decode(errors="backslashreplace"))
            offset = end
        else:
            [value], offset = serialization.loads(field, buffer, offset)
            values.append(value)
    return values, offset
