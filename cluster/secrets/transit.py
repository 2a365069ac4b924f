"""Signing and authentication with keys that never leave Vault (its transit engine).

The signing key is ECDSA over P-256, so that a signature fits JWS as ES256 (RFC 7518, section 3.4).
Vault makes a new version every 30 days. A version's number is its name in a token (`kid`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from cluster.secrets.policies import SIGNING_KEY, VERDICT_KEY
from cluster.secrets.secret_reader import shared_client
from cluster.secrets.vault import SecretsError, VaultClient
from config.environment import acting_identity


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The public halves by version, as PEM, and the version that signs now."""

    latest: int
    by_version: Mapping[int, str]


def public_keys() -> PublicKeys:
    """Return the public halves of all versions of the key.

    Raises SecretsError while Vault is away.
    """
    found = shared_client().read(f"transit/keys/{SIGNING_KEY}")["data"]
    return PublicKeys(
        latest=int(found["latest_version"]),
        by_version={int(number): key["public_key"] for number, key in found["keys"].items()},
    )


def sign(message: bytes, *, version: int) -> bytes:
    """Return the ES256 signature, 64 bytes (r and s).

    Raises SecretsError.
    """
    answer = shared_client().write(
        f"transit/sign/{SIGNING_KEY}/sha2-256",
        {
            "input": base64.b64encode(message).decode(),
            "key_version": version,
            "marshaling_algorithm": "jws",
        },
    )
    signature: str = answer["data"]["signature"].rpartition(":")[2]
    padded = signature + "=" * (-len(signature) % 4)
    try:
        return base64.urlsafe_b64decode(padded)
    except ValueError as error:
        raise SecretsError(f"Vault gave no signature: {error}") from error


def authenticate(message: bytes) -> str:
    """Return the code (HMAC) of a message, which only those who may give verdicts can make.

    Raises SecretsError.
    """
    client = VaultClient.for_identity(acting_identity("auditor"))
    try:
        asked = {"input": base64.b64encode(message).decode()}
        code: str = client.write(f"transit/hmac/{VERDICT_KEY}/sha2-256", asked)["data"]["hmac"]
        return code
    finally:
        client.close()
