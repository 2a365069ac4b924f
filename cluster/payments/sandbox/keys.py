"""The keys that the provider has given to its client: several of a kind, each with or without end.

A key without an end may make another, and let those before it end. So a client that is cut off
between two of these steps still has a key that is valid, and its next rotation ends what is left.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID, uuid4

from cluster.payments.provider_api import KeyKind, MadeKey

BYTES: Final = 32  # of chance in a key
PREFIX: Final = {KeyKind.API_KEY: "sk_", KeyKind.WEBHOOK_SECRET: "whsec_"}
SCHEMA: Final = """
-- Of an API key the digest is kept. A webhook secret has to sign.
CREATE TABLE IF NOT EXISTS issued_key (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    kept TEXT NOT NULL, ends_at REAL
);
"""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """One key, in the order of `number`. `ends_at` is in Unix seconds, None for no end."""

    number: int
    id: UUID
    kind: KeyKind
    kept: str = field(repr=False)
    ends_at: float | None = None

    def is_valid(self, now: float) -> bool:
        return self.ends_at is None or now < self.ends_at

    def ending_by(self, end: float) -> IssuedKey:
        """Return it with this end, unless it ends earlier."""
        return replace(self, ends_at=end if self.ends_at is None else min(self.ends_at, end))


def kept(kind: KeyKind, secret: str) -> str:
    """Return what the provider keeps of a secret."""
    if kind is KeyKind.WEBHOOK_SECRET:
        return secret
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def retired(keys: Iterable[IssuedKey], before: IssuedKey, end: float) -> list[IssuedKey]:
    """Return the earlier keys of its kind, none of which outlives `end`."""
    return [
        key.ending_by(end) for key in keys if key.kind is before.kind and key.number < before.number
    ]


class IssuedKeys:
    """The keys in the provider's file, read once: the provider is the only one that writes them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)
        rows = db.execute("SELECT number, id, kind, kept, ends_at FROM issued_key").fetchall()
        # Replaced as a whole, so that requests read it while another thread changes it.
        self._by_id = {
            UUID(id_): IssuedKey(number, UUID(id_), KeyKind(kind), kept, ends_at)
            for number, id_, kind, kept, ends_at in rows
        }

    def find(self, kind: KeyKind, secret: str, *, now: float) -> IssuedKey | None:
        """Return the key that this secret is, if it is valid."""
        # A digest of many random bits tells nothing by the time that its comparison takes.
        known = kept(kind, secret)
        matching = (key for key in self._by_id.values() if (key.kind, key.kept) == (kind, known))
        return next((key for key in matching if key.is_valid(now)), None)

    def webhook_secrets(self, *, now: float) -> list[str]:
        """Return the secrets with which a webhook is to be signed."""
        return [
            key.kept
            for key in self._by_id.values()
            if key.kind is KeyKind.WEBHOOK_SECRET and key.is_valid(now)
        ]

    def make(self, kind: KeyKind, *, now: float) -> MadeKey:
        """Make one more key, without an end, and forget those that have ended."""
        secret = PREFIX[kind] + secrets.token_urlsafe(BYTES)
        return MadeKey(self._add(kind, secret, now=now).id, kind, secret)

    def adopt(self, kind: KeyKind, secret: str, *, now: float) -> None:
        """Let a key that the client has be valid without an end.

        An owner does so in the company's own pages, when an account is opened or a key is lost.
        """
        known = kept(kind, secret)
        for key in self._by_id.values():
            if (key.kind, key.kept) == (kind, known):
                self._save([replace(key, ends_at=None)])
                return
        self._add(kind, secret, now=now)

    def retire_before(self, id_: UUID, *, end: float, now: float) -> int:
        """Let the earlier keys of a kind end, and return how many of them are still valid.

        Raises KeyError for an id that there is not.
        """
        found = retired(self._by_id.values(), self._by_id[id_], end)
        self._save(found)
        return sum(key.is_valid(now) for key in found)

    def _add(self, kind: KeyKind, secret: str, *, now: float) -> IssuedKey:
        self._db.execute("DELETE FROM issued_key WHERE ends_at <= ?", (now,))
        id_, what = uuid4(), kept(kind, secret)
        number = self._db.execute(
            "INSERT INTO issued_key (id, kind, kept) VALUES (?, ?, ?)", (str(id_), kind, what)
        ).lastrowid
        assert number is not None, "a row that was inserted has one"
        key = IssuedKey(number, id_, kind, what)
        left = {id_: one for id_, one in self._by_id.items() if one.is_valid(now)}
        self._by_id = {**left, key.id: key}
        return key

    def _save(self, keys: list[IssuedKey]) -> None:
        ends = [(key.ends_at, str(key.id)) for key in keys]
        self._db.executemany("UPDATE issued_key SET ends_at = ? WHERE id = ?", ends)
        self._by_id = {**self._by_id, **{key.id: key for key in keys}}
