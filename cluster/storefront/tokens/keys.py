"""The public keys that verify tokens, kept in memory so that OpenBao may be away for a while.

Source: RFC 7517 (JSON Web Key), RFC 7518 section 6.2 (elliptic curves).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from jwt.algorithms import ECAlgorithm

from cluster.secrets.transit import PublicKeys, public_keys
from cluster.secrets.vault import SecretsError, SecretsUnavailable

logger = logging.getLogger(__name__)

FRESH: Final = 60.0  # seconds until OpenBao is asked again
ALGORITHM: Final = "ES256"

RETRY: Final = 5.0  # seconds between two requests at least, answered or not

_algorithm: Final = ECAlgorithm(ECAlgorithm.SHA256)


class _Kept:
    """The keys that this process knows, and the time of its last request to OpenBao."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: PublicKeys | None = None
        self._known_at = self._asked_at = float("-inf")

    def read(self, version: int | None) -> PublicKeys:
        """Return the keys, read anew by one thread when it is time. Others do not wait."""
        if self._is_time(version):
            try:
                self._keys, self._known_at = public_keys(), time.monotonic()
            except SecretsError as error:
                if self._keys is None:
                    raise
                logger.warning("the keys of tokens are those of a while ago: %s", error)
        if self._keys is None:
            raise SecretsUnavailable("the keys of tokens have not been read yet")
        return self._keys

    def _is_time(self, version: int | None) -> bool:
        with self._lock:
            now = time.monotonic()
            wanted = (
                self._keys is None
                or now - self._known_at >= FRESH
                or (version is not None and version not in self._keys.by_version)
            )
            if not wanted or (self._keys is not None and now - self._asked_at < RETRY):
                return False
            self._asked_at = now
            return True


_kept: Final = _Kept()


def known_keys(*, version: int | None = None) -> PublicKeys:
    """Return the keys as of a minute ago at most, or the last known while OpenBao is away.

    Read anew when `version` is not among them, though not more often than every RETRY seconds.
    Raises SecretsError when none were ever known.
    """
    return _kept.read(version)


def key_set() -> dict[str, Any]:
    """Return all known keys as a JWK Set.

    Raises SecretsError when none were ever known.
    """
    keys = known_keys()
    return {
        "keys": [
            {
                **ECAlgorithm.to_jwk(public_key(pem), as_dict=True),
                "kid": str(number),
                "use": "sig",
                "alg": ALGORITHM,
            }
            for number, pem in sorted(keys.by_version.items())
        ]
    }


def public_key(pem: str) -> Any:
    """Return a PEM as the key object that PyJWT needs."""
    return _algorithm.prepare_key(pem)
