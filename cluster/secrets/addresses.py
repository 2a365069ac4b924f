"""The addresses of the broker and of Redis, with the credentials that Vault keeps for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from cluster.secrets.broker_accounts import OPERATOR, secret_of
from cluster.secrets.secret_reader import read_secret
from cluster.secrets.vault import VaultClient
from config import environment


def broker_url_as(account: str) -> str:
    """Return BROKER_URL, with the user and password of an account unless it names a user itself.

    While Vault is away it waits and logs, since a service cannot begin without its broker anyway.
    """
    return broker_url_with(lambda: read_secret(secret_of(account)))


def broker_address(account: str) -> Callable[[], str]:
    """Return a function that gives BROKER_URL with credentials, to be called for each connection.

    The account is read once, in the same way: reconnecting needs no Vault.
    """
    if urlsplit(environment.broker_url()).username is not None:
        return environment.broker_url
    found = read_secret(secret_of(account))
    return lambda: broker_url_with(lambda: found)


def operators_broker_url() -> str:
    """Return BROKER_URL as the operator uses it, for the set-up and for commands of a person."""
    vault = VaultClient.for_identity(OPERATOR)
    return broker_url_with(lambda: vault.read_kv(secret_of(OPERATOR)))


def broker_url_with(account_of: Callable[[], Mapping[str, str]]) -> str:
    """Return BROKER_URL, with the account that `account_of` gives unless it names a user itself."""
    parts = urlsplit(environment.broker_url())
    if parts.username is not None:
        return environment.broker_url()
    account = account_of()
    login = f"{quote(account['username'], safe='')}:{quote(account['password'], safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


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
