"""The services as the lab and the plan describe them, from Markdown files in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cluster.storefront.checkout_intake import Outcome
from cluster.storefront.events import CODES
from portfolio.described import Description, named, read_descriptions
from portfolio.patterns import PATTERNS, Pattern

FOLDER: Final = Path(__file__).parent


class SampleCheckout(Description, frozen=True, kw_only=True):
    """A real checkout whose end one service decides. The prose says what to watch."""

    name: str
    outcome: Outcome
    sku: str = "MUG-ENAMEL"
    quantity: int = 1

    @property
    def form_outcome(self) -> str:
        """The outcome to send with the checkout's form.

        It is success for a product that is out of stock, since the product decides that.
        """
        return Outcome.SUCCESS if self.outcome is Outcome.OUT_OF_STOCK else self.outcome


class Participant(Description, frozen=True, kw_only=True):
    """One service. The prose says what it does.

    `shared` are the patterns of `SHARED` that it uses, beside its own.
    """

    title: str
    owns: str
    own_patterns: tuple[str, ...] = msgspec.field(name="patterns")
    shared: tuple[str, ...]
    samples: tuple[str, ...] = msgspec.field(name="checkouts")

    @property
    def name(self) -> str:
        return self.slug

    @property
    def code(self) -> str:
        return CODES[self.slug]

    @property
    def lead(self) -> str:
        return f"{self.owns} {self.prose}"

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return named(PATTERNS, self.own_patterns, by=f"the service {self.slug}")

    @property
    def all_patterns(self) -> tuple[Pattern, ...]:
        """Its own patterns, then the shared ones."""
        return (*self.patterns, *named(PATTERNS, self.shared, by=f"the service {self.slug}"))

    @property
    def checkouts(self) -> tuple[SampleCheckout, ...]:
        return named(CHECKOUTS, self.samples, by=f"the service {self.slug}")


CHECKOUTS: Final[Mapping[str, SampleCheckout]] = read_descriptions(
    FOLDER / "checkouts", SampleCheckout
)
# In the order in which a checkout visits them; the site, which asks, comes last.
ORDER: Final = ("identity", "catalog", "payments", "orders", "checkout", "site")

# The patterns that the services share.
SHARED: Final = named(
    PATTERNS,
    ("transactional-outbox", "idempotent-inbox", "dead-letters", "leased-credentials"),
    by="the lab",
)


def _participants() -> dict[str, Participant]:
    """Return the services in order. Raises BadDescription where one names what there is not."""
    described = read_descriptions(FOLDER / "participants", Participant)
    for one in named(described, ORDER, by="the lab"):
        named(PATTERNS, (*one.own_patterns, *one.shared), by=f"the service {one.slug}")
        named(CHECKOUTS, one.samples, by=f"the service {one.slug}")
    return {name: described[name] for name in ORDER}


PARTICIPANTS: Final[Mapping[str, Participant]] = _participants()
