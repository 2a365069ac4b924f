"""Signing keys from Vault. Each waits, and logs, while Vault is away."""

from __future__ import annotations

from cluster.secrets.patience import read_kv_patiently


def site_secret_key() -> str:
    """Django's SECRET_KEY."""
    return read_kv_patiently("site")["secret_key"]


def provider_api_key() -> str:
    """What payments shows to the payment provider."""
    return read_kv_patiently("provider")["api_key"]


def provider_webhook_secret() -> bytes:
    """The key of the HMAC-SHA256 with which the payment provider signs its webhooks."""
    return read_kv_patiently("provider")["webhook_secret"].encode()
