"""The accounts at the broker: one for each kind of process, and the identity that reads each.

Vault keeps every account under `kv/broker/`. At a broker that nobody lets us administer, all of
them are the one user that exists there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from config import environment
from config.environment import DATABASES

# May do everything in the virtual host: it declares the topology and makes the other users.
OPERATOR: Final = "operator"
OPERATORS_USER: Final = "cluster"  # the operator's name at the broker

IDENTITY_OF: Final[Mapping[str, str]] = {
    **{f"worker-{name}": name for name in DATABASES},
    **{f"relay-{name}": name for name in DATABASES},
    "beat": "site",
    "web": "web",
    "observer": "observer",
    "runner": "runner",
    "auditor": "auditor",
}


def secret_of(account: str) -> str:
    """Return the name under which Vault's kv engine keeps an account."""
    return f"broker/{account}"


def has_own_users() -> bool:
    """Return whether each account is a user of its own at the broker.

    So it is at a broker that `up` starts, and at one whose administrator's address is given.
    """
    return environment.broker_users() == "own" or bool(environment.broker_admin_url())
