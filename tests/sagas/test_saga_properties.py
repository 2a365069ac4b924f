"""Any interleaving, duplication, delay and loss of messages ends with conservation.

A model of the world: five things that a checkout may leave behind (a hold, a
reservation, an authorisation, an order, a capture), and a network that delivers
their messages in any order, twice, late or never. After the faults have healed
the saga has ended, and either all five things stand or none does.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cluster.catalog.contract import ReservationExpired, StockRefused, StockReleased, StockReserved
from cluster.checkout.definition import CHECKOUT, CheckoutContext
from cluster.identity.contract import HoldReleased, LimitHeld, LimitRefused
from cluster.messaging.contract import Kind, Payload
from cluster.orders.contract import OrderCancelled, OrderConfirmed, OrderRefused
from cluster.payments.contract import (
    CaptureRefused,
    LateAuthorisationReturned,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from cluster.sagas import engine
from cluster.sagas.definition import Role
from cluster.sagas.engine import Outcome, Phase, Transition, Undo

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
CONTEXT: Final = CheckoutContext("ada", "tea", 2, 700, "tok_ok")
STEPS: Final = CHECKOUT.steps
STOCK, AUTHORISATION, CAPTURE = 1, 2, 4  # their places in STEPS

# The replies of each thing's participant: it stands, it was refused, it stands no more.
SAYS: Final[tuple[tuple[Payload, Payload, Payload], ...]] = (
    (LimitHeld(700), LimitRefused("over the limit"), HoldReleased(700)),
    (StockReserved("tea", 2), StockRefused("tea", 2, "sold out"), StockReleased("tea", 2)),
    (PaymentAuthorised(700), PaymentDeclined("no funds"), PaymentVoided(700)),
    (OrderConfirmed(700), OrderRefused("closed"), OrderCancelled("undone")),
    (PaymentCaptured(700), CaptureRefused("no authorisation"), PaymentRefunded(700)),
)
# More rounds than any saga needs to end, since each round lasts until the next deadline.
ROUNDS: Final = 50

picks = st.integers(min_value=0, max_value=1000)


class Thing(enum.Enum):
    """The state that a participant keeps for one step of the checkout."""

    UNKNOWN = enum.auto()
    STANDS = enum.auto()
    REFUSED = enum.auto()
    GONE = enum.auto()  # undone, or the tombstone of a thing that was undone before it was done


class Checkout(RuleBasedStateMachine):
    """One checkout, its five participants, and a network without any guarantee."""

    @initialize(refusals=st.sets(st.integers(0, 4)), lossy=st.booleans())
    def begin(self, refusals: set[int], lossy: bool) -> None:
        self.refusals = refusals
        # Where replies get lost, a participant answers a repeated compensation again. Where none
        # get lost (outbox and inbox), it does not.
        self.lossy = lossy
        self.now = START
        self.things = [Thing.UNKNOWN] * len(STEPS)
        self.commands: list[Payload] = []
        self.replies: list[Payload] = []
        self.announced: list[Payload] = []
        self.sent = 0
        self.keep(engine.start(CHECKOUT, UUID(int=1), CONTEXT, self.now))

    def keep(self, transition: Transition[CheckoutContext]) -> None:
        self.state = transition.state
        self.sent += len(transition.messages)
        for message in transition.messages:
            command = message.message_type.kind is Kind.COMMAND
            (self.commands if command else self.announced).append(message)

    # The network ---------------------------------------------------------------------

    @precondition(lambda self: self.commands)
    @rule(pick=picks, twice=st.booleans())
    def deliver_a_command(self, pick: int, twice: bool) -> None:
        index = pick % len(self.commands)
        self.carry_out(self.commands[index] if twice else self.commands.pop(index))

    @precondition(lambda self: self.replies)
    @rule(pick=picks, twice=st.booleans())
    def deliver_a_reply(self, pick: int, twice: bool) -> None:
        index = pick % len(self.replies)
        reply = self.replies[index] if twice else self.replies.pop(index)
        self.hear(reply)

    @rule(hops=st.integers(min_value=1, max_value=6))
    def let_all_go_well_for_a_while(self, hops: int) -> None:
        """Deliver messages in order for some hops, so that runs come near completion."""
        for _ in range(hops):
            if self.commands:
                self.carry_out(self.commands.pop(0))
            if self.replies:
                self.hear(self.replies.pop(0))

    @precondition(lambda self: self.lossy and self.commands)
    @rule(pick=picks)
    def lose_a_command(self, pick: int) -> None:
        self.commands.pop(pick % len(self.commands))

    @precondition(lambda self: self.lossy and self.replies)
    @rule(pick=picks)
    def lose_a_reply(self, pick: int) -> None:
        self.replies.pop(pick % len(self.replies))

    @rule(seconds=st.floats(min_value=0.0, max_value=30.0))
    def let_time_pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        self.keep(engine.on_deadline(CHECKOUT, self.state, self.now))

    def hear(self, reply: Payload) -> None:
        before = self.state
        self.keep(engine.on_reply(CHECKOUT, before, reply, self.now))
        assert engine.on_reply(CHECKOUT, self.state, reply, self.now) == Transition(self.state)
        if before.deadline is not None and self.now > before.deadline:
            # No reply after the deadline may advance the saga.
            forward = self.state.phase in (Phase.RUNNING, Phase.COMPLETED)
            assert not forward or self.state.position == before.position
        index, role = CHECKOUT.meanings[type(reply)]
        if role is Role.SUCCESS:
            assert self.state.steps[index].outcome in (Outcome.DONE, Outcome.LATE)
        elif role is Role.UNDONE:
            assert self.state.phase is not Phase.RUNNING
            assert self.state.steps[index].undo is Undo.DONE

    # The participants ----------------------------------------------------------------

    def carry_out(self, command: Payload) -> None:
        for index, step in enumerate(STEPS):
            if type(command) is step.command:
                self.do(index)
            elif type(command) is step.compensation.command:
                self.undo(index)

    def do(self, index: int) -> None:
        stands, refused, _ = SAYS[index]
        if self.things[index] is Thing.UNKNOWN:
            possible = index != CAPTURE or self.things[AUTHORISATION] is Thing.STANDS
            if possible and index not in self.refusals:
                self.things[index] = Thing.STANDS
                self.replies.append(stands)
            else:
                self.things[index] = Thing.REFUSED
                self.replies.append(refused)
        elif self.things[index] is Thing.GONE and index == AUTHORISATION:
            self.replies.append(LateAuthorisationReturned(700))

    def undo(self, index: int) -> None:
        *_, gone = SAYS[index]
        changes = self.things[index] in (Thing.STANDS, Thing.UNKNOWN)
        if changes:
            self.things[index] = Thing.GONE
        if changes or self.lossy:
            self.replies.append(gone)

    # A reservation is kept longer than any checkout can go on towards completion.
    @precondition(
        lambda self: self.things[STOCK] is Thing.STANDS and self.state.phase is not Phase.COMPLETED
    )
    @rule()
    def let_the_reservation_expire(self) -> None:
        self.now = max(self.now, START + CHECKOUT.longest_run + timedelta(seconds=1))
        self.things[STOCK] = Thing.GONE
        self.replies.append(ReservationExpired("tea", 2))

    # What always holds ---------------------------------------------------------------

    @invariant()
    def waits_until_it_has_ended(self) -> None:
        ended = self.state.phase in (Phase.COMPLETED, Phase.COMPENSATED)
        assert (self.state.deadline is None) == ended
        assert (self.state.ended_at is not None) == ended

    @invariant()
    def counts_what_it_sends(self) -> None:
        assert self.state.messages_sent == self.sent
        assert self.state.version == len(self.announced)

    @invariant()
    def undoes_in_reverse_each_awaited(self) -> None:
        records = self.state.steps
        for index, record in enumerate(records):
            if record.undo_asked_at is not None:
                later = records[index + 1 :]
                assert all(
                    other.undo is Undo.DONE or other.outcome in (Outcome.PLANNED, Outcome.REFUSED)
                    for other in later
                )

    @invariant()
    def completes_only_when_everything_stands(self) -> None:
        if self.state.phase is Phase.COMPLETED:
            assert self.things == [Thing.STANDS] * len(STEPS)
            assert self.state.ended_at is not None
            assert self.state.ended_at - START <= CHECKOUT.longest_run

    # The faults heal -----------------------------------------------------------------

    def teardown(self) -> None:
        for _ in range(ROUNDS):
            self.deliver_everything()
            if self.state.deadline is None:
                break
            self.now = max(self.now, self.state.deadline)
            self.sweep()
        self.deliver_everything()
        stand = [thing is Thing.STANDS for thing in self.things]
        assert (self.state.phase, any(stand), all(stand)) in (
            (Phase.COMPLETED, True, True),
            (Phase.COMPENSATED, False, False),
        )
        assert len(self.announced) == (1 if self.state.phase is Phase.COMPLETED else 2)

    def deliver_everything(self) -> None:
        while self.commands or self.replies:
            while self.commands:
                self.carry_out(self.commands.pop(0))
            while self.replies:
                self.hear(self.replies.pop(0))


TestAnyCourseOfEvents = Checkout.TestCase
TestAnyCourseOfEvents.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
