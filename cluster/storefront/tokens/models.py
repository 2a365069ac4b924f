"""The visitors of recent families of tokens, and the deny list of revoked tokens."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cluster.storefront.models import APP


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
