"""The tables of the payments service, read and written by `repository.py` and the gateway."""

from __future__ import annotations

from django.db import models


class Payment(models.Model):
    """One payment, with the id of its checkout and the fields of domain/payment.py."""

    id = models.UUIDField(primary_key=True)
    amount = models.BigIntegerField()
    card = models.TextField()
    # For people and checkers: authorising, authorised, declined, capturing, captured,
    # capture_refused, refunding, refunded, voiding, voided or returning.
    state = models.TextField()
    # The saga's target: 1 authorised, 2 captured, 4 uncaptured, 8 nothing. `owed` is the sum of the
    # targets without a reply.
    wish = models.SmallIntegerField()
    owed = models.SmallIntegerField()
    # none, asked, abandoned, granted or declined
    authorisation = models.TextField()
    reason = models.TextField()
    # The operation in flight at the provider, and the refund saga's request behind it.
    awaiting = models.UUIDField(null=True)
    awaiting_kind = models.TextField(null=True)  # noqa: DJ001 - null together with `awaiting`
    refund = models.UUIDField(null=True)
    # The provider's facts, added up (pence).
    authorised = models.BigIntegerField()
    captured = models.BigIntegerField()
    voided = models.BigIntegerField()
    refunded = models.BigIntegerField()
    contradictions = models.SmallIntegerField()
    operations = models.IntegerField()
    # Announcements about payment/<id>.
    version = models.IntegerField()
    # The message that announcements answer: its saga, its id, and its trace.
    correlation = models.UUIDField()
    cause = models.UUIDField(null=True)
    traceparent = models.TextField(null=True)  # noqa: DJ001 - as on the wire
    # The time of the last operation for the provider, and the number of polls since.
    asked_at = models.DateTimeField(null=True)
    polls = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "payment"
        indexes = [
            # The rows that reconciliation searches: few at any time.
            models.Index(
                fields=["asked_at"],
                condition=models.Q(awaiting__isnull=False) | models.Q(authorisation="asked"),
                name="payment_unanswered",
            )
        ]

    def __str__(self) -> str:
        return f"payment {self.id}: {self.state}"


class LedgerEntry(models.Model):
    """One line of the double-entry ledger, in which the lines of a transaction sum to zero."""

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
    """An operation that the provider has not confirmed, as in an outbox over HTTP.

    Still in the table means not sent for certain. There is no other flag.
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
    """An event of the provider that is not applied again, since its effects are committed."""

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
