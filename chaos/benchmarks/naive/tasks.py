"""The steps of a checkout, as a developer would write them with Celery and Django's ORM.

Each step changes its service's rows in one transaction and sends the next task after the
commit. Checkout keeps the saga: each service's step is followed by one of its own, as in
the platform.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from celery import Celery
from django.db import transaction
from django.utils import timezone

from chaos.benchmarks.naive.app import QUEUES, START
from cluster.catalog.models import Product, Reservation, Sale
from cluster.checkout.models import Saga
from cluster.identity.models import Hold, Spend, VisitorLimit
from cluster.orders.models import Order
from cluster.payments.models import LedgerEntry, Payment

LIMIT: Final = 100_000  # pence, as identity gives a new visitor
DEADLINE: Final = timedelta(seconds=10)
STEPS: Final = (
    "hold_limit",
    "reserve_stock",
    "authorise_payment",
    "confirm_order",
    "capture_payment",
)

Step = Callable[[str, dict[str, Any]], list[str]]


def start_checkout(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    Saga.objects.create(
        id=checkout,
        definition="checkout",
        state="running",
        position=0,
        steps=[{"name": STEPS[0], "state": "waiting"}],
        context=context,
        deadline=now + DEADLINE,
        messages_sent=1,
        version=0,
        started_at=now,
        updated_at=now,
    )
    return [STEPS[0]]


def advance_checkout(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    saga = Saga.objects.select_for_update().get(id=checkout)
    saga.steps[-1]["state"] = "done"
    saga.position += 1
    saga.messages_sent += 1
    saga.updated_at = now
    completed = saga.position == len(STEPS)
    if completed:
        saga.state = "completed"
        saga.deadline = None
        saga.ended_at = now
    else:
        saga.steps.append({"name": STEPS[saga.position], "state": "waiting"})
        saga.deadline = now + DEADLINE
    saga.save()
    return ["spend_limit", "sell_stock", "fulfil_order"] if completed else [STEPS[saga.position]]


def hold_limit(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    limit, _ = VisitorLimit.objects.select_for_update().get_or_create(
        visitor=context["visitor"], defaults={"limit_amount": LIMIT}
    )
    limit.held += context["amount"]
    limit.save()
    Hold.objects.create(
        id=checkout,
        visitor=limit.visitor,
        amount=context["amount"],
        state="held",
        version=1,
        created_at=now,
        updated_at=now,
    )
    return ["advance_checkout"]


def reserve_stock(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    product = Product.objects.select_for_update().get(sku=context["sku"])
    product.available -= context["quantity"]
    product.reserved += context["quantity"]
    product.save()
    Reservation.objects.create(
        id=checkout,
        sku=product.sku,
        quantity=context["quantity"],
        state="reserved",
        version=1,
        expires_at=now + 12 * DEADLINE,
        created_at=now,
        updated_at=now,
    )
    return ["advance_checkout"]


def authorise_payment(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    Payment.objects.create(
        id=checkout,
        amount=context["amount"],
        card=context["card"],
        state="authorising",
        wish=1,
        owed=1,
        authorisation="asked",
        reason="",
        authorised=0,
        captured=0,
        voided=0,
        refunded=0,
        contradictions=0,
        operations=1,
        version=0,
        correlation=checkout,
        asked_at=now,
        created_at=now,
        updated_at=now,
    )
    return ["payment_authorised"]  # instead of the provider


def payment_authorised(checkout: str, context: dict[str, Any]) -> list[str]:
    payment = Payment.objects.select_for_update().get(id=checkout)
    payment.state = payment.authorisation = "authorised"
    payment.authorised = payment.amount
    _settle(payment, "customer", "authorised")
    return ["advance_checkout"]


def confirm_order(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    Order.objects.create(
        id=checkout,
        visitor=context["visitor"],
        sku=context["sku"],
        quantity=context["quantity"],
        amount=context["amount"],
        state="confirmed",
        version=1,
        created_at=now,
        updated_at=now,
    )
    return ["advance_checkout"]


def capture_payment(checkout: str, context: dict[str, Any]) -> list[str]:
    payment = Payment.objects.select_for_update().get(id=checkout)
    payment.state = "capturing"
    payment.operations += 1
    payment.asked_at = payment.updated_at = timezone.now()
    payment.save()
    return ["payment_captured"]  # instead of the provider


def payment_captured(checkout: str, context: dict[str, Any]) -> list[str]:
    payment = Payment.objects.select_for_update().get(id=checkout)
    payment.state = "captured"
    payment.captured = payment.amount
    _settle(payment, "authorised", "merchant")
    return ["advance_checkout"]


def spend_limit(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    hold = Hold.objects.select_for_update().get(id=checkout)
    limit = VisitorLimit.objects.select_for_update().get(visitor=hold.visitor)
    limit.held -= hold.amount
    limit.spent += hold.amount
    limit.save()
    hold.state = "spent"
    hold.updated_at = now
    hold.save()
    Spend.objects.create(id=checkout, visitor=hold.visitor, amount=hold.amount, at=now)
    return []


def sell_stock(checkout: str, context: dict[str, Any]) -> list[str]:
    now = timezone.now()
    reservation = Reservation.objects.select_for_update().get(id=checkout)
    product = Product.objects.select_for_update().get(sku=reservation.sku)
    product.reserved -= reservation.quantity
    product.sold += reservation.quantity
    product.save()
    reservation.state = "sold"
    reservation.updated_at = now
    reservation.save()
    Sale.objects.create(id=checkout, sku=reservation.sku, quantity=reservation.quantity, at=now)
    return []


def fulfil_order(checkout: str, context: dict[str, Any]) -> list[str]:
    order = Order.objects.select_for_update().get(id=checkout)
    order.version += 1
    order.updated_at = timezone.now()
    order.save()
    return []


def _settle(payment: Payment, source: str, target: str) -> None:
    """Record the provider's answer: the payment, and two lines in the ledger."""
    now = timezone.now()
    payment.version += 1
    payment.updated_at = now
    payment.save()
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            payment=payment.id,
            transaction=f"{target} {payment.id}",
            account=account,
            amount=amount,
            at=now,
        )
        for account, amount in ((source, -payment.amount), (target, payment.amount))
    )


SERVICE_OF: Final[dict[Step, str]] = {
    start_checkout: "checkout",
    advance_checkout: "checkout",
    hold_limit: "identity",
    spend_limit: "identity",
    reserve_stock: "catalog",
    sell_stock: "catalog",
    authorise_payment: "payments",
    payment_authorised: "payments",
    capture_payment: "payments",
    payment_captured: "payments",
    confirm_order: "orders",
    fulfil_order: "orders",
}


def register(app: Celery) -> None:
    """Make every step a task of `app`, named after its function."""
    for step, service in SERVICE_OF.items():
        _register(app, step, service)
    assert START in app.tasks


def _register(app: Celery, step: Step, service: str) -> None:
    @app.task(name=step.__name__, queue=QUEUES[service])
    def run(checkout: str, context: dict[str, Any]) -> None:
        with transaction.atomic(using=service):
            for following in step(checkout, context):
                send = partial(app.tasks[following].apply_async, (checkout, context))
                transaction.on_commit(send, using=service)
