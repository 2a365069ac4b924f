"""The table of a checkout's steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cluster.storefront.events import StreamEvent, present
from portfolio.pages.saga_steps import step_rows

BEGAN = datetime(2026, 11, 26, 9, 14, 2, tzinfo=UTC)
SAGA = UUID("01a205c9-ed87-7221-8b0d-8545ad0c8c0f")


def event(number: int, type_name: str, after: float) -> StreamEvent:
    return present(
        seq=number,
        message_id=UUID(int=number),
        source=type_name.split(".", maxsplit=1)[0],
        type_name=type_name,
        subject=f"saga/{SAGA}",
        sequence=number,
        correlation=SAGA,
        time=BEGAN + timedelta(seconds=after),
        data={},
    )


def course(*types: str) -> list[StreamEvent]:
    """Return events 0.1 s apart, the newest first, as the page reads them."""
    return [event(number, name, number / 10) for number, name in enumerate(types, 1)][::-1]


def test_a_step_says_what_came_of_it_and_how_long_that_took() -> None:
    [held, asked] = step_rows(
        course("identity.hold_limit.v1", "identity.limit_held.v1", "catalog.reserve_stock.v1")
    )
    assert (held.code, held.name, held.mark, held.took) == ("IDN", "hold limit", "committed", 0.1)
    assert (asked.code, asked.mark, asked.took) == ("CAT", "in-flight", None)
    assert held.deadline == 10.0


def test_a_refusal_stands_out_and_what_was_undone_is_told() -> None:
    [held, refused] = step_rows(
        course(
            "identity.hold_limit.v1",
            "identity.limit_held.v1",
            "catalog.reserve_stock.v1",
            "catalog.stock_refused.v1",
            "checkout.checkout_turned.v1",
            "identity.hold_released.v1",
        )
    )
    assert refused.failed
    assert not held.failed
    assert held.undone


def test_a_step_that_met_its_deadline_was_not_answered_in_time() -> None:
    [row] = step_rows(course("identity.hold_limit.v1", "checkout.checkout_turned.v1"))
    assert (row.verb, row.mark, row.failed) == ("not answered in time", "unknown", True)


def test_what_is_no_checkout_has_no_steps() -> None:
    assert step_rows(course("orders.request_refund.v1")) == []
