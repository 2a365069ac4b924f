"""The decisions of an erasure: its start, the services it awaits, its attempts, and its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity.contract import ErasureRequested
from cluster.identity.domain.erasure import (
    CHECKOUT_UNDER_WAY,
    FIRST_WAIT,
    LONGEST_WAIT,
    SERVICES,
    Erasure,
    ErasureState,
    Receipt,
    why_not_erasable,
)
from cluster.messaging.contract import REGISTRY
from cluster.services import load_all

ID = UUID("01a204f7-4c42-70ae-8215-fd167fae3368")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NEW = Erasure(ID, "ada")


def asked(times: int = 1) -> Erasure:
    erasure = NEW
    for _ in range(times):
        erasure = erasure.asked(NOW, own_rows=3)
    return erasure


def answered(erasure: Erasure, *services: str, attempt: int, rows: int = 0) -> Erasure:
    for service in services:
        erasure = erasure.answered(service, Receipt(attempt, rows))
    return erasure


def test_everyone_who_hears_of_an_erasure_is_waited_for() -> None:
    hearing = {s.name for s in load_all() if ErasureRequested.message_type.name in s.consumes()}
    answering = {d.owner for d in REGISTRY.values() if d.name.endswith(".visitor_erased.v1")}

    assert hearing == answering == SERVICES


def test_the_pseudonym_is_the_random_end_of_the_id_and_not_the_name() -> None:
    assert NEW.pseudonym == "erased-fd167fae3368"


def test_a_visitor_with_nothing_on_hold_may_be_erased() -> None:
    assert why_not_erasable(held=0) is None
    assert why_not_erasable(held=1) == CHECKOUT_UNDER_WAY


def test_a_refused_erasure_has_announced_so_and_names_nobody() -> None:
    refused = NEW.refused()

    assert (refused.state, refused.version, refused.attempt) == (ErasureState.REFUSED, 1, 0)
    assert (refused.visitor, refused.ask_again_at) == ("", None)


def test_the_first_attempt_has_only_identitys_own_receipt() -> None:
    erasure = asked()

    assert (erasure.version, erasure.attempt, erasure.missing) == (1, 1, SERVICES)
    assert erasure.receipts == {"identity": Receipt(1, 3)}


def test_it_is_complete_when_the_last_service_has_answered() -> None:
    most = answered(asked(), "catalog", "payments", "checkout", attempt=1, rows=2)
    assert (most.state, set(most.missing)) == (ErasureState.REQUESTED, {"orders"})

    every = answered(most, "orders", attempt=1, rows=5)
    assert (every.state, every.version, every.attempt) == (ErasureState.COMPLETED, 2, 1)
    assert every.rows == 3 + 2 + 2 + 2 + 5


def test_a_completed_erasure_names_nobody_and_is_not_due() -> None:
    completed = answered(asked(), *SERVICES, attempt=1)

    assert (completed.visitor, completed.ask_again_at) == (completed.pseudonym, None)


def test_receipts_of_an_earlier_attempt_do_not_complete_the_latest() -> None:
    """A service that answered may have received a late message from one that had not yet."""
    first = answered(asked(), "catalog", "payments", "checkout", attempt=1)
    second = first.asked(NOW, own_rows=3)
    assert second.missing == SERVICES

    assert answered(second, "orders", attempt=2).missing == SERVICES - {"orders"}
    assert answered(second, *SERVICES, attempt=1).state is ErasureState.REQUESTED
    assert answered(second, *SERVICES, attempt=2).state is ErasureState.COMPLETED


def test_a_receipt_that_comes_after_the_end_changes_nothing() -> None:
    completed = answered(asked(), *SERVICES, attempt=1)

    assert answered(completed, "orders", attempt=1) is completed


@pytest.mark.parametrize(("times", "wait"), [(1, 10), (2, 20), (3, 40), (6, 300), (10_000, 300)])
def test_the_wait_for_receipts_doubles_with_each_attempt(times: int, wait: int) -> None:
    erasure = Erasure(ID, "ada", version=times - 1).asked(NOW, own_rows=0)

    assert erasure.ask_again_at == NOW + timedelta(seconds=wait)
    assert timedelta(seconds=wait) in {FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, LONGEST_WAIT}


def test_a_postponed_erasure_announces_nothing() -> None:
    later = NOW + timedelta(minutes=1)
    postponed = asked().postponed(later)

    assert (postponed.version, postponed.ask_again_at) == (1, later + FIRST_WAIT)


@given(st.data())
def test_whatever_is_lost_late_or_repeated_it_ends_once_all_have_answered_one_attempt(
    data: st.DataObject,
) -> None:
    erasure = asked()
    for _ in range(data.draw(st.integers(0, 20))):
        if data.draw(st.booleans()):
            erasure = erasure.asked(NOW, own_rows=0) if erasure.ask_again_at else erasure
        else:
            service = data.draw(st.sampled_from(sorted(SERVICES)))
            attempt = data.draw(st.integers(1, erasure.attempt))
            erasure = answered(erasure, service, attempt=attempt)
        complete = all(
            service in erasure.receipts and erasure.receipts[service].attempt == erasure.attempt
            for service in SERVICES
        )
        assert (erasure.state is ErasureState.COMPLETED) == complete

    assert answered(erasure, *SERVICES, attempt=erasure.attempt).state is ErasureState.COMPLETED
