"""The directory of backups: what is written can be read, and what is wrong is said by name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compose.backups import age
from compose.backups.backup import read_key
from compose.backups.restore import plan_for, report_lines
from compose.backups.store import LABEL, Base, Batch, Part, Store
from compose.errors import PlainError
from config.environment import DATABASES

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def key() -> str:
    return age.new_key()


@pytest.fixture
def store(tmp_path: Path, key: str) -> Store:
    return Store.make(tmp_path / "backups", platform="one", recipient=age.recipient_of(key))


def segment(number: int) -> str:
    return f"00000001{number // 256:08X}{number % 256:08X}"


def wal(store: Store, *numbers: int) -> dict[str, list[Part]]:
    return {
        name: [
            store.write(segment(number), f"wal/{name}/{segment(number)}", [b"wal"])
            for number in numbers
        ]
        for name in DATABASES
    }


def add_base(store: Store, minute: int, first: int) -> Base:
    at = NOON + timedelta(minutes=minute)
    name = f"{at:%Y%m%dT%H%M%SZ}"
    base = Base(
        id=name,
        started=at,
        ended=at + timedelta(seconds=10),
        parts={"secrets": store.write("secrets", f"{name}/secrets", [b"secret"])},
        wal_from=dict.fromkeys(DATABASES, segment(first)),
    )
    store.add(base)
    return base


def add_batch(store: Store, minute: int, *numbers: int) -> None:
    books = store.write("books", f"wal/provider/{minute}", [b"[]"])
    store.append(Batch(NOON + timedelta(minutes=minute), wal(store, *numbers), books))


def filled(store: Store) -> list[Base]:
    """Two base backups, and a batch each minute from the second after the first one on."""
    bases = [add_base(store, 0, 254), add_base(store, 3, 258)]
    for minute, numbers in enumerate([(254, 255), (256,), (257, 258), (259,), (260,)], start=1):
        add_batch(store, minute, *numbers)
    return bases


def test_a_part_is_read_as_it_was_written(store: Store, key: str) -> None:
    part = store.write("x", "folder/x", [b"one", b"two"])
    store.check(part)
    assert b"".join(store.read(part, key)) == b"onetwo"
    assert (store.path / part.file).stat().st_mode & 0o777 == 0o600
    assert store.path.stat().st_mode & 0o777 == 0o700


def test_manifests_and_batches_survive_their_writing(store: Store) -> None:
    bases = filled(store)
    opened = Store.open(store.path)
    assert opened.bases() == bases
    assert [batch.at.minute for batch in opened.batches()] == [1, 2, 3, 4, 5]
    manifest = json.loads((store.path / bases[0].id / "manifest.json").read_text())
    assert manifest["verified"] is None
    assert manifest["size"] == bases[0].size > 0


def test_a_damaged_file_is_named(store: Store, key: str) -> None:
    part = store.write("x", "x", [b"plain"])
    path = store.path / part.file
    path.write_bytes(path.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(PlainError, match=r"damaged: x\.gz\.age does not have the digest"):
        store.check(part)
    with pytest.raises(PlainError, match=r"damaged: x\.gz\.age"):
        b"".join(store.read(part, key))
    path.unlink()
    with pytest.raises(PlainError, match=r"x\.gz\.age is missing"):
        store.check(part)


def test_the_wrong_key_is_said_to_be_wrong(store: Store) -> None:
    part = store.write("x", "x", [b"plain"])
    with pytest.raises(PlainError, match="The key does not open"):
        b"".join(store.read(part, age.new_key()))


def test_a_directory_without_backups_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="There is no directory"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(PlainError, match="holds no backups"):
        Store.open(tmp_path)
    (tmp_path / LABEL).write_text("{}")
    with pytest.raises(PlainError, match="are damaged"):
        Store.open(tmp_path)


def test_a_key_file_holds_one_key(tmp_path: Path, key: str) -> None:
    file = tmp_path / "key"
    file.write_text(f"# public key: {age.recipient_of(key)}\n{key}\n")
    assert read_key(file) == key
    file.write_text(f"{key}\n{key}\n")
    with pytest.raises(PlainError, match="does not hold one key"):
        read_key(file)
    with pytest.raises(PlainError, match="cannot be read"):
        read_key(tmp_path / "nowhere")


def test_the_last_moment_has_a_batch_behind_it(store: Store) -> None:
    with pytest.raises(PlainError, match="holds no finished backup"):
        plan_for(store, None)
    bases = filled(store)
    plan = plan_for(store, None)
    assert plan.to == NOON + timedelta(minutes=4)
    assert plan.base == bases[1]
    assert [batch.at.minute for batch in plan.batches] == [3, 4, 5]


def test_a_moment_is_reached_from_the_base_backup_before_it(store: Store) -> None:
    bases = filled(store)
    plan = plan_for(store, NOON + timedelta(minutes=1, seconds=30))
    assert plan.base == bases[0]
    assert [batch.at.minute for batch in plan.batches] == [1, 2, 3]


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (5, "The first moment that can be restored is 2026-11-30 12:00:10 UTC"),
        (241, "The last moment that can be restored is 2026-11-30 12:04:00 UTC"),
    ],
)
def test_a_moment_without_wal_is_refused(store: Store, seconds: int, sentence: str) -> None:
    filled(store)
    with pytest.raises(PlainError, match=sentence):
        plan_for(store, NOON + timedelta(seconds=seconds))


def test_a_gap_in_the_wal_is_found_before_anything_is_restored(store: Store) -> None:
    add_base(store, 0, 1)
    add_batch(store, 1, 1)
    add_batch(store, 2, 3)
    add_batch(store, 3, 4)
    with pytest.raises(PlainError, match=f"has no segment {segment(2)}"):
        plan_for(store, None)


def test_pruning_keeps_all_that_the_verified_backup_needs(store: Store) -> None:
    bases = filled(store)
    verified = replace(bases[1], verified=NOON)
    store.add(verified)
    before = plan_for(store, None)
    assert store.prune(verified) > 0
    assert store.bases() == [verified]
    assert plan_for(store, None).base == verified
    assert [part.file for part in plan_for(store, None).parts] != []
    for part in plan_for(store, None).parts:
        store.check(part)
    files = {str(path.relative_to(store.path)) for path in store.path.rglob("*.age")}
    named = {part.file for part in verified.parts.values()}
    for batch in store.batches():
        named |= {part.file for parts in batch.wal.values() for part in parts}
        named |= {batch.books.file} if batch.books else set()
    assert files == named
    assert before.to == plan_for(store, None).to


def test_the_report_names_each_message() -> None:
    stream = {"source": "checkout", "subject": "hold/1", "sequence": 2, "to": ["identity.inbox"]}
    report = {
        "sent_again": [{**stream, "id": "a", "type": "identity.hold_limit.v1"}],
        "lost": [{**stream, "sequence": 3}],
        "ahead": [],
        "not_known": ["And more."],
    }
    lines = list(report_lines(report))
    assert lines[:2] == ["Messages that only the broker held: 2.", "Sent again: 1, lost: 1."]
    assert "identity.hold_limit.v1 a (2 of checkout's hold/1) to identity.inbox" in lines[2]
    assert lines[3].startswith("  lost: 3 of checkout's hold/1, which identity.inbox lacks")
    assert lines[4] == "And more."
