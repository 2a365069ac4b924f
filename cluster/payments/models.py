"""The tables of the payments service. `store.py` and the gateway read and write them."""

from __future__ import annotations

from django.db import models


class Payment(models.Model):
    """One payment; its id is the id of its checkout. See domain/payment.py for the fields."""

    id = models.UUIDField(primary_key=True)
    amount = models.BigIntegerField()
    card = models.TextField()
    # For people and checkers: authorising, authorised, declined, capturing, captured,
    # capture_refused, refunding, refunded, voiding, voided or returning.
    state = models.TextField()
    # 1 authorised, 2 captured, 4 uncaptured, 8 nothing; `owed` is the sum of those unanswered.
    wish = models.SmallIntegerField()
    owed = models.SmallIntegerField()
    # none, asked, abandoned, granted or declined
    authorisation = models.TextField()
    reason = models.TextField()
    # The operation that is out at the provider, and the refund saga's request behind it.
    awaiting = models.UUIDField(null=True)
    awaiting_kind = models.TextField(null=True)  # noqa: DJ001 - null together with `awaiting`
    refund = models.UUIDField(null=True)
    # What the provider has told, added up (pence).
    authorised = models.BigIntegerField()
    captured = models.BigIntegerField()
    voided = models.BigIntegerField()
    refunded = models.BigIntegerField()
    contradictions = models.SmallIntegerField()
    operations = models.IntegerField()
    # Announcements about payment/<id>.
    version = models.IntegerField()
    # What announcements answer: the saga, the last command, and its trace.
    correlation = models.UUIDField()
    cause = models.UUIDField(null=True)
    traceparent = models.TextField(null=True)  # noqa: DJ001 - as on the wire
    # When the provider was last asked for something, and how often it was polled since.
    asked_at = models.DateTimeField(null=True)
    polls = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "payment"
        indexes = [
            # What reconciliation looks through: few rows at any time.
            models.Index(
                fields=["asked_at"],
                condition=models.Q(awaiting__isnull=False) | models.Q(authorisation="asked"),
                name="payment_unanswered",
            )
        ]

    def __str__(self) -> str:
        return f"payment {self.id}: {self.state}"


class LedgerEntry(models.Model):
    """One line of the double-entry ledger; the lines of a transaction sum to zero."""

    id = models.BigAutoField(primary_key=True)
    payment = models.UUIDField()
    transaction = models.TextField()
    # customer, authorised or merchant
    account = models.TextField()
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ledger_entry"
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["payment"], name="ledger_entry_payment")]
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "account"], name="ledger_entry_entered_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount:+d} ({self.transaction})"


class ProviderRequest(models.Model):
    """An operation that the provider has not confirmed having: an outbox over HTTP.

    Still in the table means not sent for certain; there is no other flag.
    """

    id = models.BigAutoField(primary_key=True)
    # The idempotency key.
    key = models.UUIDField(unique=True)
    payment = models.UUIDField()
    kind = models.TextField()
    amount = models.BigIntegerField()
    card = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "provider_request"

    def __str__(self) -> str:
        return f"{self.kind} {self.payment}"


class ProviderEvent(models.Model):
    """An event of the provider whose effects have been committed: it is not applied again."""

    id = models.UUIDField(primary_key=True)
    type = models.TextField()
    payment = models.UUIDField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "provider_event"
        indexes = [models.Index(fields=["received_at"], name="provider_event_received_at")]

    def __str__(self) -> str:
        return f"{self.type} {self.payment}"


class Refund(models.Model):
    """A refund saga's request for the money of a completed checkout."""

    id = models.UUIDField(primary_key=True)
    order_id = models.UUIDField()
    visitor = models.TextField()
    sku = models.TextField()
    quantity = models.IntegerField()
    amount = models.BigIntegerField()
    # requested, settled or failed
    state = models.TextField()
    reason = models.TextField(default="")
    # Announcements of this service about refund/<id>.
    version = models.IntegerField(default=0)
    correlation = models.UUIDField()
    cause = models.UUIDField(null=True)
    traceparent = models.TextField(null=True)  # noqa: DJ001 - as on the wire
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "refund"

    def __str__(self) -> str:
        return f"refund {self.id}: {self.state}"
