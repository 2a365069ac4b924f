"""The provider's HTTP API as it is published: operations in, events out.

`POST /v1/operations` takes up to MOST_OPERATIONS operations, each with its own idempotency key. A
key that was used before decides nothing again. The answers come later, as events in signed
webhooks. `GET /v1/payments/{id}` returns the same events again, with the same ids, for a client
that may have missed one.

A client rotates its keys by `POST /v1/keys`, which makes another one, and then by
`POST /v1/keys/{id}/retire-earlier`, which lets all earlier ones of its kind end after a while.
Until then each is valid, and webhooks are signed with each.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final
from uuid import UUID

import msgspec

MOST_OPERATIONS: Final = 100  # in one request; the provider answers 400 to more
MOST_EVENTS: Final = 100  # in one webhook
OPERATIONS_PATH: Final = "/v1/operations"
PAYMENTS_PATH: Final = "/v1/payments"
BOOKS_PATH: Final = "/v1/books"
KEYS_PATH: Final = "/v1/keys"
RETIRE_EARLIER: Final = "retire-earlier"
LONGEST_OVERLAP: Final = 7 * 24 * 3600.0  # seconds
# The ways by which a dead letter comes to the gateway: a webhook's event, a refused operation.
HEARD: Final = "payments.provider_event"
ASKED: Final = "payments.provider_operation"
SIGNATURE_HEADER: Final = "Provider-Signature"


class OperationKind(enum.StrEnum):
    """The operations of a payment that the provider offers."""

    AUTHORISE = "authorise"  # set money of the card aside; may never be answered
    CAPTURE = "capture"  # take what was set aside
    VOID = "void"  # release the money that was set aside
    REFUND = "refund"  # pay back the money that was taken


class EventType(enum.StrEnum):
    """The provider's answers, of which every capture, void and refund gets one."""

    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    CAPTURE_REFUSED = "capture_refused"
    VOIDED = "voided"
    NOTHING_TO_VOID = "nothing_to_void"
    REFUNDED = "refunded"
    NOTHING_TO_REFUND = "nothing_to_refund"


class KeyKind(enum.StrEnum):
    """The keys that a client has."""

    API_KEY = "api_key"  # authenticates the client's requests
    WEBHOOK_SECRET = "webhook_secret"  # noqa: S105  # signs the provider's webhooks

    @property
    def words(self) -> str:
        return "API key" if self is KeyKind.API_KEY else "webhook secret"

    @property
    def slug(self) -> str:
        """The name on the command line and in an address."""
        return self.value.replace("_", "-")

    @classmethod
    def of_slug(cls, slug: str) -> KeyKind:
        """Return the kind of that name. Raises ValueError."""
        return cls(slug.replace("-", "_"))


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation, with its idempotency key `key` and its `amount` in pence.

    `traceparent` (W3C Trace Context) is in each operation, since a request holds those of many
    traces. It does not belong to the operation itself: a repetition may bring another one.
    """

    key: UUID
    payment: UUID
    kind: OperationKind
    amount: int
    card: str
    traceparent: str | None = None


class ProviderEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer, in which `operation` is the key of the operation that it answers.

    `traceparent` names the provider's own span in the trace of that operation.
    """

    id: UUID
    type: EventType
    payment: UUID
    operation: UUID
    amount: int
    reason: str = ""
    traceparent: str | None = None


class OperationsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operations: list[Operation]


class OperationsAccepted(msgspec.Struct, frozen=True):
    """The numbers of operations that were new, and that had been accepted before."""

    accepted: int
    repeated: int


class WebhookDelivery(msgspec.Struct, frozen=True):
    """The body of a webhook."""

    events: list[ProviderEvent]


class PaymentStatement(msgspec.Struct, frozen=True):
    """The provider's record of one payment, with all its events."""

    payment: UUID
    state: str
    authorised: int
    captured: int
    events: list[ProviderEvent]


class Balance(msgspec.Struct, frozen=True):
    """Pence set aside, and pence taken and not paid back."""

    authorised: int
    captured: int


class BooksPage(msgspec.Struct, frozen=True):
    """Totals over all payments and, when asked for, a page of balances by payment id.

    `next` is the `after` of the next page, None at the end.
    """

    count: int
    authorised: int
    captured: int
    balances: dict[UUID, Balance] = {}
    next: UUID | None = None


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that asks for one more key."""

    kind: KeyKind


class MadeKey(msgspec.Struct, frozen=True):
    """A new key. The provider tells its `secret` this once."""

    id: UUID
    kind: KeyKind
    secret: str

    def __repr__(self) -> str:
        return f"{self.kind} {self.id}"


class RetireRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that lets earlier keys end `after` so many seconds, or sooner if they do anyway."""

    after: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_OVERLAP)]


class KeysRetired(msgspec.Struct, frozen=True):
    """The number of earlier keys that are still valid, and now have an end."""

    ending: int
