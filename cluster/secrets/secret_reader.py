"""Reading a secret at the start of a process, when Vault may still be starting."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from typing import Final

from cluster.secrets.vault import SecretsUnavailable, VaultClient
from config import environment
from config.waiting import exponential, retry

FIRST_DELAY: Final = 0.1  # seconds; doubles up to LONGEST_DELAY
LONGEST_DELAY: Final = 2.0
LOG_EVERY: Final = 10.0  # seconds

logger = logging.getLogger(__name__)

_clients: dict[tuple[str, str, int], VaultClient] = {}
_clients_lock: Final = threading.Lock()


def read_secret(name: str, *, patience: float | None = None) -> dict[str, str]:
    """Return `kv/<name>`, read as this process's identity and retried while Vault is unavailable.

    After `patience` seconds (None: never) it raises SecretsUnavailable. A refusal is raised at
    once, since waiting does not mend it.
    """
    logged = -math.inf

    def log(error: Exception) -> None:
        nonlocal logged
        if time.monotonic() - logged >= LOG_EVERY:
            logged = time.monotonic()
            logger.warning("waiting for kv/%s: %s", name, error)

    within = math.inf if patience is None else patience
    return retry(
        lambda: shared_client().read_kv(name),
        on=SecretsUnavailable,
        pauses=exponential(FIRST_DELAY, longest=LONGEST_DELAY, within=within),
        before_pause=log,
    )


def shared_client() -> VaultClient:
    """Return one client for each identity, so that reading three keys costs one login."""
    # A connection cannot be shared with a forked process.
    key = (environment.vault_address(), environment.vault_identity(), os.getpid())
    with _clients_lock:
        if key not in _clients:
            _clients[key] = VaultClient.for_identity()
        return _clients[key]


def site_secret_key() -> str:
    """Return Django's SECRET_KEY."""
    return read_secret("site")["secret_key"]
