"""The directory of a platform's backups: base backups, archived WAL, and what is in them.

`backups.json` names the platform and the recipient of the encryption. Each base backup is a folder
with a `manifest.json`. `batches.jsonl` has a line for each batch of archived WAL. Times, sizes and
digests are plain text, so that they can be read without the key; everything else is encrypted.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from compose.backups import age
from compose.errors import PlainError
from compose.run_directory import write_private

FORMAT: Final = 1
LABEL: Final = "backups.json"
MANIFEST: Final = "manifest.json"
BATCHES: Final = "batches.jsonl"
WAL: Final = "wal"  # the folder of the archived WAL
LAST_LINES: Final = 1 << 20  # bytes; a line has some 2,000, and one for each segment of 16 MB
# The moment of the first after it ends, and what the broker held at that moment.
BATCHES_TO_ITS_END: Final = 2
SUFFIX: Final = ".gz.age"
GZIP: Final = 31  # zlib's code for the format of gzip
FAST: Final = 1  # zlib's level; most of a segment is zeros
PIECE: Final = 1 << 20  # bytes


@dataclass(frozen=True)
class Part:
    """One encrypted file. `file` is its path in the directory, `size` the bytes it has there."""

    name: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Batch:
    """The WAL of every server, and the additions to the provider's books, up to a moment.

    Every transaction that was committed up to `at` is in this batch or an earlier one.
    """

    at: datetime
    wal: Mapping[str, list[Part]]
    books: Part | None


@dataclass(frozen=True)
class Base:
    """One base backup. `wal_from` is the first segment that each server needs after it.

    Moments from `ended` on can be restored. `verified` is when a restore of it was found to be
    without a violation, `rejected` when one did not pass `cluster verify`.
    """

    id: str
    started: datetime
    ended: datetime
    parts: Mapping[str, Part]
    wal_from: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    verified: datetime | None = None
    rejected: datetime | None = None

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts.values())


class Store:
    """The backups in one directory."""

    def __init__(self, path: Path, label: Mapping[str, Any]) -> None:
        self.path = path
        self.platform = str(label["platform"])
        self.recipient = str(label["recipient"])

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the backups in a directory, or raise PlainError when it holds none."""
        if not path.is_dir():
            raise PlainError(f"There is no directory {path}.")
        try:
            label = json.loads((path / LABEL).read_text())
            if label["format"] != FORMAT:
                raise PlainError(f"{path} holds backups of another format ({label['format']}).")
            return cls(path, label)
        except FileNotFoundError:
            raise PlainError(f"{path} holds no backups of this platform.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise PlainError(f"The backups in {path} are damaged: {LABEL}: {error}.") from error

    @classmethod
    def make(cls, path: Path, *, platform: str, recipient: str) -> Self:
        """Make a directory for backups, which must be new or empty."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        label = {"format": FORMAT, "platform": platform, "recipient": recipient}
        write_private(path / LABEL, json.dumps(label, indent=2))
        return cls(path, label)

    def write(self, name: str, file: str, plain: Iterable[bytes]) -> Part:
        """Compress, encrypt and keep bytes under a file's name, and return the part."""
        target = self.path / f"{file}{SUFFIX}"
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}")
        digest, size = hashlib.sha256(), 0
        try:
            with draft.open("wb") as output:
                for piece in age.encrypt(self.recipient, _compressed(plain)):
                    digest.update(piece)
                    size += output.write(piece)
                output.flush()
                os.fsync(output.fileno())
            draft.chmod(0o600)
            draft.replace(target)
        except BaseException:  # such as a full disk, which half a file would keep full
            draft.unlink(missing_ok=True)
            raise
        return Part(name, f"{file}{SUFFIX}", size, digest.hexdigest())

    def read(self, part: Part, key: str) -> Iterator[bytes]:
        """Yield the bytes of a part. Raises PlainError for a wrong key or a damaged file."""
        unpacker = zlib.decompressobj(GZIP)
        try:
            with (self.path / part.file).open("rb") as sealed:
                for piece in age.decrypt(key, sealed):
                    yield unpacker.decompress(piece)
                yield unpacker.flush()
        except age.WrongKey as error:
            raise PlainError(f"The key does not open {self.path}: {error}.") from error
        except (age.Damaged, zlib.error) as error:
            raise PlainError(f"The backup is damaged: {part.file}: {error}.") from error

    def check(self, part: Part) -> None:
        """Raise PlainError unless a part's file has the digest that was written down for it."""
        path = self.path / part.file
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise PlainError(f"The backup is damaged: {part.file} is missing.") from None
        if found != part.sha256:
            raise PlainError(
                f"The backup is damaged: {part.file} does not have the digest in its manifest."
            )

    def bases(self) -> list[Base]:
        """Return the base backups that were finished, oldest first, whatever the clock said."""
        found = [_base(path) for path in self.path.glob(f"*/{MANIFEST}")]
        return sorted(found, key=lambda base: (sorted(base.wal_from.items()), base.id))

    def add(self, base: Base) -> None:
        """Write the manifest of a base backup, or write it anew."""
        folder = self.path / base.id
        folder.mkdir(exist_ok=True)
        document = {**asdict(base), "size": base.size}
        write_private(folder / MANIFEST, json.dumps(document, indent=2, default=datetime.isoformat))

    def mark(self, base: Base) -> None:
        """Write the manifest of a base backup anew, unless it was pruned in the meantime."""
        if (self.path / base.id / MANIFEST).exists():
            self.add(base)

    def discard_unfinished(self) -> None:
        """Delete what a crash has left of a base backup. Call it where no other is being made."""
        for folder in self.path.iterdir():
            if folder.is_dir() and folder.name != WAL and not (folder / MANIFEST).exists():
                shutil.rmtree(folder)

    def batches(self) -> list[Batch]:
        """Return the batches of archived WAL, oldest first."""
        return [_batch(line, self.path / BATCHES) for line in self._lines(0)]

    def last_batch(self) -> Batch | None:
        """Return the newest batch, without reading the others."""
        lines = self._lines(LAST_LINES)
        return _batch(lines[-1], self.path / BATCHES) if lines else None

    def _lines(self, at_most: int) -> list[str]:
        """Return the whole lines of the batches, of the last `at_most` bytes only unless it is 0.

        A line without an end was being written when the disk was full or the machine went down.
        """
        try:
            with (self.path / BATCHES).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                begin = max(0, size - at_most) if at_most else 0
                file.seek(begin)
                text = file.read().rpartition(b"\n")[0].decode()
        except FileNotFoundError:
            return []
        lines = text.splitlines()
        return lines[1:] if begin else lines

    def append(self, batch: Batch) -> None:
        """Write down a batch whose files are there. A half line of an earlier attempt goes."""
        line = f"{_line(batch)}\n".encode()
        with (self.path / BATCHES).open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), BATCHES)
            os.fsync(file.fileno())

    def parts(self) -> Iterator[Part]:
        """Yield every file that a restore to any moment may need."""
        for base in self.bases():
            yield from base.parts.values()
        for batch in self.batches():
            yield from (part for parts in batch.wal.values() for part in parts)
            yield from [batch.books] if batch.books else []

    def last_moment(self) -> datetime | None:
        """Return the last moment that can be restored, or None before there is one.

        It is that of the last batch but one: the last has what the broker held at that moment.
        """
        batches = self.batches()
        return batches[-2].at if len(batches) > 1 else None

    def prune(self, keep: int) -> int:
        """Delete what no kept base backup needs, and return how many files went.

        Kept are the newest `keep`, and the last verified one. If that is older than the newest, it
        can be restored as it was at its end, and the WAL of the time after that goes.
        """
        bases = self.bases()
        newest = bases[-keep:]
        lone = [base for base in bases if base.verified][-1:]
        kept = newest if not lone or lone[0] in newest else [*lone, *newest]
        if not kept:
            return 0
        gone = 0
        for base in bases:
            if base not in kept:
                gone += len(base.parts)
                shutil.rmtree(self.path / base.id)
        batches: list[Batch] = []
        unneeded: list[Part] = []
        after = 0  # batches since the end of a verified base backup that is older than the newest
        for batch in self.batches():
            alone = kept[0] is not newest[0] and after < BATCHES_TO_ITS_END
            first = (kept[0] if alone else newest[0]).wal_from
            wal = {
                database: [part for part in parts if part.name >= first.get(database, "")]
                for database, parts in batch.wal.items()
            }
            needed = any(wal.values())
            for database, parts in batch.wal.items():
                unneeded += [part for part in parts if part not in wal[database]]
            if needed:
                after += batch.at >= kept[0].ended
                batches.append(Batch(batch.at, wal, batch.books))
            elif batch.books:
                unneeded.append(batch.books)
        # The list first: what it does not name is of no use, whereas what it names must be there.
        write_private(self.path / BATCHES, "".join(f"{_line(batch)}\n" for batch in batches))
        for part in unneeded:
            (self.path / part.file).unlink(missing_ok=True)
        return gone + len(unneeded)


def now() -> datetime:
    return datetime.now(UTC)


def _compressed(plain: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(FAST, zlib.DEFLATED, GZIP)
    for piece in plain:
        yield packer.compress(piece)
    yield packer.flush()


def _base(path: Path) -> Base:
    try:
        found = json.loads(path.read_text())
        return Base(
            id=path.parent.name,
            started=datetime.fromisoformat(found["started"]),
            ended=datetime.fromisoformat(found["ended"]),
            parts={name: Part(**part) for name, part in found["parts"].items()},
            wal_from=found["wal_from"],
            versions=found["versions"],
            verified=_moment(found["verified"]),
            rejected=_moment(found.get("rejected")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PlainError(f"The backup is damaged: {path}: {error}.") from error


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _line(batch: Batch) -> str:
    return json.dumps(asdict(batch), default=datetime.isoformat)


def _batch(line: str, path: Path) -> Batch:
    try:
        found = json.loads(line)
        wal = {name: [Part(**part) for part in parts] for name, parts in found["wal"].items()}
        books = Part(**found["books"]) if found["books"] else None
        return Batch(datetime.fromisoformat(found["at"]), wal, books)
    except (ValueError, KeyError, TypeError) as error:
        raise PlainError(f"The backup is damaged: {path}: {error}.") from error
