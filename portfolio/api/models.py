"""The idempotency keys that visitors have used, each with the answer that it got."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class IdempotencyKey(models.Model):
    """One key of one visitor. It is written in the transaction that accepts the work."""

    visitor = models.TextField()
    key = models.TextField()
    # A hash of the operation and its body: one key must not stand for two different requests.
    fingerprint = models.TextField()
    created_at = models.DateTimeField()
    status = models.SmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()

    class Meta:
        db_table = "idempotency_key"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["visitor", "key"], name="idempotency_key_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key
