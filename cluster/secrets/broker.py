"""The broker's address with the credentials that Vault keeps for it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from cluster.secrets.patience import read_kv_patiently
from config import environment


def broker_url_with_credentials() -> str:
    """BROKER_URL as it is when it names a user, else with `kv/broker`'s user and password.

    While Vault is away it waits and logs; a service cannot begin without its broker anyway.
    """
    parts = urlsplit(environment.broker_url())
    if parts.username is not None:
        return environment.broker_url()
    account = read_kv_patiently("broker")
    login = f"{quote(account['username'], safe='')}:{quote(account['password'], safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))
