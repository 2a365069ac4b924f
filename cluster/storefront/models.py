"""The storefront's tables: the journal, visitors' requests, and a read model of the products.

The worker writes them with set-based SQL (`journal/recorder.py`, `checkout_intake.py`). The models
give the schema, the migrations, the admin and the pages' reads.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models

from cluster.storefront.journal.readable import READABLE_TIME


class ReadableTimeField(models.DateTimeField):  # type: ignore[type-arg]
    """A time that is None where Python cannot represent it."""

    def select_format(self, _compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return READABLE_TIME.format(sql), (*params, *params, *params)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class ReadableJSONField(models.JSONField):
    """A document that is None where Python's parser refuses it."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


# The tables were made by the app of the site, whose migrations still describe them.
APP: Final = "portfolio"

CHECKOUT_STATUSES: Final = ("accepted", "completed", "compensated")
REFUND_STATUSES: Final = ("accepted", "completed", "refused", "abandoned")
ERASURE_STATUSES: Final = ("accepted", "completed", "refused")


class JournalEntry(models.Model):
    """One message of the cluster, in the order in which the site received it.

    `seq` counts from 1 without a gap: a reader that has seen `seq` asks for the entries after it.
    """

    seq = models.BigIntegerField(primary_key=True)
    message_id = models.UUIDField(unique=True)
    source = models.TextField()
    type = models.TextField()
    subject = models.TextField()
    sequence = models.IntegerField()
    correlation = models.UUIDField()
    causation = models.UUIDField(null=True)
    time = ReadableTimeField()
    recorded_at = models.DateTimeField()
    envelope = ReadableJSONField()
    # Of all the columns above (`cluster/messaging/row_digest.py`).
    digest = models.BinaryField(null=True)

    class Meta:
        app_label = APP
        db_table = "journal"
        indexes = [models.Index(fields=["correlation", "seq"], name="journal_correlation")]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class CheckoutRequest(models.Model):
    """A checkout that the site has accepted, with the `id` of its saga (UUIDv7)."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    sku = models.TextField()
    quantity = models.IntegerField()
    amount = models.BigIntegerField()  # pence, in all
    card = models.TextField()
    requested_outcome = models.TextField()
    accepted_at = models.DateTimeField()
    status = models.TextField(default="accepted")
    reason = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = APP
        db_table = "checkout_request"
        indexes = [
            models.Index(fields=["visitor", "accepted_at"], name="checkout_request_visitor"),
            # Each acceptance counts the unfinished ones first.
            models.Index(
                fields=["accepted_at"],
                name="checkout_request_unfinished",
                condition=models.Q(status="accepted"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=CHECKOUT_STATUSES), name="checkout_request_status"
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0, amount__gte=0), name="checkout_request_amounts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class RefundRequest(models.Model):
    """A refund that the site has accepted, with the `id` of the refund."""

    id = models.UUIDField(primary_key=True)
    order_id = models.UUIDField()
    accepted_at = models.DateTimeField()
    status = models.TextField(default="accepted")
    reason = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = APP
        db_table = "refund_request"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=REFUND_STATUSES), name="refund_request_status"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class ErasureRequest(models.Model):
    """A visitor's request to be forgotten that the site has accepted, with the `id` of its saga."""

    id = models.UUIDField(primary_key=True)
    # The visitor until it has ended, then the pseudonym, or nothing when it was refused.
    visitor = models.TextField()
    accepted_at = models.DateTimeField()
    status = models.TextField(default="accepted")
    reason = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = APP
        db_table = "erasure_request"
        constraints = [
            models.UniqueConstraint(
                fields=["visitor"],
                condition=models.Q(status="accepted"),
                name="erasure_request_open",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ERASURE_STATUSES), name="erasure_request_status"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class Product(models.Model):
    """A product that catalog has announced, as far as the journal has recorded it.

    `version` is the number of the announcement, and `fed_by` the journal entry that holds it.
    """

    sku = models.TextField(primary_key=True)
    name = models.TextField()
    price = models.BigIntegerField()  # pence
    restocked = models.BooleanField(default=False)
    version = models.IntegerField(db_default=1)
    fed_by = models.BigIntegerField(db_default=0)

    class Meta:
        app_label = APP
        db_table = "product"

    def __str__(self) -> str:
        return self.sku


class Admission(models.Model):
    """One row: the limit of open checkouts, and how many have ended of late (`admission.py`)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    checkout_limit = models.IntegerField()
    ended = models.IntegerField(default=0)  # since `window_began`
    window_began = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "admission"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="admission_one_row")]

    def __str__(self) -> str:
        return f"{self.checkout_limit} open checkouts"


class Audience(models.Model):
    """One row: the time at which a visitor last followed the stream (`ambient_load.py`)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seen_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "audience"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audience_one_row")]

    def __str__(self) -> str:
        return f"{self.seen_at:%Y-%m-%d %H:%M:%S}"


class OwnProduct(models.Model):
    """A product that a visitor has listed and may amend, with catalog's `id` of it."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    sku = models.TextField(unique=True)
    listed_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "own_product"
        indexes: ClassVar = [models.Index(fields=["visitor", "listed_at"], name="own_product_of")]

    def __str__(self) -> str:
        return self.sku


class RevokedToken(models.Model):
    """A token (by its `jti`) or a family of tokens that is of no use any more."""

    id = models.UUIDField(primary_key=True)
    revoked_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "revoked_token"
        indexes: ClassVar = [models.Index(fields=["revoked_at"], name="revoked_token_at")]

    def __str__(self) -> str:
        return str(self.id)


class TokenRequest(models.Model):
    """A visitor's request for tokens that the site has passed on, with the `id` of the family."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    requested_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "token_request"
        indexes: ClassVar = [
            models.Index(fields=["visitor", "requested_at"], name="token_request_visitor")
        ]

    def __str__(self) -> str:
        return str(self.id)
