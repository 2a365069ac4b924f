"""A checkpoint: the state at a clean verdict, which the next verdict relies on.

It has each database's position, and of each table the number and the hashes of its rows, by
bucket. The next verdict reads the rows that later transactions have written and what was in
flight, and finds by the numbers and hashes that no other row has gone. Vault authenticates the
file, so that nobody makes one who may not give verdicts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from cluster.secrets.transit import authenticate
from compose.run_directory import write_private
from config.environment import run_directory

FORMAT: Final = 1  # another one with each change of what is hashed (`audited.py`)


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The position of a database: which one it is, and its oldest unfinished transaction."""

    database: str
    xmin: int


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """The number of some rows, and the sum of their hashes modulo 2**64."""

    count: int
    hashes: int

    @classmethod
    def of(cls, count: int, hashes: int) -> Rows:
        return cls(count, hashes % 2**64)

    def plus(self, *hashes: int) -> Rows:
        """Return these rows and others, of which the hashes are given."""
        return Rows.of(self.count + len(hashes), self.hashes + sum(hashes))

    def minus(self, *hashes: int) -> Rows:
        """Return these rows without some of them, of which the hashes are given."""
        return Rows.of(self.count - len(hashes), self.hashes - sum(hashes))


NO_ROWS: Final = Rows(0, 0)


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """The first and the last number of the journal."""

    first: int
    last: int


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A clean verdict, given at `at` (seconds of the epoch) for `by`, a run or a command.

    `tables` has the rows by database, table and bucket. `salt` is part of every hash. `pending`:
    the ids of what was in flight, for which it does not vouch.
    """

    at: float
    by: str
    salt: int
    positions: dict[str, Position]
    tables: dict[str, dict[str, dict[int, Rows]]]
    journal: Extent
    pending: list[str]
    format: int = FORMAT

    @property
    def time(self) -> str:
        """The moment, with its day unless that is today (UTC)."""
        moment = datetime.fromtimestamp(self.at, UTC)
        today = moment.date() == datetime.now(UTC).date()
        return f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class Reading:
    """The part of the rows that a verdict has read: all, or those changed since a checkpoint.

    `because`: why all was read, if a checkpoint could have been used. `rows`: those changed.
    """

    since: Checkpoint | None = None
    because: str = ""
    rows: int = 0

    @property
    def sentence(self) -> str:
        if self.since is None:
            return f"Read every row{f': {self.because}' if self.because else ''}."
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return (
            f"Read {rows} changed since {self.since.time}; rows from before are "
            f"vouched for by the checkpoint of {self.since.by}; `--full` reads everything."
        )


# Returns the code that proves a message.
Authenticate: TypeAlias = Callable[[bytes], str]


class _File(msgspec.Struct, frozen=True):
    code: str
    checkpoint: msgspec.Raw


class UnusableCheckpoint(Exception):
    """There is no checkpoint that an incremental verdict may rely on, for the reason given."""


def keep_checkpoint(checkpoint: Checkpoint, authenticated: Authenticate = authenticate) -> None:
    """Keep a checkpoint in place of the one before it. Raises SecretsError."""
    text = msgspec.json.encode(checkpoint)
    kept = _File(authenticated(_digest(text)), msgspec.Raw(text))
    with suppress(OSError):  # a disk that is full or read-only: the next verdict reads more
        checkpoint_file().parent.mkdir(parents=True, exist_ok=True)
        write_private(checkpoint_file(), msgspec.json.encode(kept).decode())


def load_checkpoint(authenticated: Authenticate = authenticate) -> Checkpoint:
    """Return the last checkpoint, or raise UnusableCheckpoint or SecretsError."""
    try:
        kept = msgspec.json.decode(checkpoint_file().read_bytes(), type=_File)
    except FileNotFoundError:
        raise UnusableCheckpoint("there is no checkpoint yet") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UnusableCheckpoint("the checkpoint cannot be read") from error
    text = bytes(kept.checkpoint)
    if not hmac.compare_digest(authenticated(_digest(text)).encode(), kept.code.encode()):
        raise UnusableCheckpoint("the checkpoint was changed, or made by somebody else")
    try:
        found = msgspec.json.decode(text, type=Checkpoint)
    except msgspec.MsgspecError as error:
        raise UnusableCheckpoint("the checkpoint is of another revision") from error
    if found.format != FORMAT:
        raise UnusableCheckpoint("the checkpoint is of another revision")
    return found


def checkpoint_file() -> Path:
    return run_directory() / "chaos" / "checkpoint.json"


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
