"""Any interleaving of commands and provider events ends with equal books and no open operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.messaging.contract import Payload
from cluster.payments.contract import (
    CaptureRefused,
    LateAuthorisationReturned,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from cluster.payments.domain import payment as domain
from cluster.payments.domain.ledger import Account as Books
from cluster.payments.domain.ledger import Entry, balances
from cluster.payments.domain.payment import Decision, Origin, Payment, RefundOutcome
from cluster.payments.provider_api import Operation, OperationKind, ProviderEvent
from cluster.payments.sandbox.decisions import Account, Answer, authorise_late, decide

PAYMENT = UUID(int=1)
AMOUNT = 4200
CARDS = ("tok_ok", "tok_declined", "tok_silent", "tok_late")
# The commands that a saga can send, in each possible order.
SCRIPTS = (
    ("authorise", "capture"),
    ("authorise", "void"),
    ("authorise", "void", "void"),
    ("authorise", "capture", "refund", "void"),
    ("authorise", "capture", "void"),
    ("authorise", "refund", "void"),
    ("void", "authorise"),
    ("refund", "void", "authorise", "void"),
    ("authorise", "capture", "pay_back"),
    ("authorise", "capture", "pay_back", "refund", "void"),
    ("authorise", "capture", "pay_back", "pay_back"),
)


@dataclass
class World:
    """The payment, the provider's account, and every request and webhook in flight between them."""

    card: str
    payment: Payment | None = None
    account: Account | None = None
    late: UUID | None = None  # an authorisation that the provider has yet to decide
    requests: list[Operation] = field(default_factory=list)
    webhooks: list[ProviderEvent] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    announced: list[Payload] = field(default_factory=list)
    refunds: list[RefundOutcome] = field(default_factory=list)

    def command(self, name: str) -> None:
        new = Payment(PAYMENT, Origin(PAYMENT))
        match name:
            case "authorise":
                taken = domain.authorise(self.payment, new=new, amount=AMOUNT, card=self.card)
            case "capture":
                taken = domain.capture(self.payment, new=new, amount=AMOUNT)
            case "refund":
                taken = domain.refund(self.payment, new=new)
            case "void":
                taken = domain.void(self.payment, new=new)
            case _:
                assert self.payment is not None
                taken = domain.pay_back(self.payment, refund_id=uuid4(), amount=AMOUNT)
        self._follow(taken)

    def provider_works(self) -> None:
        """Let the provider carry out the oldest operation in flight to it."""
        operation = self.requests.pop(0)
        ruling = decide(self.account, operation)
        self.account = ruling.account
        if ruling.authorise_after is not None:
            self.late = operation.key
        if ruling.answer is not None:
            self._tell(operation.key, ruling.answer)

    def provider_authorises_late(self) -> None:
        assert self.late is not None
        assert self.account is not None
        ruling = authorise_late(self.account)
        assert ruling.answer is not None
        self.account = ruling.account
        self._tell(self.late, ruling.answer)
        self.late = None

    def webhook(self, index: int, *, keep: bool) -> None:
        """Deliver one of the webhooks in flight, and leave a duplicate of it with `keep`."""
        event = self.webhooks[index] if keep else self.webhooks.pop(index)
        assert self.payment is not None
        self._follow(domain.hear(self.payment, event))

    def _tell(self, key: UUID, answer: Answer) -> None:
        event = ProviderEvent(
            id=uuid5(key, "event"), payment=PAYMENT, operation=key,
            type=answer.type, amount=answer.amount, reason=answer.reason,
        )  # fmt: skip
        self.webhooks.append(event)

    def _follow(self, decision: Decision) -> None:
        self.payment = decision.payment
        self.requests.extend(decision.operations)
        self.entries.extend(decision.entries)
        self.announced.extend(decision.announcements)
        if decision.refund is not None:
            self.refunds.append(decision.refund)


def play(data: st.DataObject, world: World, script: list[str]) -> None:
    """Let commands, the provider and the webhooks take their turns in any order, to the end."""
    while True:
        turns = []
        if script and (script[0] != "pay_back" or world.payment is not None):
            turns.append("command")
        if world.requests:
            turns.append("work")
        if world.late is not None:
            turns.append("late")
        if world.webhooks:
            turns += ["webhook", "duplicate"]
        if not turns:
            return
        match data.draw(st.sampled_from(turns)):
            case "command":
                world.command(script.pop(0))
            case "work":
                world.provider_works()
            case "late":
                world.provider_authorises_late()
            case turn:
                index = data.draw(st.integers(0, len(world.webhooks) - 1))
                world.webhook(index, keep=turn == "duplicate")
        ledger = balances(world.entries)
        assert sum(ledger.values()) == 0


@given(data=st.data(), card=st.sampled_from(CARDS), script=st.sampled_from(SCRIPTS))
@settings(max_examples=600, deadline=None)
def test_books_equal_the_providers_and_nothing_is_left_over(
    data: st.DataObject, card: str, script: tuple[str, ...]
) -> None:
    world = World(card)
    play(data, world, list(script))
    ledger = balances(world.entries)
    payment, account = world.payment, world.account
    assert payment is not None

    # The books agree: the ledger, the payment's own totals, and the provider.
    held = account.authorised if account else 0
    taken = account.captured if account else 0
    assert (ledger[Books.AUTHORISED], ledger[Books.MERCHANT]) == (held, taken)
    assert (payment.held, payment.taken) == (held, taken)
    assert len({(entry.transaction, entry.account) for entry in world.entries}) == len(
        world.entries
    )
    # No operation is open, and a compensation has returned the money.
    assert payment.awaiting is None
    assert payment.contradictions <= 1
    if "void" in script:
        assert (held, taken) == (0, 0)
    elif "refund" in script or any(not outcome.refusal for outcome in world.refunds):
        assert taken == 0
    # Every announcement counted, every compensation answered once, every refund saga answered.
    announced = [type(payload) for payload in world.announced]
    assert payment.version == len(announced)
    assert announced.count(PaymentVoided) == (1 if "void" in script else 0)
    assert announced.count(PaymentRefunded) == (1 if "refund" in script else 0)
    assert announced.count(LateAuthorisationReturned) <= 1
    assert announced.count(PaymentAuthorised) + announced.count(PaymentDeclined) <= 1
    assert announced.count(PaymentCaptured) + announced.count(CaptureRefused) <= 1
    assert len(world.refunds) == script.count("pay_back")
    # No operation was ever sent under a key that another one had.
    assert world.requests == []


@given(data=st.data(), card=st.sampled_from(CARDS))
@settings(max_examples=200, deadline=None)
def test_money_back_is_what_was_taken_or_set_aside(data: st.DataObject, card: str) -> None:
    world = World(card)
    play(data, world, ["authorise", "capture", "refund", "void"])
    returned = sum(
        payload.amount
        for payload in world.announced
        if isinstance(payload, PaymentVoided | PaymentRefunded | LateAuthorisationReturned)
    )
    assert returned == sum(
        entry.amount
        for entry in world.entries
        if entry.account is Books.CUSTOMER and entry.amount > 0
    )


def test_the_happy_path_costs_two_operations() -> None:
    world = World("tok_ok")
    kinds = []
    for name in ("authorise", "capture"):
        world.command(name)
        kinds += [operation.kind for operation in world.requests]
        world.provider_works()
        world.webhook(0, keep=False)
    assert kinds == [OperationKind.AUTHORISE, OperationKind.CAPTURE]
    assert world.announced == [PaymentAuthorised(amount=AMOUNT), PaymentCaptured(amount=AMOUNT)]
