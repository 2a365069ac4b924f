"""The provider's keys as Vault holds them, and the wishes that they be rotated.

`kv/provider` holds the API key and the webhook secret, each with what a rotation has to know. A
wish is a new version of `kv/rotate/<kind>`: whoever may write there can have a key rotated without
reading it, and the number of the version says whether it has been done. What is no secret is
published as the entry's metadata. See docs/adr/0043-provider-keys.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cluster.payments.provider_api import KeyKind, MadeKey
from cluster.secrets.vault import SecretNotFound, VaultClient
from config import environment

ENTRY: Final = "provider"
PUBLISHED: Final = f"kv/metadata/{ENTRY}"  # what is no secret of it
LIFE: Final = 24 * 3600  # seconds
# Seconds in which a replaced key is still valid, unless a wish says otherwise: more than the
# longest request takes.
OVERLAP: Final = 20.0
LONGEST_OVERLAP: Final = 3600.0
NO_VERSION: Final = 0  # of an entry that nobody has written yet


@dataclass(frozen=True, slots=True)
class Wish:
    """The last wish for one key: its number, and for how long the replaced key is to be valid."""

    number: int = NO_VERSION
    overlap: timedelta = timedelta(seconds=OVERLAP)


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One key in use, and the one before it.

    `id` is the provider's name for it, "" of a key that was not made by a rotation. `wish` is the
    number of the last wish that it fulfils.
    """

    secret: str = field(repr=False)
    id: str = ""
    since: datetime | None = None
    wish: int = NO_VERSION
    before: str = field(default="", repr=False)
    before_ends: datetime | None = None

    def accepted(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that are to be accepted now, the newest first."""
        if self.before_ends is None or now >= self.before_ends:
            return (self.secret,)
        return (self.secret, self.before)

    def is_due(self, *, wish: Wish, now: datetime, life: timedelta) -> bool:
        """Return whether it is to be rotated: by a wish that it does not fulfil, or by its age."""
        if wish.number not in (NO_VERSION, self.wish):
            return True
        return self.since is not None and now - self.since >= life

    def followed_by(self, made: MadeKey, *, wish: Wish, now: datetime) -> HeldKey:
        """Return its successor, which knows this one for as long as it is to be accepted.

        A wish that was fulfilled before has no say in the overlap.
        """
        overlap = wish.overlap if wish.number != self.wish else Wish().overlap
        return HeldKey(made.secret, str(made.id), now, wish.number, self.secret, now + overlap)

    def overlap_left(self, now: datetime) -> timedelta:
        """Return for how long the key before it is still to be valid."""
        return max(timedelta(0), (self.before_ends or now) - now)


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Both keys, in one version of the entry."""

    version: int
    by_kind: Mapping[KeyKind, HeldKey]

    def __getitem__(self, kind: KeyKind) -> HeldKey:
        return self.by_kind[kind]

    def having(self, kind: KeyKind, key: HeldKey) -> HeldKeys:
        return replace(self, by_kind={**self.by_kind, kind: key})


@dataclass(frozen=True, slots=True)
class Rotations:
    """The public facts of one key: its age, and the last wish, fulfilled and expressed."""

    since: datetime | None
    fulfilled: int
    wished: int

    @property
    def is_wanted(self) -> bool:
        """Return whether a wish waits for the gateway."""
        return self.wished not in (NO_VERSION, self.fulfilled)


def life() -> timedelta:
    """Return the age at which a key is rotated without a wish."""
    return timedelta(seconds=float(environment.setting("PROVIDER_KEY_LIFE", str(LIFE))))


def keys_of(fields: Mapping[str, str], version: int = NO_VERSION) -> HeldKeys:
    """Return the keys that the fields of an entry hold, also as an earlier revision wrote them."""
    return HeldKeys(version, {kind: _key(kind, fields) for kind in KeyKind})


def fields_of(keys: HeldKeys) -> dict[str, str]:
    """Return the fields of the entry that holds these keys."""
    return {
        name: value
        for kind in KeyKind
        for name, value in _fields(kind, keys[kind]).items()
        if value
    }


def read_keys(vault: VaultClient) -> HeldKeys:
    """Return the keys. Raises SecretsError."""
    found = vault.read(f"kv/data/{ENTRY}")["data"]
    return keys_of(found["data"], int(found["metadata"]["version"]))


def store_keys(vault: VaultClient, keys: HeldKeys) -> HeldKeys:
    """Store keys in the place of the version that they were read from, and return them.

    Raises SecretsError, also when somebody else has stored another version meanwhile.
    """
    written = {"data": fields_of(keys), "options": {"cas": keys.version}}
    answer = vault.write(f"kv/data/{ENTRY}", written)
    return replace(keys, version=int(answer["data"]["version"]))


def publish_rotations(vault: VaultClient, keys: HeldKeys) -> None:
    """Write what is no secret into the metadata of the entry. Raises SecretsError."""
    told: dict[str, str] = {}
    for kind in KeyKind:
        fields = _fields(kind, keys[kind])
        told |= {name: fields[name] for name in (f"{kind}_since", f"{kind}_wish") if fields[name]}
    vault.write(PUBLISHED, {"custom_metadata": told})


def read_rotations(vault: VaultClient) -> dict[KeyKind, Rotations]:
    """Return what was published of each key. Raises SecretsError."""
    answer = vault.read(PUBLISHED)
    wished = read_wishes(vault)
    return {
        kind: Rotations(
            _time(_published(answer).get(f"{kind}_since")),
            fulfilled_wish(answer, kind),
            wished[kind].number,
        )
        for kind in KeyKind
    }


def fulfilled_wish(answer: Mapping[str, Any], kind: KeyKind) -> int:
    """Return the number of the last wish that was fulfilled, from Vault's answer at PUBLISHED."""
    return int(_published(answer).get(f"{kind}_wish", NO_VERSION))


def read_wishes(vault: VaultClient) -> dict[KeyKind, Wish]:
    """Return the last wish for each kind of key. Raises SecretsError."""
    return {kind: _wish(vault, kind) for kind in KeyKind}


def wish_rotation(
    vault: VaultClient, kind: KeyKind, *, by: str, overlap: float | None = None
) -> int:
    """Ask the gateway to rotate a key, and return the number of the wish. Raises SecretsError."""
    told = {"by": by} if overlap is None else {"by": by, "overlap": str(overlap)}
    answer = vault.write(wish_path(kind), {"data": told})
    return int(answer["data"]["version"])


def wish_path(kind: KeyKind) -> str:
    """Return the path at which a version is a wish."""
    return f"kv/data/rotate/{kind}"


def _published(answer: Mapping[str, Any]) -> Mapping[str, str]:
    return answer["data"].get("custom_metadata") or {}


def _key(kind: KeyKind, fields: Mapping[str, str]) -> HeldKey:
    return HeldKey(
        fields[kind],
        fields.get(f"{kind}_id", ""),
        _time(fields.get(f"{kind}_since")),
        int(fields.get(f"{kind}_wish", "0")),
        fields.get(f"{kind}_before", ""),
        _time(fields.get(f"{kind}_before_ends")),
    )


def _fields(kind: KeyKind, key: HeldKey) -> dict[str, str]:
    return {
        kind: key.secret,
        f"{kind}_id": key.id,
        f"{kind}_since": _text(key.since),
        f"{kind}_wish": str(key.wish),
        f"{kind}_before": key.before,
        f"{kind}_before_ends": _text(key.before_ends),
    }


def _wish(vault: VaultClient, kind: KeyKind) -> Wish:
    try:
        found = vault.read(wish_path(kind))["data"]
    except SecretNotFound:
        return Wish()
    number = int(found["metadata"]["version"])
    try:
        overlap = float(found["data"].get("overlap", OVERLAP))
    except (ValueError, TypeError):
        overlap = OVERLAP
    return Wish(number, timedelta(seconds=min(max(0.0, overlap), LONGEST_OVERLAP)))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _text(time: datetime | None) -> str:
    return "" if time is None else time.isoformat()
