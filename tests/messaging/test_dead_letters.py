"""No content of a message prevents its filing as a dead letter, and its bytes are kept once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster.messaging.dead_letters import Reason, Rejected, give_up, unreadable_dead_letter
from cluster.messaging.tolerant_decoding import UnreadableProperties
from cluster.secrets.postgres import DatabaseSession
from tests.messaging.messages import reserve_stock

KEPT = "SELECT body, message_id, properties, reason, detail FROM dead_letter ORDER BY id"


def kept(session: DatabaseSession) -> list[tuple[Any, ...]]:
    with session.transaction() as connection:
        return connection.execute(KEPT).fetchall()


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 1 << 31},
        {"sequence": 1 << 63},
        {"source": "a\0b"},
        {"type": "\ud800"},
        {"subject": "\0"},
    ],
    ids=str,
)
def test_what_does_not_fit_the_columns_is_kept_as_bytes(
    scratch: DatabaseSession, changes: dict[str, Any]
) -> None:
    envelope = msgspec.structs.replace(reserve_stock(), **changes)

    give_up(scratch, "catalog", Rejected(b"\x00 body", Reason.PERMANENT, "a reason", envelope))

    [(body, message_id, _, reason, detail)] = kept(scratch)
    assert (bytes(body), message_id, reason) == (b"\x00 body", None, "permanent")
    assert detail.startswith("a reason (kept as bytes alone")


@pytest.mark.parametrize("detail", ["NUL \0", "half a pair \ud800", "x" * 1_000_000])
def test_any_reason_can_be_kept(scratch: DatabaseSession, detail: str) -> None:
    give_up(scratch, "catalog", Rejected(b"body", Reason.INVALID, detail))

    assert len(kept(scratch)) == 1


def test_undecodable_properties_are_kept_as_they_came(scratch: DatabaseSession) -> None:
    found = UnreadableProperties(b"\xff\x00", "OverflowError: too large")

    give_up(scratch, "catalog", unreadable_dead_letter(b"body", found))

    [(_, _, properties, reason, detail)] = kept(scratch)
    assert (bytes(properties), reason) == (b"\xff\x00", "invalid")
    assert "OverflowError: too large" in detail


def test_equal_bytes_are_kept_once_until_they_are_replayed(scratch: DatabaseSession) -> None:
    letter = Rejected(b"body", Reason.INVALID, "a reason")

    for _ in range(3):
        give_up(scratch, "catalog", letter)
    give_up(scratch, "catalog", Rejected(b"another", Reason.INVALID, "a reason"))
    assert len(kept(scratch)) == 2

    with scratch.transaction() as connection:
        connection.execute("UPDATE dead_letter SET replayed_at = now()")
    give_up(scratch, "catalog", letter)
    assert len(kept(scratch)) == 3


def test_an_undecodable_message_is_known_again_although_the_broker_added_a_header(
    scratch: DatabaseSession,
) -> None:
    def delivered(identifier: bytes, headers: bytes) -> UnreadableProperties:
        table = len(headers).to_bytes(4) + headers
        text = bytes([len(identifier)]) + identifier
        return UnreadableProperties(b"\xa0\x80\x04json" + table + text, "ValueError")

    for identifier, headers in ((b"one", b"?"), (b"one", b"?x-delivery-count"), (b"two", b"?")):
        give_up(scratch, "catalog", unreadable_dead_letter(b"body", delivered(identifier, headers)))

    assert len(kept(scratch)) == 2


def test_a_parked_message_that_is_given_up_by_its_bytes_waits_no_longer(
    scratch: DatabaseSession,
) -> None:
    with scratch.transaction() as connection:
        connection.execute(
            "INSERT INTO parked VALUES ('s', 't', 2, gen_random_uuid(), %s, now())", (b"body",)
        )

    give_up(scratch, "catalog", Rejected(b"body", Reason.INVALID, "a reason"))

    with scratch.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM parked").fetchone() == (0,)
