"""The decisions of the saga engine, step by step, for the checkout saga."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import pytest

from cluster.catalog.contract import (
    ReleaseStock,
    ReservationExpired,
    ReserveStock,
    StockRefused,
    StockReleased,
    StockReserved,
)
from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted, CheckoutTurned
from cluster.checkout.definition import CHECKOUT, COMPENSATION_DEADLINE, CheckoutContext
from cluster.identity.contract import (
    HoldLimit,
    HoldReleased,
    LimitHeld,
    LimitRefused,
    LimitSpent,
    ReleaseHold,
)
from cluster.messaging.contract import Payload
from cluster.orders.contract import CancelOrder, ConfirmOrder, OrderCancelled, OrderConfirmed
from cluster.payments.contract import (
    AuthorisePayment,
    CapturePayment,
    CaptureRefused,
    LateAuthorisationReturned,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundPayment,
    VoidPayment,
)
from cluster.sagas import engine
from cluster.sagas.engine import LONGEST_WAIT, Outcome, Phase, StepRecord, Undo

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAGA: Final = UUID(int=7)
CONTEXT: Final = CheckoutContext("ada", "tea", 2, 700, "tok_ok")
HELD: Final = LimitHeld(700)
RESERVED: Final = StockReserved("tea", 2)
AUTHORISED: Final = PaymentAuthorised(700)
CONFIRMED: Final = OrderConfirmed(700)
CAPTURED: Final = PaymentCaptured(700)


class Told:
    """A checkout that gets replies. `now` is its clock, `sent` the messages that it sent last."""

    def __init__(self) -> None:
        self.now = NOON
        transition = engine.start(CHECKOUT, SAGA, CONTEXT, self.now)
        self.state = transition.state
        self.sent = transition.messages

    def hear(self, *replies: Payload) -> tuple[Payload, ...]:
        for reply in replies:
            transition = engine.on_reply(CHECKOUT, self.state, reply, self.now)
            self.state, self.sent = transition.state, transition.messages
        return self.sent

    def look_at_the_clock(self) -> tuple[Payload, ...]:
        transition = engine.on_deadline(CHECKOUT, self.state, self.now)
        self.state, self.sent = transition.state, transition.messages
        return self.sent

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def outlive_the_deadline(self) -> tuple[Payload, ...]:
        assert self.state.deadline is not None
        self.now = self.state.deadline
        return self.look_at_the_clock()

    def step(self, name: str) -> StepRecord:
        return next(record for record in self.state.steps if record.name == name)


@pytest.fixture
def checkout() -> Told:
    return Told()


class TestForward:
    def test_it_begins_with_the_first_command_and_its_deadline(self, checkout: Told) -> None:
        assert checkout.sent == (HoldLimit("ada", 700),)
        assert checkout.state.deadline == NOON + timedelta(seconds=10)

    def test_each_success_sends_the_next_command(self, checkout: Told) -> None:
        assert checkout.hear(HELD) == (ReserveStock("tea", 2),)
        assert checkout.hear(RESERVED) == (AuthorisePayment("ada", 700, "tok_ok"),)
        assert checkout.hear(AUTHORISED) == (ConfirmOrder("ada", "tea", 2, 700),)
        assert checkout.hear(CONFIRMED) == (CapturePayment(700),)
        assert checkout.hear(CAPTURED) == (CheckoutCompleted("ada", "tea", 2, 700),)

    def test_a_completed_saga_waits_for_nothing(self, checkout: Told) -> None:
        checkout.wait(1)
        checkout.hear(HELD, RESERVED, AUTHORISED, CONFIRMED, CAPTURED)
        assert checkout.state.phase is Phase.COMPLETED
        assert checkout.state.deadline is None
        assert checkout.state.ended_at == NOON + timedelta(seconds=1)

    def test_messages_and_announced_events_are_counted(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED, AUTHORISED, CONFIRMED, CAPTURED)
        assert (checkout.state.messages_sent, checkout.state.version) == (6, 1)

    def test_each_step_has_its_own_deadline(self, checkout: Told) -> None:
        checkout.wait(3)
        checkout.hear(HELD, RESERVED)
        assert checkout.state.deadline == NOON + timedelta(seconds=3 + 6)

    def test_a_success_at_the_very_deadline_is_in_time(self, checkout: Told) -> None:
        checkout.wait(10)
        assert checkout.hear(HELD) == (ReserveStock("tea", 2),)


class TestRefusal:
    def test_the_first_step_refused_leaves_nothing_to_undo(self, checkout: Told) -> None:
        assert checkout.hear(LimitRefused("over the limit")) == (
            CheckoutTurned("hold_limit", "over the limit"),
            CheckoutCompensated("hold_limit", "over the limit"),
        )
        assert checkout.state.phase is Phase.COMPENSATED
        assert checkout.state.version == 2

    def test_earlier_steps_are_undone_in_reverse_each_awaited(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED, AUTHORISED, CONFIRMED)
        reason = "the card has expired"
        assert checkout.hear(CaptureRefused(reason)) == (
            CheckoutTurned("capture_payment", reason),
            CancelOrder(reason),
        )
        assert checkout.hear(OrderCancelled(reason)) == (VoidPayment(reason),)
        assert checkout.hear(PaymentVoided(700)) == (ReleaseStock(reason),)
        assert checkout.hear(StockReleased("tea", 2)) == (ReleaseHold(reason),)
        assert checkout.hear(HoldReleased(700)) == (CheckoutCompensated("capture_payment", reason),)

    def test_it_counts_even_after_the_deadline(self, checkout: Told) -> None:
        checkout.hear(HELD)
        checkout.wait(11)
        assert checkout.hear(StockRefused("tea", 2, "sold out"))[1:] == (ReleaseHold("sold out"),)


class TestMissedDeadline:
    def test_before_it_nothing_happens(self, checkout: Told) -> None:
        before = checkout.state
        checkout.wait(9.999)
        assert checkout.look_at_the_clock() == ()
        assert checkout.state is before

    def test_the_step_that_waited_is_undone_first(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED)
        reason = "no answer within 6 s"
        assert checkout.outlive_the_deadline() == (
            CheckoutTurned("authorise_payment", reason),
            VoidPayment(reason),
        )
        assert checkout.hear(PaymentVoided(0)) == (ReleaseStock(reason),)

    def test_a_success_processed_after_it_counts_as_missed(self, checkout: Told) -> None:
        checkout.hear(HELD)
        checkout.wait(10.001)
        assert checkout.hear(RESERVED) == (
            CheckoutTurned("reserve_stock", "no answer within 10 s"),
            ReleaseStock("no answer within 10 s"),
        )
        assert checkout.step("reserve_stock").outcome is Outcome.LATE

    def test_a_success_after_turning_round_is_recorded(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED)
        checkout.outlive_the_deadline()
        checkout.wait(3)
        assert checkout.hear(AUTHORISED) == ()
        assert checkout.step("authorise_payment").outcome is Outcome.LATE
        assert checkout.step("authorise_payment").answered_at == checkout.now
        assert checkout.step("authorise_payment").undo is Undo.WAITING

    def test_a_success_after_the_end_is_recorded_too(self, checkout: Told) -> None:
        checkout.outlive_the_deadline()
        checkout.hear(HoldReleased(0))
        assert checkout.hear(HELD) == ()
        assert checkout.step("hold_limit").outcome is Outcome.LATE
        assert checkout.state.phase is Phase.COMPENSATED

    def test_a_late_refusal_takes_the_place_of_the_compensations_reply(
        self, checkout: Told
    ) -> None:
        checkout.hear(HELD, RESERVED)
        checkout.outlive_the_deadline()
        reason = "no answer within 6 s"
        assert checkout.hear(PaymentDeclined("no funds")) == (ReleaseStock(reason),)
        assert checkout.hear(PaymentVoided(0)) == ()
        assert checkout.state.phase is Phase.COMPENSATING

    def test_the_last_step_missed_gives_the_money_back_and_then_all_the_rest(
        self, checkout: Told
    ) -> None:
        checkout.hear(HELD, RESERVED, AUTHORISED, CONFIRMED)
        reason = "no answer within 10 s"
        assert checkout.outlive_the_deadline()[1:] == (RefundPayment(reason),)
        assert checkout.hear(CAPTURED) == ()
        assert checkout.hear(PaymentRefunded(700)) == (CancelOrder(reason),)
        assert checkout.hear(OrderCancelled(reason)) == (VoidPayment(reason),)


class TestCompensation:
    def test_it_is_asked_again_until_answered_ever_more_slowly(self, checkout: Told) -> None:
        checkout.outlive_the_deadline()
        waits = []
        for _ in range(5):
            assert checkout.state.deadline is not None
            waits.append(checkout.state.deadline - checkout.now)
            assert checkout.outlive_the_deadline() == (ReleaseHold("no answer within 10 s"),)
        assert waits == [
            COMPENSATION_DEADLINE,
            COMPENSATION_DEADLINE * 2,
            COMPENSATION_DEADLINE * 4,
            LONGEST_WAIT,
            LONGEST_WAIT,
        ]
        assert checkout.step("hold_limit").undo_sends == 6

    def test_a_saga_that_waited_for_days_still_asks(self, checkout: Told) -> None:
        for _ in range(10_000):
            checkout.outlive_the_deadline()
        assert checkout.sent == (ReleaseHold("no answer within 10 s"),)

    def test_a_reply_after_its_deadline_is_as_good_as_any(self, checkout: Told) -> None:
        checkout.outlive_the_deadline()
        checkout.wait(600)
        assert checkout.hear(HoldReleased(700)) == (
            CheckoutCompensated("hold_limit", "no answer within 10 s"),
        )

    def test_the_next_one_starts_with_a_short_wait_again(self, checkout: Told) -> None:
        checkout.hear(HELD)
        for _ in range(4):
            checkout.outlive_the_deadline()
        checkout.hear(StockReleased("tea", 2))
        assert checkout.state.deadline == checkout.now + COMPENSATION_DEADLINE


class TestUndoneUnasked:
    def test_an_expired_reservation_turns_the_saga_round(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED)
        reason = "reservation expired"
        assert checkout.hear(ReservationExpired("tea", 2)) == (
            CheckoutTurned("reserve_stock", reason),
            VoidPayment(reason),
        )

    def test_what_has_expired_is_not_released_again(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED, ReservationExpired("tea", 2))
        assert checkout.hear(PaymentVoided(0)) == (ReleaseHold("reservation expired"),)

    def test_it_answers_a_compensation_that_is_under_way(self, checkout: Told) -> None:
        checkout.hear(HELD)
        checkout.outlive_the_deadline()
        assert checkout.hear(ReservationExpired("tea", 2)) == (
            ReleaseHold("no answer within 10 s"),
        )

    def test_after_completion_it_is_noted_and_changes_nothing_else(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED, AUTHORISED, CONFIRMED, CAPTURED)
        assert checkout.hear(ReservationExpired("tea", 2)) == ()
        assert checkout.state.phase is Phase.COMPLETED
        assert [note.type for note in checkout.step("reserve_stock").notes] == [
            "catalog.reservation_expired.v1"
        ]


class TestRepliesThatDecideNothing:
    def test_a_late_authorisation_that_went_back_is_noted_once(self, checkout: Told) -> None:
        checkout.hear(HELD, RESERVED)
        checkout.outlive_the_deadline()
        assert checkout.hear(LateAuthorisationReturned(700)) == ()
        checkout.hear(LateAuthorisationReturned(700))
        assert [note.type for note in checkout.step("authorise_payment").notes] == [
            "payments.late_authorisation_returned.v1"
        ]

    @pytest.mark.parametrize(
        "stray", [RESERVED, CAPTURED, PaymentVoided(0), LateAuthorisationReturned(1)]
    )
    def test_a_reply_to_what_was_never_asked_changes_nothing(
        self, checkout: Told, stray: Payload
    ) -> None:
        before = checkout.state
        assert checkout.hear(stray) == ()
        assert checkout.state is before

    def test_a_message_that_is_no_reply_changes_nothing(self, checkout: Told) -> None:
        before = checkout.state
        assert checkout.hear(LimitSpent("ada", 700)) == ()
        assert checkout.state is before

    def test_a_duplicate_changes_nothing(self, checkout: Told) -> None:
        checkout.hear(HELD)
        before = checkout.state
        assert checkout.hear(HELD) == ()
        assert checkout.state is before

    def test_a_participant_that_takes_its_word_back_leaves_a_trace(self, checkout: Told) -> None:
        checkout.hear(HELD)
        assert checkout.hear(LimitRefused("changed my mind")) == ()
        assert checkout.step("hold_limit").outcome is Outcome.DONE
        assert [note.type for note in checkout.step("hold_limit").notes] == [
            "identity.limit_refused.v1"
        ]


def test_the_history_of_the_steps_survives_json(checkout: Told) -> None:
    checkout.hear(HELD, RESERVED)
    checkout.outlive_the_deadline()
    checkout.hear(LateAuthorisationReturned(700))
    written = msgspec.json.encode(checkout.state.steps)
    assert msgspec.json.decode(written, type=tuple[StepRecord, ...]) == checkout.state.steps
