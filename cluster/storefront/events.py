"""The display of each message type: rail code, mark, past-tense verb, detail.

One table for the pages and for the stream. Every declared message type has a line in it, or this
module does not load.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from cluster.catalog import contract as catalog
from cluster.checkout import contract as checkout
from cluster.identity import contract as identity
from cluster.messaging import fault_commands, replays, system_events
from cluster.messaging.contract import REGISTRY, ContractError, Kind
from cluster.orders import contract as orders
from cluster.payments import contract as payments
from cluster.storefront.headcode import headcode

# Characters. A page of the stream must fit one frame, even with hostile input.
LONGEST_DETAIL: Final = 200
LONGEST_NAME: Final = 100

CONTRACTS: Final = (
    identity,
    catalog,
    orders,
    payments,
    checkout,
    system_events,
    replays,
    fault_commands,
)

# A service never gets a colour of its own: it has a fixed rail and these letters.
CODES: Final[Mapping[str, str]] = {
    "site": "WEB",
    "identity": "IDN",
    "catalog": "CAT",
    "orders": "ORD",
    "payments": "PAY",
    "checkout": "CHK",
}


class Mark(enum.StrEnum):
    """The shape in front of the verb, which carries the meaning without its colour."""

    IN_FLIGHT = "in-flight"  # hollow circle: asked, not answered
    COMMITTED = "committed"  # filled circle: it happened
    COMPENSATED = "compensated"  # hollow diamond: it was undone
    FAILED = "failed"  # square with a cross: refused or failed
    UNKNOWN = "unknown"  # dashed ring: unknown


class Verb(enum.StrEnum):
    """The past-tense verb of a message type."""

    AMENDED = "amended"
    ASKED = "asked"
    AUTHORISED = "authorised"
    CANCELLED = "cancelled"
    CAPTURED = "captured"
    CHANGED_CREDENTIALS = "changed credentials"
    COMPENSATED = "compensated"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    DEDUPLICATED = "deduplicated"
    ERASED = "erased"
    EXPIRED = "expired"
    FAILED = "failed"
    GAVE_BACK = "gave back"
    GAVE_UP = "gave up"
    GRANTED = "granted"
    HANDED_BACK = "handed back"
    HELD = "held"
    LISTED = "listed"
    PAID_BACK = "paid back"
    PARKED = "parked"
    PREPARED = "prepared"
    REFUSED = "refused"
    RELEASED = "released"
    REQUESTED = "requested"
    RESERVED = "reserved"
    RESTOCKED = "restocked"
    RESTORED = "restored"
    REVOKED = "revoked"
    SENT_AGAIN = "sent again"
    SET_ASIDE = "set aside"
    SOLD = "sold"
    SPENT = "spent"
    TOLD = "told"
    BEGAN_COMPENSATING = "began compensating"
    UNREADABLE = "was unreadable"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Presentation:
    """The display of one type, where `detail` is a format over the payload's fields and `money`."""

    verb: Verb
    mark: Mark
    detail: str


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry as pages and browsers see it."""

    seq: int
    time: str  # RFC 3339, UTC, milliseconds
    code: str
    headcode: str
    verb: str
    mark: str
    detail: str
    type: str
    id: UUID
    subject: str
    sequence: int
    correlation: UUID

    @property
    def clock(self) -> str:
        """The time of day, as the event table shows it."""
        return self.time[11:23]


def _asked(detail: str) -> Presentation:
    return Presentation(Verb.ASKED, Mark.IN_FLIGHT, detail)


def _did(verb: Verb, detail: str) -> Presentation:
    return Presentation(verb, Mark.COMMITTED, detail)


def _undid(verb: Verb, detail: str) -> Presentation:
    return Presentation(verb, Mark.COMPENSATED, detail)


def _failed(verb: Verb, detail: str) -> Presentation:
    return Presentation(verb, Mark.FAILED, detail)


_ITEMS: Final = "{quantity} × {sku}"
_FORGOTTEN: Final = "a visitor, known in {rows} rows"

TELLINGS: Final[Mapping[str, Presentation]] = {
    "checkout.start_checkout.v1": _asked("CHK to sell {quantity} × {sku} for {money}"),
    "checkout.checkout_turned.v1": _undid(Verb.BEGAN_COMPENSATING, "at {step}: {reason}"),
    "checkout.checkout_completed.v1": _did(Verb.COMPLETED, "{quantity} × {sku} for {money}"),
    "checkout.checkout_compensated.v1": _undid(Verb.COMPENSATED, "after {step}: {reason}"),
    "checkout.visitor_erased.v1": _did(Verb.ERASED, _FORGOTTEN),
    "identity.hold_limit.v1": _asked("IDN to hold {money} of the limit"),
    "identity.release_hold.v1": _asked("IDN to release the hold: {reason}"),
    "identity.limit_held.v1": _did(Verb.HELD, "{money} of the limit"),
    "identity.limit_refused.v1": _failed(Verb.REFUSED, "{reason}"),
    "identity.hold_released.v1": _undid(Verb.RELEASED, "{money} of the limit"),
    "identity.limit_spent.v1": _did(Verb.SPENT, "{money} of the limit"),
    "identity.limit_restored.v1": _undid(Verb.RESTORED, "{money} of the limit"),
    "identity.request_erasure.v1": _asked("IDN to forget a visitor"),
    "identity.erasure_requested.v1": _did(
        Verb.REQUESTED, "that everyone forget a visitor, attempt {attempt}"
    ),
    "identity.erasure_refused.v1": _failed(Verb.REFUSED, "to forget a visitor: {reason}"),
    "identity.erasure_completed.v1": _did(Verb.COMPLETED, "the erasure of a visitor"),
    "identity.issue_token.v1": _asked("IDN for tokens"),
    "identity.refresh_token.v1": _asked("IDN to exchange a refresh token"),
    "identity.revoke_token.v1": _asked("IDN to revoke tokens: {reason}"),
    "identity.token_granted.v1": _did(Verb.GRANTED, "the token {jti}"),
    "identity.token_refused.v1": _failed(Verb.REFUSED, "a token: {reason}"),
    "identity.token_revoked.v1": _undid(Verb.REVOKED, "tokens: {reason}"),
    "catalog.list_product.v1": _asked("CAT to list {stock} × {sku}"),
    # Without the name: a visitor chose the name of an own product.
    "catalog.product_listed.v1": _did(Verb.LISTED, "{stock} × {sku}"),
    "catalog.amend_product.v1": _asked(
        "CAT to amend {sku}, if it is at version {expected_version}"
    ),
    "catalog.product_amended.v1": _did(Verb.AMENDED, "{sku}: version {version}"),
    "catalog.product_amendment_refused.v1": _failed(Verb.REFUSED, "{sku}: {reason}"),
    "catalog.product_restocked.v1": _did(Verb.RESTOCKED, _ITEMS),
    "catalog.reserve_stock.v1": _asked("CAT to reserve {quantity} × {sku}"),
    "catalog.release_stock.v1": _asked("CAT to release the stock: {reason}"),
    "catalog.stock_reserved.v1": _did(Verb.RESERVED, _ITEMS),
    "catalog.stock_refused.v1": _failed(Verb.REFUSED, "{quantity} × {sku}: {reason}"),
    "catalog.stock_released.v1": _undid(Verb.RELEASED, _ITEMS),
    "catalog.reservation_expired.v1": _undid(Verb.EXPIRED, _ITEMS),
    "catalog.stock_sold.v1": _did(Verb.SOLD, _ITEMS),
    "catalog.stock_returned.v1": _undid(Verb.HANDED_BACK, _ITEMS),
    "catalog.visitor_erased.v1": _did(Verb.ERASED, _FORGOTTEN),
    "orders.confirm_order.v1": _asked("ORD to confirm {quantity} × {sku}"),
    "orders.cancel_order.v1": _asked("ORD to cancel the order: {reason}"),
    "orders.order_confirmed.v1": _did(Verb.CONFIRMED, "the order of {money}"),
    "orders.order_refused.v1": _failed(Verb.REFUSED, "{reason}"),
    "orders.order_cancelled.v1": _undid(Verb.CANCELLED, "{reason}"),
    "orders.request_refund.v1": _asked("ORD for a refund"),
    "orders.refund_requested.v1": _did(Verb.REQUESTED, "a refund of {money}"),
    "orders.refund_refused.v1": _failed(Verb.REFUSED, "{reason}"),
    "orders.refund_completed.v1": _did(Verb.COMPLETED, "the refund"),
    "orders.refund_abandoned.v1": _failed(Verb.GAVE_UP, "the refund: {reason}"),
    "orders.visitor_erased.v1": _did(Verb.ERASED, _FORGOTTEN),
    "payments.authorise_payment.v1": _asked("PAY to authorise {money}"),
    "payments.void_payment.v1": _asked("PAY to void the payment: {reason}"),
    "payments.capture_payment.v1": _asked("PAY to capture {money}"),
    "payments.refund_payment.v1": _asked("PAY to give the money back: {reason}"),
    "payments.payment_authorised.v1": _did(Verb.AUTHORISED, "{money}"),
    "payments.payment_declined.v1": _failed(Verb.DECLINED, "{reason}"),
    "payments.payment_voided.v1": _undid(Verb.VOIDED, "{money}"),
    "payments.payment_captured.v1": _did(Verb.CAPTURED, "{money}"),
    "payments.capture_refused.v1": _failed(Verb.REFUSED, "{reason}"),
    "payments.payment_refunded.v1": _undid(Verb.GAVE_BACK, "{money}"),
    "payments.late_authorisation_returned.v1": _undid(
        Verb.GAVE_BACK, "{money} that were authorised too late"
    ),
    "payments.refund_settled.v1": _undid(Verb.PAID_BACK, "{money}"),
    "payments.refund_failed.v1": _failed(Verb.FAILED, "{reason}"),
    "payments.visitor_erased.v1": _did(Verb.ERASED, _FORGOTTEN),
}

# Each service announces these events of itself, under its own name.
NOTICES: Final[Mapping[str, Presentation]] = {
    "message_deduplicated": _did(Verb.DEDUPLICATED, "{type}"),
    "message_parked": Presentation(Verb.PARKED, Mark.IN_FLIGHT, "{type}, number {sequence}"),
    "message_dead_lettered": _failed(Verb.SET_ASIDE, "{type}: {reason}, {detail}"),
    "replay_dead_letter": _asked("for the dead letter {letter} once more"),
    "dead_letter_replayed": Presentation(
        Verb.SENT_AGAIN, Mark.IN_FLIGHT, "the dead letter {letter}, {type}"
    ),
    "replay_refused": _failed(Verb.REFUSED, "to send the dead letter {letter} again: {reason}"),
    "disturb_messages": _asked("to {operation} {message}"),
    "messages_disturbed": _did(Verb.PREPARED, "to {operation} {message}"),
    "credentials_rotated": _did(Verb.CHANGED_CREDENTIALS, "{process}, generation {generation}"),
}


def telling(type_name: str) -> Presentation | None:
    """Return the display of a type, or None for one that no contract declares."""
    owner, _, rest = type_name.partition(".")
    if owner in CODES and rest.rpartition(".")[0] in NOTICES:
        return NOTICES[rest.rpartition(".")[0]]
    return TELLINGS.get(type_name)


def present(
    *,
    seq: int,
    message_id: UUID,
    source: str,
    type_name: str,
    subject: str,
    sequence: int,
    correlation: UUID,
    time: datetime,
    data: Any,
) -> StreamEvent:
    """Return one journal entry as the page displays it, for any content."""
    told = telling(type_name) or Presentation(Verb.TOLD, Mark.UNKNOWN, "")
    return StreamEvent(
        seq=seq,
        time=time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        code=CODES.get(source, "???"),
        headcode=headcode(correlation),
        verb=told.verb,
        mark=told.mark,
        detail=(_detail(told.detail, data) or type_name)[:LONGEST_DETAIL],
        type=type_name[:LONGEST_NAME],
        id=message_id,
        subject=subject[:LONGEST_NAME],
        sequence=sequence,
        correlation=correlation,
    )


def present_unreadable(*, type_name: str, **entry: Any) -> StreamEvent:
    """Return an entry of which only the envelope can be read, with the time of its recording."""
    event = present(type_name=type_name, data=None, **entry)
    detail = f"{type_name}: its content cannot be read"[:LONGEST_DETAIL]
    return msgspec.structs.replace(event, verb=Verb.UNREADABLE, mark=Mark.UNKNOWN, detail=detail)


def money(pence: int) -> str:
    """Return an amount as the pages write it."""
    return f"£{pence // 100}.{pence % 100:02d}"


def _detail(form: str, data: Any) -> str:
    """Return `form` filled in from the payload, or an empty text when it does not fit."""
    if not isinstance(data, dict):
        return ""
    values = dict(data)
    if isinstance(data.get("amount"), int):
        values["money"] = money(data["amount"])
    try:
        return form.format_map(values)
    except (LookupError, ValueError, AttributeError, TypeError):
        return ""


def _check_complete() -> None:
    """Raise ContractError when a type of the contracts has no line in the table."""
    modules = {contract.__name__ for contract in CONTRACTS}
    for declared in REGISTRY.values():
        if declared.schema.__module__ in modules and telling(declared.name) is None:
            raise ContractError(
                f"cluster/storefront/events.py does not say how {declared.name} is told"
            )
    for name in TELLINGS:
        if name not in REGISTRY:
            raise ContractError(
                f"cluster/storefront/events.py tells of {name}, which no contract declares"
            )
        if (TELLINGS[name].verb is Verb.ASKED) != (REGISTRY[name].kind is Kind.COMMAND):
            raise ContractError(f"{name} is a {REGISTRY[name].kind}: its verb does not fit")


_check_complete()
