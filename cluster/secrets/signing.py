"""Signing keys from Vault, each read with a wait, and a log line, while Vault is away."""

from __future__ import annotations

from cluster.secrets.secret_reader import read_secret


def site_secret_key() -> str:
    """Return Django's SECRET_KEY."""
    return read_secret("site")["secret_key"]
