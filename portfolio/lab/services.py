"""The lab's description of each service: what it owns, its patterns, their source, its demos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cluster.storefront.checkout_intake import Outcome


@dataclass(frozen=True)
class Pattern:
    """A pattern that a service uses. `sources` are the code of it, as targets of `locate`."""

    name: str
    words: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Demo:
    """A real checkout whose end this service decides, with words on what to watch."""

    name: str
    words: str
    outcome: Outcome
    sku: str = "MUG-ENAMEL"
    quantity: int = 1

    @property
    def form_outcome(self) -> str:
        """The outcome to send with the checkout's form.

        It is success for a product that is out of stock, since the product decides that.
        """
        return Outcome.SUCCESS if self.outcome is Outcome.OUT_OF_STOCK else self.outcome


@dataclass(frozen=True)
class Participant:
    """One service as the lab describes it. `keeps` are the tables of its database."""

    name: str
    code: str
    title: str
    owns: str
    does: str
    keeps: tuple[tuple[str, str], ...]
    patterns: tuple[Pattern, ...]
    demos: tuple[Demo, ...]


GOOD: Final = Demo(
    "A checkout that completes",
    "A good card and something in stock. Five steps forward, and then each service settles what "
    "it had set aside.",
    Outcome.SUCCESS,
)
DECLINED: Final = Demo(
    "A declined card",
    "The provider declines, and the checkout is compensated from its third step: the stock is "
    "released, and then the limit.",
    Outcome.DECLINED,
)
SILENT: Final = Demo(
    "A provider that never answers",
    "After 6 seconds without an answer the deadline, a column in PostgreSQL, is missed, and the "
    "checkout is compensated.",
    Outcome.PROVIDER_SILENT,
)
LATE: Final = Demo(
    "A provider that answers too late",
    "The answer comes after 9 seconds, when the checkout has given up. It is entered in the "
    "ledger like any fact, and the money goes back.",
    Outcome.LATE_SUCCESS,
)
SOLD_OUT: Final = Demo(
    "Something that is sold out",
    "Catalog refuses, one step after the limit was held. The hold is released, and nothing else "
    "had happened yet.",
    Outcome.OUT_OF_STOCK,
    sku="SOLD-OUT",
)

IDENTITY: Final = Participant(
    name="identity",
    code="IDN",
    title="Identity",
    owns="How much a visitor may still spend, and their wish to be forgotten.",
    does="A checkout begins here: its amount is held of the visitor’s limit of £1,000, then spent "
    "when the checkout completes or released when it is compensated. Held and spent together never "
    "exceed the limit, however many checkouts of one visitor run at once.",
    keeps=(
        ("visitor_limit", "what each visitor may spend, has on hold and has spent"),
        ("hold", "the amount that one checkout has set aside"),
        ("spend", "what completed checkouts have spent"),
        ("limit_restoration", "what refunds have given back"),
        ("erasure", "who asked to be forgotten, and which services have answered"),
        ("token_family", "which tokens a sign-in has led to; secrets by their hash only"),
    ),
    patterns=(
        Pattern(
            "A hold instead of a lock",
            "What a workflow will need is set aside as a row, not with a database lock: the "
            "checkout may take seconds, and a lock would not outlive a restart.",
            ("cluster.identity.domain.limits:Limit", "cluster.identity.handlers:hold_limit"),
        ),
        Pattern(
            "Tombstones",
            "A compensation can overtake the command that it undoes. It then leaves a row that "
            "makes the late command do nothing.",
            ("cluster.identity.handlers:release_hold",),
        ),
        Pattern(
            "Erasure with receipts",
            "Each service renames the visitor in its own database and says so. Who has not "
            "answered is asked again; it is over when all have answered the same attempt.",
            ("cluster.identity.domain.erasure:Erasure", "cluster.identity.erasure:ask_again"),
        ),
    ),
    demos=(
        Demo(
            "More than the limit allows",
            "A hundred guard’s watches for £5,900, of a limit of £1,000. Identity refuses the "
            "first step, so nothing has to be undone.",
            Outcome.SUCCESS,
            sku="WATCH-POCKET",
            quantity=100,
        ),
        GOOD,
    ),
)

CATALOG: Final = Participant(
    name="catalog",
    code="CAT",
    title="Catalog",
    owns="The products, their stock, and what is reserved of it.",
    does="An item is available, reserved or sold, and the three add up to what was ever brought "
    "in. A reservation has a deadline of its own: one that a checkout forgot goes back on the "
    "shelf after ten minutes.",
    keeps=(
        ("product", "what is for sale, and its available, reserved and sold items"),
        ("reservation", "the items that one checkout has set aside, and until when"),
        ("sale", "what completed checkouts have bought"),
        ("stock_return", "what refunds have brought back"),
    ),
    patterns=(
        Pattern(
            "No overselling",
            "Stock is decided in pure code on rows that are locked in one order for a whole batch "
            "of messages, so two checkouts cannot both take the last item.",
            ("cluster.catalog.domain.product:Stock", "cluster.catalog.handlers:reserve_stock"),
        ),
        Pattern(
            "Reservations that expire",
            "Whatever is set aside is set aside until a time that is stored with it. Expiry is an "
            "event like any other, and turns a checkout round that had waited too long.",
            ("cluster.catalog.schedule:expire_reservations",),
        ),
        Pattern(
            "Batches with one transaction",
            "Up to 200 messages are applied at once: rows are read with one statement, decided "
            "on, and written with one.",
            ("cluster.catalog.repository:save_stock", "cluster.messaging.inbox:Inbox.apply"),
        ),
    ),
    demos=(SOLD_OUT, GOOD),
)

PAYMENTS: Final = Participant(
    name="payments",
    code="PAY",
    title="Payments",
    owns="The payments, the ledger, and the conversation with the provider.",
    does="Commands say what is wished, the provider’s webhooks say what is so, and one function "
    "compares the two. The provider is a sandbox, a process of its own that speaks only HTTP with "
    "the gateway, and answers late, twice, out of order or never. No money moves.",
    keeps=(
        ("payment", "what is wished of a payment, and what the provider has told of it"),
        ("ledger_entry", "two lines for each fact, which sum to zero"),
        ("provider_request", "what still has to be sent to the provider: an outbox over HTTP"),
        ("provider_event", "the webhooks that were taken, so that none is taken twice"),
        ("refund", "what the provider is paying back"),
    ),
    patterns=(
        Pattern(
            "Wishes and facts",
            "A payment is not one state with an arrow for every pair of events. Wishes only move "
            "down a list, facts only add up, and so they may interleave in any order.",
            ("cluster.payments.domain.payment:Wish", "cluster.payments.domain.payment:authorise"),
        ),
        Pattern(
            "A double-entry ledger",
            "Entered from the provider’s facts alone: it can lag behind the provider’s books and "
            "cannot contradict them.",
            ("cluster.payments.domain.ledger:entries", "cluster/health/checkers/money.py"),
        ),
        Pattern(
            "Signed webhooks, taken once",
            "The signature bounds how old a webhook may be; its id is stored in the transaction of "
            "its effects; the answer is 200 only after the commit.",
            ("cluster.payments.signature:verify", "cluster/payments/gateway/receiver.py"),
        ),
        Pattern(
            "A circuit breaker that spends nothing",
            "What could not be sent stays where it is. The breaker paces the attempts; nothing "
            "counts them, so an outage costs delay and never an operation.",
            ("cluster.payments.domain.breaker:Breaker", "cluster.payments.gateway.sender:Sender"),
        ),
    ),
    demos=(DECLINED, SILENT, LATE),
)

ORDERS: Final = Participant(
    name="orders",
    code="ORD",
    title="Orders",
    owns="The orders and their life after the checkout.",
    does="An order is confirmed as the fourth step, cancelled when the checkout compensates, and "
    "fulfilled when it completes. A refund is opened and closed here: a second saga, with no "
    "coordinator, in which each service reacts to what it hears.",
    keeps=(
        ("orders", "what was bought, for how much, and how the order stands"),
        ("refund", "a refund under way: the money, the stock and the limit that have come back"),
    ),
    patterns=(
        Pattern(
            "Choreography",
            "The refund saga has no coordinator. The money goes back first, since nothing should "
            "be undone that a refusal would have to do again.",
            ("cluster/orders/refunds.py",),
        ),
        Pattern(
            "A version that counts announcements",
            "Every order knows how many messages it has announced. The checkers compare that with "
            "the journal, and a message that never arrived is found.",
            ("cluster.orders.domain.lifecycle:Order", "cluster/health/checkers/streams.py"),
        ),
        Pattern(
            "Commands that may come twice",
            "The id of a message and its effect are one transaction, so a second delivery does "
            "nothing; a second order under the same id is refused.",
            ("cluster.messaging.inbox:Inbox", "cluster.orders.handlers:confirm_order"),
        ),
    ),
    demos=(GOOD, DECLINED),
)

CHECKOUT: Final = Participant(
    name="checkout",
    code="CHK",
    title="Checkout",
    owns="The checkouts themselves: at which step each is, and what has to be undone.",
    does="The coordinator. It sends one command at a time, stores until when it waits for the "
    "answer, and compensates at a refusal or a missed deadline. Killed in between, it goes on from "
    "the row.",
    keeps=(("saga", "one row a checkout: its position, its steps, its deadline and its end"),),
    patterns=(
        Pattern(
            "An orchestrated saga",
            "Five steps over four services. The definition is frozen data that is checked when it "
            "is loaded: a step without a way back does not start.",
            ("cluster.checkout.definition:CHECKOUT", "cluster.sagas.definition:Saga"),
        ),
        Pattern(
            "Deadlines in the database",
            "No timers and no delayed messages. A sweep each second finds the rows whose time is "
            "over, after a restart just as before it.",
            ("cluster.checkout.handlers:sweep_deadlines", "cluster.sagas.engine:on_deadline"),
        ),
        Pattern(
            "Compensation in reverse order",
            "Each step that may stand is undone, the last one first, and asked for again until it "
            "is answered. A success that comes too late is undone like any other.",
            ("cluster.sagas.engine:_back", "cluster.sagas.engine:_on_success"),
        ),
    ),
    demos=(GOOD, SOLD_OUT, DECLINED, SILENT, LATE),
)

SITE: Final = Participant(
    name="site",
    code="WEB",
    title="The site",
    owns="What visitors asked for, and the journal of everything that was said.",
    does="The site is a service like the others: it asks for work through an outbox and never "
    "calls a service. Its worker writes down every message of the cluster under a number without "
    "gaps, and that journal is what the figures and the event table draw.",
    keeps=(
        ("journal", "every message, numbered in the order in which it arrived"),
        ("checkout_request", "the checkouts that were accepted, and how they ended"),
        ("refund_request", "the refunds that were accepted"),
        ("erasure_request", "the erasures that were accepted"),
        ("product", "what catalog has announced, and by which journal entry we know it"),
        ("own_product", "whose the products are that visitors have listed"),
        ("contact_message", "what visitors have written to the owner"),
    ),
    patterns=(
        Pattern(
            "Acceptance",
            "A row and a command in one transaction, under an id that was chosen before: an "
            "acceptance whose answer was lost can be repeated.",
            (
                "cluster.storefront.checkout_intake:accept_checkouts",
                "cluster.storefront.transactions:run_in_transaction",
            ),
        ),
        Pattern(
            "A journal without gaps",
            "Numbers are given under a lock that is held until the commit. A browser says which "
            "it has seen last, and goes on from there.",
            (
                "cluster.storefront.journal.recorder:record",
                "cluster.storefront.stream.consumer:StreamConsumer",
            ),
        ),
        Pattern(
            "Leased credentials",
            "Like every process here, the site has no password of its own. Vault’s API makes it a "
            "login that ends after minutes, and it moves to the next between two transactions.",
            (
                "cluster.secrets.lease_renewer:LeaseRenewer",
                "cluster.secrets.postgres:DatabaseSession",
            ),
        ),
    ),
    demos=(GOOD,),
)

# In the order in which a checkout visits them; the site, which asks, comes last.
PARTICIPANTS: Final[Mapping[str, Participant]] = {
    participant.name: participant
    for participant in (IDENTITY, CATALOG, PAYMENTS, ORDERS, CHECKOUT, SITE)
}

# The patterns that every service uses.
SHARED: Final = (
    Pattern(
        "Transactional outbox",
        "Nobody publishes to the broker from a handler. A message is a row, written in the "
        "transaction of the change that it announces; a relay takes it out and deletes it after "
        "the broker has confirmed it.",
        ("cluster.messaging.outbox:flush", "cluster.messaging.relay:Relay"),
    ),
    Pattern(
        "Idempotent inbox",
        "The id of a message and its effects commit together, so a second delivery is recognised "
        "and does nothing. An early message waits for its predecessor.",
        ("cluster.messaging.inbox:Inbox",),
    ),
    Pattern(
        "Dead letters that are kept",
        "What can never be applied becomes a row with the reason, and can be sent again when the "
        "reason is gone.",
        ("cluster/messaging/dead_letters.py",),
    ),
    Pattern(
        "Leased database logins",
        "Each process logs in as somebody who did not exist some minutes ago, and moves on "
        "without dropping a request.",
        ("cluster.secrets.lease_renewer:LeaseRenewer",),
    ),
)
