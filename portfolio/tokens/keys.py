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
from cluster.secrets.vault import SecretsError

logger = logging.getLogger(__name__)

FRESH: Final = 60.0  # seconds until OpenBao is asked again
ALGORITHM: Final = "ES256"

_algorithm: Final = ECAlgorithm(ECAlgorithm.SHA256)
_lock: Final = threading.Lock()
_kept: tuple[float, PublicKeys] | None = None


def known_keys(*, version: int | None = None) -> PublicKeys:
    """The keys as of a minute ago at most, or the last that were known while OpenBao is away.

    Asked again at once for a `version` that is not among them. Raises SecretsError when none
    were ever known.
    """
    global _kept  # noqa: PLW0603  # one set of keys in a process
    with _lock:
        now = time.monotonic()
        if _kept is not None and now - _kept[0] < FRESH and _has(_kept[1], version):
            return _kept[1]
        try:
            _kept = (now, public_keys())
        except SecretsError as error:
            if _kept is None:
                raise
            logger.warning("the keys of tokens are those of a while ago: %s", error)
        return _kept[1]


def key_set() -> dict[str, Any]:
    """All of them as a JWK Set; raises SecretsError when none were ever known."""
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
    """A PEM as PyJWT wants it."""
    return _algorithm.prepare_key(pem)


def _has(keys: PublicKeys, version: int | None) -> bool:
    return version is None or version in keys.by_version
