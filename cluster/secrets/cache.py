"""The address of Redis with the password that Vault keeps for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from cluster.secrets.secret_reader import read_secret
from config import environment


def redis_url_with_credentials() -> str:
    """Return REDIS_URL, with `kv/redis`'s password unless it carries one itself.

    While Vault is away it waits and logs.
    """
    return redis_url_with(lambda: read_secret("redis"))


def redis_url_with(account_of: Callable[[], Mapping[str, str]]) -> str:
    """Return REDIS_URL, with the password that `account_of` gives unless it carries one itself."""
    parts = urlsplit(environment.redis_url())
    if parts.password is not None:
        return environment.redis_url()
    password = quote(account_of()["password"], safe="")
    return urlunsplit(parts._replace(netloc=f":{password}@{parts.netloc}"))
