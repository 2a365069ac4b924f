"""A relay applies fault rules to the named messages only, as often and as long as they say."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import msgspec
import pytest

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import (
    InvalidMessage,
    decode_envelope,
    decode_message,
    encode_envelope,
    new_message_id,
)
from cluster.messaging.fault_injection import (
    LONGEST,
    Ending,
    FaultInjection,
    FaultRule,
    Operation,
    encode_rule,
    notify_statement,
)
from cluster.messaging.outbox import NO_ROW
from cluster.messaging.publisher import OutboxRow
from tests.clock import Clock
from tests.messaging.messages import envelope

NOW = 1_000.0
TYPE = "catalog.stock_reserved.v1"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def relay(clock: Clock) -> FaultInjection:
    return FaultInjection(clock)


def row(number: int, *, subject: str = "", correlation: UUID | None = None) -> OutboxRow:
    sent = envelope(StockReserved(sku="MUG", quantity=1), subject_id=correlation, source="catalog")
    sent = msgspec.structs.replace(sent, subject=subject or sent.subject)
    return OutboxRow(number, str(sent.id), "", TYPE, sent.subject, encode_envelope(sent))


def ids(rows: list[OutboxRow]) -> list[int]:
    return [one.id for one in rows]


def rule(operation: Operation, **wanted: object) -> FaultRule:
    fields = {"id": str(uuid4()), "until": NOW + 30, "limit": 10, "seconds": 5.0, **wanted}
    return msgspec.convert({"kind": "rule", "operation": operation, **fields}, type=FaultRule)


def test_nothing_is_disturbed_until_somebody_wishes_it(relay: FaultInjection) -> None:
    rows = [row(1), row(2)]

    assert not relay
    assert relay.replace(rows) == rows
    assert relay.patience(1.0) == 1.0


def test_a_duplicated_message_is_sent_twice_in_its_place(relay: FaultInjection) -> None:
    relay.notified(encode_rule(rule(Operation.DUPLICATE, limit=2)))

    assert ids(relay.replace([row(1), row(2), row(3)])) == [1, 1, 2, 2, 3]
    assert ids(relay.replace([row(4)])) == [4]
    relay.held_back()
    assert not relay, "its number of messages is used up"


def test_one_row_is_disturbed_once_however_often_it_is_read(relay: FaultInjection) -> None:
    relay.notified(encode_rule(rule(Operation.DUPLICATE)))
    one = row(1)

    assert ids(relay.replace([one])) == [1, 1]
    assert ids(relay.replace([one])) == [1]


def test_only_the_named_type_and_correlation_are_disturbed(relay: FaultInjection) -> None:
    mine = new_message_id()
    relay.notified(encode_rule(rule(Operation.DUPLICATE, correlation=str(mine), type=TYPE)))

    assert ids(relay.replace([row(1), row(2, correlation=mine)])) == [1, 2, 2]

    relay.notified(encode_rule(rule(Operation.DUPLICATE, type="catalog.product_listed.v1")))
    assert ids(relay.replace([row(3)])) == [3]


def test_a_delayed_message_is_overtaken_and_goes_out_when_its_time_has_come(
    relay: FaultInjection, clock: Clock
) -> None:
    relay.notified(encode_rule(rule(Operation.DELAY, limit=1, seconds=2.0)))

    assert ids(
        relay.replace([row(1, subject="reservation/a"), row(2, subject="reservation/a")])
    ) == [2]
    assert relay.held_back() == [1]
    clock.now += 1.5
    assert relay.held_back() == [1]
    assert relay.patience(1.0) == pytest.approx(0.5)
    clock.now += 0.5
    assert relay.held_back() == []
    assert not relay


def test_a_reordered_message_waits_for_the_next_one_of_its_aggregate(relay: FaultInjection) -> None:
    relay.notified(encode_rule(rule(Operation.REORDER)))

    assert ids(relay.replace([row(1, subject="reservation/a")])) == []
    assert relay.held_back() == [1]
    assert ids(relay.replace([row(2, subject="reservation/a")])) == [2]
    assert relay.held_back() == []


def test_a_reordered_message_that_nothing_overtakes_goes_out_in_the_end(
    relay: FaultInjection, clock: Clock
) -> None:
    relay.notified(encode_rule(rule(Operation.REORDER, limit=1, seconds=3.0)))
    relay.replace([row(1, subject="reservation/a")])

    relay.replace([row(2, subject="reservation/b")])
    assert relay.held_back() == [1]
    clock.now += 3.0
    assert relay.held_back() == []


def test_a_poisoned_copy_goes_first_and_cannot_be_taken_for_a_genuine_message(
    relay: FaultInjection,
) -> None:
    relay.notified(encode_rule(rule(Operation.POISON, limit=1, queue="checkout.inbox")))
    original = row(7, subject=f"reservation/{uuid4()}")

    copy, untouched = relay.replace([original])

    assert untouched is original
    assert (copy.id, copy.destination) == (NO_ROW, "checkout.inbox")
    poison, genuine = decode_envelope(copy.body), decode_envelope(original.body)
    assert poison.id != genuine.id
    assert poison.correlationid == genuine.correlationid
    with pytest.raises(InvalidMessage):
        decode_message(poison)


@pytest.mark.parametrize("operation", [Operation.DELAY, Operation.REORDER])
def test_an_ended_disturbance_lets_go_of_what_it_held(
    relay: FaultInjection, operation: Operation
) -> None:
    disturbing, other = rule(operation), rule(Operation.DELAY, type="none.such.v1")
    relay.notified(encode_rule(disturbing))
    relay.notified(encode_rule(other))
    relay.replace([row(1)])

    relay.notified(encode_rule(Ending(id=disturbing.id)))

    assert relay.held_back() == []
    assert ids(relay.replace([row(2)])) == [2]
    assert relay, "the other one is still in force"


def test_it_ends_by_itself_however_long_it_was_wished_for(
    relay: FaultInjection, clock: Clock
) -> None:
    relay.notified(encode_rule(rule(Operation.DELAY, until=NOW + 10 * LONGEST, seconds=LONGEST)))
    clock.now += LONGEST - 1
    relay.replace([row(1)])
    clock.now += 1

    assert relay.held_back() == [], "what it held back does not outlive it"
    assert not relay


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "{}",
        json.dumps({"kind": "rule", "id": "x", "operation": "burn", "until": 1, "limit": 1}),
        json.dumps({"kind": "rule", "id": "x", "operation": "delay", "until": 1, "limit": 0}),
    ],
)
def test_a_wish_that_nobody_understands_changes_nothing(relay: FaultInjection, text: str) -> None:
    relay.notified(text)

    assert not relay


def test_the_statement_carries_the_wish_whatever_it_names() -> None:
    statement = notify_statement(Ending(id="it's"))

    assert statement == """SELECT pg_notify('relay_faults', '{"kind":"end","id":"it''s"}')"""


@pytest.mark.parametrize("body", [b"\xff", b'{"correlationid": "\xff"}', b"[]", b"[" * 10_000])
def test_a_replayed_letter_of_any_bytes_can_be_told_from_others_and_corrupted(
    relay: FaultInjection, body: bytes
) -> None:
    relay.notified(encode_rule(rule(Operation.POISON, queue="orders.inbox")))
    relay.notified(encode_rule(rule(Operation.DUPLICATE, correlation=str(uuid4()))))

    copy, original = relay.replace([OutboxRow(1, str(uuid4()), "q", "", "", body)])

    assert (copy.id, original.body) == (NO_ROW, body)
    with pytest.raises(InvalidMessage):
        decode_envelope(copy.body)
