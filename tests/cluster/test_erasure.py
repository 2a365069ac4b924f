"""Every service erases a visitor, even if one of them is away meanwhile, and nothing else."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from cluster.identity.domain.erasure import CHECKOUT_UNDER_WAY, SERVICES, Erasure
from cluster.storefront.checkout_intake import InvalidRequest, accept_erasure, accept_refund
from cluster.storefront.transactions import run_in_transaction
from config.environment import DATABASES
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

pytestmark = pytest.mark.platform

MIDDLES = ("worker-identity", "worker-site", "relay-identity")
# Messages in flight may name a visitor. These tables are empty once nothing is in flight.
PASSING = {"outbox", "parked"}
TABLES = """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename
"""
NAMED = """
    SELECT type FROM journal
     WHERE correlation = ANY(%s) AND envelope #>> '{data,visitor}' IS NOT NULL ORDER BY seq
"""


def test_an_erased_visitor_is_named_in_no_table_of_any_database(cluster: Cluster) -> None:
    visitor = new_visitor()
    ids = cluster.start_for(visitor, ("tok_ok", "tok_declined", "tok_twice"))
    await_settled(cluster, ids)
    refunded = refund(cluster, ids[0])
    assert set(places_of(cluster, visitor)) == {
        "site.checkout_request", "site.journal", "identity.visitor_limit", "identity.hold",
        "identity.spend", "identity.limit_restoration", "orders.orders", "payments.refund",
        "checkout.saga",
    }  # fmt: skip

    erasure = ask_for_erasure(visitor)

    await_status(cluster, erasure, "completed")
    assert places_of(cluster, visitor) == []
    assert visitors(cluster, "checkout", "SELECT context->>'visitor' FROM saga", ids) == {
        pseudonym(erasure)
    }
    assert visitors(cluster, "orders", "SELECT visitor FROM orders", ids) == {pseudonym(erasure)}
    named = {type_ for (type_,) in cluster.rows("site", NAMED, [*ids, refunded, erasure])}
    assert {
        "checkout.start_checkout.v1", "payments.refund_settled.v1", "identity.request_erasure.v1",
        "identity.erasure_requested.v1",
    } <= named  # fmt: skip


def test_the_cards_of_an_erased_visitor_are_forgotten(cluster: Cluster) -> None:
    visitor = new_visitor()
    ids = cluster.start_for(visitor, ("tok_ok", "tok_reordered"))
    await_settled(cluster, ids)
    assert cards(cluster, ids) == {"tok_ok", "tok_reordered"}

    await_status(cluster, ask_for_erasure(visitor), "completed")

    assert cards(cluster, ids) == {"erased"}


def test_the_limit_of_an_erased_visitor_stays_with_the_pseudonym(cluster: Cluster) -> None:
    visitor = new_visitor()
    await_settled(cluster, cluster.start_for(visitor))
    limit = "SELECT limit_amount, held, spent FROM visitor_limit WHERE visitor = %s"
    before = cluster.rows("identity", limit, visitor)
    assert before[0][2] > 0

    erasure = ask_for_erasure(visitor)
    await_status(cluster, erasure, "completed")

    assert cluster.rows("identity", limit, visitor) == []
    assert cluster.rows("identity", limit, pseudonym(erasure)) == before


def test_an_erased_order_can_still_be_refunded(cluster: Cluster) -> None:
    visitor = new_visitor()
    [order] = cluster.start_for(visitor)
    await_settled(cluster, [order])
    erasure = ask_for_erasure(visitor)
    await_status(cluster, erasure, "completed")

    refund(cluster, order)

    assert places_of(cluster, visitor) == []
    spent = "SELECT held + spent FROM visitor_limit WHERE visitor = %s"
    assert cluster.rows("identity", spent, pseudonym(erasure)) == [(0,)]


def test_a_visitor_whom_nobody_knows_is_forgotten_at_once(cluster: Cluster) -> None:
    erasure = ask_for_erasure(new_visitor())

    await_status(cluster, erasure, "completed")
    assert receipts(cluster, erasure) == dict.fromkeys(["identity", *SERVICES], (1, 0))


def test_an_erasure_is_refused_while_a_checkout_is_under_way(cluster: Cluster) -> None:
    """Identity refuses the erasure for the seconds in which the silent provider keeps the hold."""
    visitor = new_visitor()
    ids = cluster.start_for(visitor, ("tok_silent",))
    held = "SELECT 1 FROM hold WHERE id = %s AND state = 'held'"
    eventually(lambda: cluster.rows("identity", held, ids[0]))

    refused = ask_for_erasure(visitor)

    await_status(cluster, refused, "refused")
    assert ending(cluster, refused)[1] == CHECKOUT_UNDER_WAY
    assert visitors(cluster, "identity", "SELECT visitor FROM hold", ids) == {visitor}

    await_settled(cluster, ids)
    await_status(cluster, ask_for_erasure(visitor), "completed")
    assert places_of(cluster, visitor) == []


@pytest.mark.fault
def test_an_erasure_that_is_open_is_not_begun_twice(cluster: Cluster) -> None:
    visitor = new_visitor()
    with cluster.stopped("relay-site"):
        first, second = ask_for_erasure(visitor), ask_for_erasure(visitor)

    assert first == second
    await_status(cluster, first, "completed")


@pytest.mark.parametrize("visitor", ["", "x" * 101, "nul\0"])
def test_a_visitor_without_a_proper_name_cannot_be_erased(cluster: Cluster, visitor: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 printable"):
        ask_for_erasure(visitor)


@pytest.mark.fault
@pytest.mark.full
def test_an_erasure_waits_for_a_killed_service_and_asks_again(cluster: Cluster) -> None:
    visitor = new_visitor()
    ids = cluster.start_for(visitor)
    await_settled(cluster, ids)
    cluster.supervisor.kill("worker-orders", signal.SIGKILL)
    with cluster.stopped("worker-orders"):
        erasure = ask_for_erasure(visitor)
        others = {"identity", "catalog", "payments", "checkout"}
        eventually(lambda: receipts(cluster, erasure).keys() == others)
        assert status(cluster, erasure) == "accepted"
        assert visitors(cluster, "orders", "SELECT visitor FROM orders", ids) == {visitor}

        repeated = [(2, name) for name in sorted(others)]
        eventually(lambda: attempts(cluster, erasure) == repeated, within=40.0)
        assert status(cluster, erasure) == "accepted"

    await_status(cluster, erasure, "completed")
    assert places_of(cluster, visitor) == []
    cluster.assert_conserved()


@pytest.mark.fault
@pytest.mark.full
@pytest.mark.parametrize("process", MIDDLES)
def test_a_kill_in_the_middle_costs_no_erasure(cluster: Cluster, process: str) -> None:
    names = [new_visitor() for _ in range(5)]
    ids = [identifier for visitor in names for identifier in cluster.start_for(visitor)]
    await_settled(cluster, ids)
    erasures = [ask_for_erasure(visitor) for visitor in names]

    cluster.kill(process)

    for erasure in erasures:
        await_status(cluster, erasure, "completed")
    assert [place for visitor in names for place in places_of(cluster, visitor)] == []


@pytest.mark.fault
def test_an_erasure_waits_for_a_checkout_that_identity_had_not_heard_of(cluster: Cluster) -> None:
    """The command waits in checkout's outbox: the saga is in flight, and identity has no hold."""
    visitor = new_visitor()
    with cluster.stopped("relay-checkout"):
        ids = cluster.start_for(visitor)
        cluster.await_in_flight(ids, at_least=1)
        erasure = ask_for_erasure(visitor)
        eventually(lambda: {"orders", "payments"} <= receipts(cluster, erasure).keys())

    await_settled(cluster, ids)
    await_status(cluster, erasure, "completed")
    assert places_of(cluster, visitor) == []
    assert receipts(cluster, erasure)["checkout"] == (2, 1)


@pytest.mark.fault
@pytest.mark.full
def test_an_erasure_waits_for_a_refund_whose_messages_name_the_visitor(cluster: Cluster) -> None:
    """The money is refunded, and the event that says so still waits in payments' outbox."""
    visitor = new_visitor()
    [order] = cluster.start_for(visitor)
    await_settled(cluster, [order])
    with cluster.stopped("relay-payments"):
        identifier = ask_for_refund(cluster, order)
        settled = "SELECT 1 FROM refund WHERE id = %s AND state = 'settled'"
        eventually(lambda: cluster.rows("payments", settled, identifier))
        erasure = ask_for_erasure(visitor)
        eventually(lambda: {"catalog", "checkout"} <= receipts(cluster, erasure).keys())

    await_status(cluster, erasure, "completed")
    assert receipts(cluster, erasure)["orders"] == (2, 1)
    assert places_of(cluster, visitor) == []
    restored = "SELECT visitor FROM limit_restoration WHERE id = %s"
    assert cluster.rows("identity", restored, identifier) == [(pseudonym(erasure),)]


@pytest.mark.full  # in every run, tests/test_shared_platform.py asks this once for all
def test_everything_is_conserved_after_all_the_erasures(cluster: Cluster) -> None:
    cluster.assert_conserved()


def new_visitor() -> str:
    return f"forgettable-{uuid4().hex[:12]}"


def pseudonym(erasure: UUID) -> str:
    return Erasure(erasure, "").pseudonym


def await_settled(cluster: Cluster, ids: Sequence[UUID]) -> None:
    """Return once the checkouts have ended and identity has settled their holds."""
    cluster.await_ended(ids)
    settled = "SELECT count(*) FROM hold WHERE id = ANY(%s) AND state IN ('spent', 'released')"
    eventually(lambda: cluster.rows("identity", settled, list(ids)) == [(len(ids),)])


def ask_for_erasure(visitor: str) -> UUID:
    return run_in_transaction(lambda work: accept_erasure(work, visitor=visitor))


def ask_for_refund(cluster: Cluster, order: UUID) -> UUID:
    """Have the refund of a completed checkout accepted, and return its id."""
    completed = "SELECT 1 FROM checkout_request WHERE id = %s AND status = 'completed'"
    fulfilled = "SELECT 1 FROM orders WHERE id = %s AND state = 'fulfilled'"
    eventually(lambda: cluster.rows("site", completed, order))
    eventually(lambda: cluster.rows("orders", fulfilled, order))
    return run_in_transaction(lambda work: accept_refund(work, order_id=order))


def refund(cluster: Cluster, order: UUID) -> UUID:
    """Refund a completed checkout, and return once the site shows the refund as completed."""
    identifier = ask_for_refund(cluster, order)
    ended = "SELECT 1 FROM refund_request WHERE id = %s AND status = 'completed'"
    eventually(lambda: cluster.rows("site", ended, identifier), within=30.0)
    return identifier


def ending(cluster: Cluster, erasure: UUID) -> tuple[str, str]:
    """Return the status of an erasure and the reason for it."""
    query = "SELECT status, reason FROM erasure_request WHERE id = %s"
    [(status, reason)] = cluster.rows("site", query, erasure)
    return status, reason


def status(cluster: Cluster, erasure: UUID) -> str:
    return ending(cluster, erasure)[0]


def await_status(cluster: Cluster, erasure: UUID, expected: str) -> None:
    eventually(lambda: status(cluster, erasure) != "accepted", within=90.0)
    assert status(cluster, erasure) == expected


def receipts(cluster: Cluster, erasure: UUID) -> dict[str, tuple[int, int]]:
    """Return, by service, the attempt that it has answered and the rows that it counted."""
    query = "SELECT receipts FROM erasure WHERE id = %s"
    rows = cluster.rows("identity", query, erasure)
    found: dict[str, dict[str, int]] = rows[0][0] if rows else {}
    return {service: (told["attempt"], told["rows"]) for service, told in found.items()}


def attempts(cluster: Cluster, erasure: UUID) -> list[tuple[int, str]]:
    return sorted((attempt, name) for name, (attempt, _) in receipts(cluster, erasure).items())


def visitors(cluster: Cluster, name: str, query: str, ids: Sequence[UUID]) -> set[str]:
    return {row[0] for row in cluster.rows(name, f"{query} WHERE id = ANY(%s)", list(ids))}


def cards(cluster: Cluster, ids: Sequence[UUID]) -> set[str]:
    """Return every card of these checkouts that a service keeps."""
    journalled = """
        SELECT envelope #>> '{data,card}' FROM journal
         WHERE correlation = ANY(%s) AND envelope #> '{data,card}' IS NOT NULL
    """
    return {
        *visitors(cluster, "site", "SELECT card FROM checkout_request", ids),
        *visitors(cluster, "payments", "SELECT card FROM payment", ids),
        *visitors(cluster, "checkout", "SELECT context->>'card' FROM saga", ids),
        *(row[0] for row in cluster.rows("site", journalled, list(ids))),
    }


def places_of(cluster: Cluster, visitor: str) -> list[str]:
    """Return every table, of every database, with a row that holds the visitor's name."""
    return [
        f"{name}.{table}"
        for name in DATABASES
        for (table,) in cluster.rows(name, TABLES)
        if table not in PASSING and _names(cluster, name, table, visitor)
    ]


def _names(cluster: Cluster, name: str, table: str, visitor: str) -> bool:
    query = f'SELECT 1 FROM "{table}" AS t WHERE strpos(t::text, %s) > 0 LIMIT 1'
    return bool(cluster.rows(name, query, visitor))
