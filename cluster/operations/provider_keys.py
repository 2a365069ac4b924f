"""The provider's keys from the command line: when each was rotated, and a rotation on demand."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import Rotations, read_rotations, wish_rotation
from cluster.secrets.vault import VaultClient
from compose.errors import PlainError
from config.waiting import wait_until

IDENTITY: Final = "operator"
LOOK_EVERY: Final = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotation that a command has asked for, and the seconds until it was done."""

    kind: KeyKind
    since: datetime
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.kind.slug,
            "rotated_at": self.since.isoformat(),
            "seconds": round(self.seconds, 2),
        }


def rotations() -> dict[KeyKind, Rotations]:
    """Return the age of each key and the wish that waits for it. Raises SecretsError."""
    with closing(VaultClient.for_identity(IDENTITY)) as vault:
        return read_rotations(vault)


def rotate(kind: KeyKind, *, overlap: float, within: float) -> Rotated:
    """Have the gateway rotate a key, and wait until it has.

    The key before is valid for `overlap` more seconds.

    Raises SecretsError, and PlainError when that takes longer than `within` seconds.
    """
    began = datetime.now(UTC)
    with closing(VaultClient.for_identity(IDENTITY)) as vault:
        wish = wish_rotation(vault, kind, by="the command line", overlap=overlap)
        found = wait_until(
            lambda: read_rotations(vault)[kind],
            holds=lambda rotation: rotation.fulfilled >= wish,
            within=within,
            every=LOOK_EVERY,
            failure=PlainError(
                f"The {kind.words} has not been rotated within {within:g} s. The wish stays: the "
                "payments gateway does it when it and the provider run."
            ),
        )
    seconds = (datetime.now(UTC) - began).total_seconds()
    return Rotated(kind, found.since or began, seconds)
