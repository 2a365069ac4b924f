"""The tables of the messaging layer, of which every service's database has its own set.

The hot path writes them with set-based SQL (`outbox.py`, `inbox.py`); the models give the schema,
the migrations and the admin.
"""

from __future__ import annotations

from django.db import models


class OutboxMessage(models.Model):
    """A message committed with the change it announces, and not yet confirmed by the broker.

    Still in the table means not delivered; there is no other flag.
    """

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField()
    # Empty: the topic exchange, by routing key. Otherwise one queue's name (replays).
    destination = models.TextField(default="")
    routing_key = models.TextField()
    subject = models.TextField()
    sequence = models.IntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "outbox"


class OutboxStream(models.Model):
    """The last sequence given to a message of this subject by this database's service."""

    subject = models.TextField(primary_key=True)
    last_sequence = models.IntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_stream"


class InboxMessage(models.Model):
    """A message whose effects have been committed.

    `applied` is 1 unless the inbox is sabotaged. `place` grows in the order in which messages were
    handed to their handlers, with gaps. It is written after that, so that it records the order and
    takes no part in keeping it.
    """

    message_id = models.UUIDField(primary_key=True)
    type = models.TextField()
    applied = models.IntegerField(default=1)
    applied_at = models.DateTimeField()
    source = models.TextField(db_default="")
    subject = models.TextField(db_default="")
    sequence = models.IntegerField(null=True)
    place = models.BigIntegerField(null=True)

    class Meta:
        db_table = "inbox"
        indexes = [models.Index(fields=["applied_at"], name="inbox_applied_at")]


class InboxStream(models.Model):
    """The last sequence applied of one (source, subject)."""

    pk = models.CompositePrimaryKey("source", "subject")
    source = models.TextField()
    subject = models.TextField()
    last_sequence = models.IntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "inbox_stream"


class ParkedMessage(models.Model):
    """A message that came before an earlier one of its subject, and waits for it."""

    pk = models.CompositePrimaryKey("source", "subject", "sequence")
    source = models.TextField()
    subject = models.TextField()
    sequence = models.IntegerField()
    message_id = models.UUIDField()
    body = models.BinaryField()
    parked_at = models.DateTimeField()

    class Meta:
        db_table = "parked"


class DeadLetter(models.Model):
    """A message that could not be applied, kept with the reason until an operator decides."""

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField(null=True)
    source = models.TextField(default="")
    type = models.TextField(default="")
    subject = models.TextField(default="")
    sequence = models.IntegerField(null=True)
    body = models.BinaryField()
    # The AMQP properties as they came, of a message whose properties cannot be decoded.
    properties = models.BinaryField(null=True)
    # SHA-256 of the body and of the properties that identify it. Null in a row from before it was
    # recorded, when another row has the same body.
    digest = models.BinaryField(null=True)
    # invalid, unknown_type, permanent, delivery_limit or unpublishable
    reason = models.TextField()
    detail = models.TextField()
    created_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)
    replays = models.IntegerField(default=0)

    class Meta:
        db_table = "dead_letter"
        constraints = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=models.Q(replayed_at__isnull=True),
                name="dead_letter_kept_once",
            )
        ]


class Counter(models.Model):
    """The number of times that something happened in this database since it was created."""

    name = models.TextField(primary_key=True)
    value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "counter"


class OpeningBalance(models.Model):
    """The sum of one column over the rows that were closed at the horizon, by a key of theirs."""

    pk = models.CompositePrimaryKey("name", "key")
    name = models.TextField()
    key = models.TextField()
    amount = models.DecimalField(max_digits=40, decimal_places=0)

    class Meta:
        db_table = "opening_balance"


class OpeningDigest(models.Model):
    """The part of the closed rows in one bucket of a relation that verification compares."""

    pk = models.CompositePrimaryKey("relation", "part", "bucket")
    relation = models.TextField()
    part = models.TextField()
    bucket = models.IntegerField()
    rows = models.BigIntegerField()
    hashes = models.DecimalField(max_digits=40, decimal_places=0)

    class Meta:
        db_table = "opening_digest"


class ClosedHistory(models.Model):
    """One row, once anything is closed: each closed id (UUIDv7) sorts before `first_kept`."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    first_kept = models.UUIDField()

    class Meta:
        db_table = "closed_history"


class Heartbeat(models.Model):
    """The last report of a process of this service on itself, written by that process."""

    process = models.TextField(primary_key=True)
    beat_at = models.DateTimeField()
    # False: alive, yet not receiving from its queue.
    consuming = models.BooleanField()
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "heartbeat"
