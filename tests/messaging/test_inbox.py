"""The inbox on a real PostgreSQL applies each message once, in order, or files it with a reason."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import encode_envelope, new_message_id
from cluster.messaging.inbox import TransientFailure
from cluster.messaging.work import PermanentError, TransientError
from tests.messaging.messages import envelope, reserve_stock
from tests.messaging.shelf import Shelf


def test_an_effect_its_inbox_row_and_its_message_commit_together(shelf: Shelf) -> None:
    """Guarantee 1, shown by equal xmin: the same transaction wrote all three rows."""
    sent = reserve_stock()

    shelf.apply(sent)

    transactions = shelf.rows(
        """SELECT xmin::text FROM effect WHERE subject = %s
           UNION SELECT xmin::text FROM inbox WHERE message_id = %s
           UNION SELECT xmin::text FROM outbox WHERE subject = %s""",
        sent.subject,
        sent.id,
        sent.subject,
    )
    assert len(transactions) == 1


def test_the_inbox_witnesses_the_order_in_which_effects_came_about(shelf: Shelf) -> None:
    subject = new_message_id()
    first, second, third = (reserve_stock(subject_id=subject, sequence=n) for n in (1, 2, 3))

    shelf.apply(third)
    shelf.apply(second, first)

    witnessed = "SELECT sequence FROM inbox WHERE subject = %s ORDER BY place"
    rows = shelf.rows(witnessed, first.subject)
    assert [row[0] for row in rows] == shelf.effects(subject) == [1, 2, 3]


def test_a_message_delivered_again_has_no_second_effect(shelf: Shelf) -> None:
    sent = reserve_stock()

    shelf.apply(sent)
    shelf.apply(sent, sent)

    assert shelf.effects(sent.correlationid) == [1]
    assert shelf.announced("catalog.message_deduplicated.v1", sent.correlationid) == 1


def test_a_message_that_comes_too_early_waits_for_the_earlier_one(shelf: Shelf) -> None:
    subject = new_message_id()
    first, second, third = (reserve_stock(subject_id=subject, sequence=n) for n in (1, 2, 3))

    shelf.apply(third)
    shelf.apply(second)
    assert (shelf.effects(subject), shelf.parked(subject)) == ([], [2, 3])

    shelf.apply(first)
    assert (shelf.effects(subject), shelf.parked(subject)) == ([1, 2, 3], [])
    assert shelf.announced("catalog.message_parked.v1", subject) == 2


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 9),
)
def test_any_order_and_any_duplication_ends_with_each_effect_once_and_in_order(
    shelf: Shelf, lengths: list[int], seed: int, batch: int
) -> None:
    chance = random.Random(seed)
    subjects = {new_message_id(): length for length in lengths}
    sent = [
        reserve_stock(subject_id=subject, sequence=number)
        for subject, length in subjects.items()
        for number in range(1, length + 1)
    ]
    delivered = sent + chance.choices(sent, k=len(sent) // 2)
    chance.shuffle(delivered)

    for start in range(0, len(delivered), batch):
        shelf.apply(*delivered[start : start + batch])

    for subject, length in subjects.items():
        assert shelf.effects(subject) == list(range(1, length + 1))
        assert shelf.parked(subject) == []


def test_a_poison_message_is_kept_and_parks_its_own_aggregate_only(shelf: Shelf) -> None:
    shelf.fail_on["POISON"] = PermanentError("this cannot be reserved")
    poison = reserve_stock(sku="POISON")
    after = reserve_stock(subject_id=poison.correlationid, sequence=2)
    other = reserve_stock()

    shelf.apply(poison, after, other)

    letters = shelf.rows("SELECT reason, detail FROM dead_letter WHERE message_id = %s", poison.id)
    assert letters == [("permanent", "PermanentError: this cannot be reserved")]
    assert shelf.effects(poison.correlationid) == []
    assert shelf.parked(poison.correlationid) == [2]
    assert shelf.effects(other.correlationid) == [1]


def test_a_poison_message_that_is_delivered_again_is_kept_once(shelf: Shelf) -> None:
    shelf.fail_on["POISON"] = PermanentError("this cannot be reserved")
    poison = reserve_stock(sku="POISON")

    shelf.apply(poison)
    shelf.apply(poison)

    letters = shelf.rows("SELECT id FROM dead_letter WHERE message_id = %s", poison.id)
    assert len(letters) == 1
    assert shelf.announced("catalog.message_dead_lettered.v1", poison.correlationid) == 1


def test_a_parked_poison_that_is_kept_already_waits_no_longer(shelf: Shelf) -> None:
    """The broker gives up on the message while a copy is parked, before the copy's turn comes."""
    shelf.fail_on["POISON"] = PermanentError("this cannot be reserved")
    first = reserve_stock()
    poison = reserve_stock(subject_id=first.correlationid, sku="POISON", sequence=2)
    shelf.apply(poison)
    shelf.inbox.file_given_up([encode_envelope(poison)])
    with shelf.session.transaction() as connection:
        connection.execute(
            "INSERT INTO parked VALUES (%s, %s, 2, %s, %s, now())",
            (poison.source, poison.subject, poison.id, encode_envelope(poison)),
        )

    shelf.apply(first)

    assert shelf.effects(first.correlationid) == [1]
    assert shelf.parked(first.correlationid) == []


def test_a_replayed_message_is_applied_and_releases_what_waited_for_it(shelf: Shelf) -> None:
    shelf.fail_on["POISON"] = PermanentError("not yet")
    poison = reserve_stock(sku="POISON")
    shelf.apply(poison, reserve_stock(subject_id=poison.correlationid, sequence=2))

    del shelf.fail_on["POISON"]
    shelf.apply(poison)

    assert shelf.effects(poison.correlationid) == [1, 2]
    assert shelf.parked(poison.correlationid) == []


def test_an_unforeseen_error_is_a_defect_and_goes_to_the_dead_letters(shelf: Shelf) -> None:
    shelf.fail_on["DEFECT"] = KeyError("sku")
    sent = reserve_stock(sku="DEFECT")

    shelf.apply(sent)

    letters = shelf.rows("SELECT detail FROM dead_letter WHERE message_id = %s", sent.id)
    assert letters == [("KeyError: 'sku'",)]


def test_a_transient_failure_gives_back_its_own_message_and_commits_the_others(
    shelf: Shelf,
) -> None:
    shelf.fail_on["BUSY"] = TransientError("try later")
    busy, other = reserve_stock(sku="BUSY"), reserve_stock()

    with pytest.raises(TransientFailure) as failure:
        shelf.apply(busy, other)

    assert failure.value.bodies == [encode_envelope(busy)]
    assert shelf.effects(other.correlationid) == [1]
    del shelf.fail_on["BUSY"]
    shelf.inbox.apply(failure.value.bodies)
    assert shelf.effects(busy.correlationid) == [1]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\x00 not a message", "invalid"),
        (
            encode_envelope(
                envelope(StockReserved(sku="MUG", quantity=1), subject_id=new_message_id())
            ),
            "unknown_type",
        ),
    ],
)
def test_what_cannot_be_read_or_is_not_for_this_service_is_kept_as_it_came(
    shelf: Shelf, body: bytes, reason: str
) -> None:
    shelf.inbox.apply([body])

    kept = shelf.rows("SELECT body, reason FROM dead_letter ORDER BY id DESC LIMIT 1")
    assert [(bytes(kept[0][0]), kept[0][1])] == [(body, reason)]


def test_a_second_message_in_an_applied_place_is_refused(shelf: Shelf) -> None:
    genuine = reserve_stock()
    forged = reserve_stock(subject_id=genuine.correlationid, sequence=1)

    shelf.apply(genuine)
    shelf.apply(forged)

    letters = shelf.rows("SELECT detail FROM dead_letter WHERE message_id = %s", forged.id)
    assert "was applied already, from a message with another id" in letters[0][0]
    assert shelf.effects(genuine.correlationid) == [1]


def test_what_the_broker_gave_up_on_is_kept_with_that_reason(shelf: Shelf) -> None:
    sent = reserve_stock()

    shelf.inbox.file_given_up([encode_envelope(sent)])

    letters = shelf.rows("SELECT reason FROM dead_letter WHERE message_id = %s", sent.id)
    assert letters == [("delivery_limit",)]
