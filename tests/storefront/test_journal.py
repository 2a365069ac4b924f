"""The journal numbers messages without a gap, keeps each once, and updates the read models."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest

from cluster.catalog.contract import ListProduct, ProductListed, StockReserved
from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Envelope, encode_envelope
from cluster.messaging.work import UnitOfWork
from cluster.storefront import retention
from cluster.storefront.checkout_intake import CheckoutOrder, accept_checkouts
from cluster.storefront.journal.recorder import DUPLICATES, record, storable_json
from tests.messaging.messages import envelope

RESERVED = StockReserved(sku="tea", quantity=1)


def put(work: UnitOfWork, envelopes: Sequence[Envelope]) -> int | None:
    return record(work, envelopes, [encode_envelope(one) for one in envelopes])


def events(count: int) -> list[Envelope]:
    return [envelope(RESERVED, source="catalog") for _ in range(count)]


def entries_after(work: UnitOfWork, seq: int) -> list[tuple[int, UUID]]:
    work.cursor.execute("SELECT seq, message_id FROM journal WHERE seq > %s ORDER BY seq", (seq,))
    return work.cursor.fetchall()


def duplicates(work: UnitOfWork) -> int:
    work.cursor.execute("SELECT value FROM counter WHERE name = %s", (DUPLICATES,))
    row = work.cursor.fetchone()
    return row[0] if row else 0


def end(work: UnitOfWork, payload: Payload) -> tuple[object, ...]:
    """Accept a checkout, let the journal record `payload` of it, and return its status."""
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(work, requests=[order])
    put(work, [envelope(payload, source="checkout", subject_id=order.id)])
    work.cursor.execute(
        "SELECT status, reason, ended_at IS NOT NULL FROM checkout_request WHERE id = %s",
        (order.id,),
    )
    row: tuple[object, ...] | None = work.cursor.fetchone()
    assert row is not None
    return row


@pytest.mark.platform
def test_a_batch_is_numbered_on_without_a_gap_in_its_order(site_work: UnitOfWork) -> None:
    [start] = [put(site_work, events(1))]
    assert start is not None
    batch = events(5)
    assert put(site_work, batch) == start + 5
    assert entries_after(site_work, start) == [
        (start + place, one.id) for place, one in enumerate(batch, 1)
    ]


@pytest.mark.platform
def test_a_duplicate_is_counted_and_leaves_no_gap(site_work: UnitOfWork) -> None:
    first, second, third = events(3)
    start = put(site_work, [first])
    assert start is not None
    before = duplicates(site_work)
    assert put(site_work, [second, first, second, third]) == start + 2
    assert entries_after(site_work, start) == [(start + 1, second.id), (start + 2, third.id)]
    assert duplicates(site_work) == before + 2


@pytest.mark.platform
def test_nothing_new_is_no_new_entry(site_work: UnitOfWork) -> None:
    batch = events(2)
    put(site_work, batch)
    assert put(site_work, batch) is None


@pytest.mark.platform
def test_a_completed_checkout_is_seen_as_completed(shop: UnitOfWork) -> None:
    payload = CheckoutCompleted(visitor="v", sku="flag", quantity=1, amount=250)
    assert end(shop, payload) == ("completed", "", True)


@pytest.mark.platform
def test_a_compensated_checkout_is_seen_with_its_reason(shop: UnitOfWork) -> None:
    payload = CheckoutCompensated(step="authorise_payment", reason="declined")
    assert end(shop, payload) == ("compensated", "declined", True)


@pytest.mark.platform
@pytest.mark.parametrize(("restock_to", "restocked"), [(0, False), (40, True)])
def test_a_listed_product_is_known_with_whether_it_is_restocked(
    site_work: UnitOfWork, *, restock_to: int, restocked: bool
) -> None:
    command = envelope(
        ListProduct(sku="flag", name="Flag", price=250, stock=9, restock_to=restock_to),
        source="site",
    )
    event = envelope(
        ProductListed(sku="flag", name="Flag", price=250, stock=9),
        source="catalog",
        causation=command.id,
    )
    put(site_work, [command, event])
    site_work.cursor.execute("SELECT name, price, restocked FROM product WHERE sku = 'flag'")
    assert site_work.cursor.fetchone() == ("Flag", 250, restocked)


@pytest.mark.platform
@pytest.mark.parametrize(
    "data", [rb'{"a":"\u0000"}', rb'["\ud800"]', rb'{"\u0000":"\ud83d\ude80"}']
)
def test_json_that_postgresql_refuses_is_recorded_all_the_same(
    site_work: UnitOfWork, data: bytes
) -> None:
    [plain] = events(1)
    odd = msgspec.structs.replace(plain, data=msgspec.Raw(data), type="stranger.spoke.v1")
    assert put(site_work, [odd]) is not None


@pytest.mark.platform
def test_the_purge_leaves_the_newest_entries_without_a_gap(
    site_work: UnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site_work, events(10))
    monkeypatch.setattr(retention, "MOST_ENTRIES", 3)
    monkeypatch.setattr(retention, "PER_RUN", 1_000_000)
    retention.purge_journal(site_work)
    numbers = [seq for seq, _ in entries_after(site_work, 0)]
    assert numbers == list(range(numbers[-1] - 2, numbers[-1] + 1))


@pytest.mark.platform
def test_the_purge_never_takes_the_last_entry(
    site_work: UnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = put(site_work, events(1))
    monkeypatch.setattr(retention, "MOST_ENTRIES", 0)
    monkeypatch.setattr(retention, "PER_RUN", 1_000_000)
    retention.purge_journal(site_work)
    assert [seq for seq, _ in entries_after(site_work, 0)] == [last]


def test_ordinary_json_is_stored_as_it_came() -> None:
    assert storable_json('{"a": "ü"}'.encode()) == '{"a": "ü"}'
