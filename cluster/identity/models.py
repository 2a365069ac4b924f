"""The tables of identity."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class VisitorLimit(models.Model):
    """The spending limit of a visitor, in pence, and how much of it is held or spent."""

    visitor = models.TextField(primary_key=True)
    limit_amount = models.BigIntegerField()
    held = models.BigIntegerField(default=0)
    spent = models.BigIntegerField(default=0)
    # Of the visitor and the limit (`repository.limit_digest`).
    digest = models.BinaryField(null=True)

    class Meta:
        db_table = "visitor_limit"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(held__gte=0, spent__gte=0)
                & models.Q(limit_amount__gte=models.F("held") + models.F("spent")),
                name="limit_not_exceeded",
            )
        ]


class Hold(models.Model):
    """The hold of one checkout (same id), in which `version` counts its announcements."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    amount = models.BigIntegerField()
    state = models.TextField()
    version = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "hold"
        indexes = [models.Index(fields=["state"], name="hold_state")]


class Spend(models.Model):
    """The amount that a completed checkout spent (same id)."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "spend"


class LimitRestoration(models.Model):
    """The amount that a refund (same id) restored to the limit."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "limit_restoration"


class Erasure(models.Model):
    """A visitor's request to be forgotten, in which `version` counts its announcements."""

    id = models.UUIDField(primary_key=True)
    # The visitor until it has ended, then the pseudonym, or nothing when it was refused.
    visitor = models.TextField()
    # requested, completed or refused
    state = models.TextField()
    # By service: the attempt that it has answered, and the number of its rows concerned.
    receipts = models.JSONField()
    version = models.IntegerField()
    # The time of the next attempt; null when the erasure has ended.
    ask_again_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "erasure"
        indexes = [
            # Few rows at any time.
            models.Index(
                fields=["ask_again_at"],
                condition=models.Q(ask_again_at__isnull=False),
                name="erasure_unanswered",
            )
        ]


class TokenFamily(models.Model):
    """The tokens that one sign-in has led to, with their secrets as SHA-256 only."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    # The secret that may be exchanged next, and those that were.
    refresh_hash = models.TextField()
    used = ArrayField(models.TextField(), default=list)
    # active or revoked
    state = models.TextField()
    ends_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # Of all the columns above but the last (`tokens.FAMILY_DIGEST`).
    digest = models.BinaryField(null=True)

    class Meta:
        db_table = "token_family"
        indexes = [models.Index(fields=["ends_at"], name="token_family_ends")]
