"""Signing keys from Vault, each read with a wait, and a log line, while Vault is away."""

from __future__ import annotations

from cluster.secrets.secret_reader import read_secret


def site_secret_key() -> str:
    """Return Django's SECRET_KEY."""
    return read_secret("site")["secret_key"]


def provider_api_key() -> str:
    """Return the key with which payments authenticates to the payment provider."""
    return read_secret("provider")["api_key"]


def provider_webhook_secret() -> bytes:
    """Return the key of the HMAC-SHA256 with which the payment provider signs its webhooks."""
    return read_secret("provider")["webhook_secret"].encode()
