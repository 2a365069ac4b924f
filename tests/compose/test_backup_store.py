"""The directory of backups: what is written can be read, and what is wrong is said by name."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compose.backups import age
from compose.backups import store as stores
from compose.backups.backup import read_key
from compose.backups.restore import plan_for, report_lines
from compose.backups.store import BATCHES, LABEL, Base, Batch, Part, Store
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
    assert store.prune(keep=1) > 0
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


def test_the_last_verified_backup_is_kept_with_the_wal_to_its_end_alone(store: Store) -> None:
    bases = filled(store)
    verified = replace(bases[0], verified=NOON)
    store.add(verified)
    newest = add_base(store, 5, 261)
    for minute, number in ((6, 261), (7, 262), (8, 263)):
        add_batch(store, minute, number)

    store.prune(keep=1)

    assert store.bases() == [verified, newest]
    assert plan_for(store, None).base == newest
    assert plan_for(store, verified.ended).base == verified
    for moment in (None, verified.ended):
        for part in plan_for(store, moment).parts:
            store.check(part)
    assert [batch.at.minute for batch in store.batches()] == [1, 2, 6, 7, 8]
    with pytest.raises(PlainError, match=f"has no segment {segment(257)}"):
        plan_for(store, NOON + timedelta(minutes=4))
    assert {part.file for part in store.parts()} == {
        str(path.relative_to(store.path)) for path in store.path.rglob("*.age")
    }


def test_the_newest_backups_are_kept_with_all_wal_between_them(store: Store) -> None:
    bases = filled(store)
    assert store.prune(keep=2) == 0
    assert store.bases() == bases
    assert len(store.batches()) == 5


def test_nothing_is_pruned_before_there_is_a_backup(store: Store) -> None:
    add_batch(store, 1, 1)
    assert store.prune(keep=1) == 0
    assert len(store.batches()) == 1


def test_backups_are_in_the_order_of_their_wal_when_the_clock_was_set_back(store: Store) -> None:
    """The second was made while the clock was an hour ahead."""
    bases = [add_base(store, 0, 1), add_base(store, 60, 2), add_base(store, 8, 4)]
    for minute, number in ((1, 1), (61, 2), (62, 3), (9, 4), (10, 5), (11, 6)):
        add_batch(store, minute, number)

    assert store.bases() == bases
    plan = plan_for(store, None)
    assert (plan.base, plan.to) == (bases[2], NOON + timedelta(minutes=10))
    assert [batch.at.minute for batch in plan.batches] == [9, 10, 11]
    store.prune(keep=1)
    assert store.bases() == bases[2:]


def test_a_line_that_was_cut_off_is_no_batch_and_is_written_over(store: Store) -> None:
    add_base(store, 0, 1)
    add_batch(store, 1, 1)
    with (store.path / BATCHES).open("a") as file:
        file.write('{"at": "2026-')
    assert [batch.at.minute for batch in store.batches()] == [1]

    add_batch(store, 2, 2)

    assert [batch.at.minute for batch in store.batches()] == [1, 2]
    last = store.last_batch()
    assert last is not None
    assert last.at.minute == 2


def test_the_last_batch_is_found_without_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.last_batch() is None
    filled(store)
    length = len((store.path / BATCHES).read_text().splitlines()[-1])
    monkeypatch.setattr(stores, "LAST_LINES", length + 10)
    assert store.last_batch() == store.batches()[-1]


def test_a_write_that_fails_leaves_no_half_file(store: Store) -> None:
    def content() -> Iterator[bytes]:
        yield b"some"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.write("x", "folder/x", content())
    assert list((store.path / "folder").iterdir()) == []


def test_what_a_crash_has_left_of_a_backup_is_discarded(store: Store) -> None:
    base = add_base(store, 0, 1)
    add_batch(store, 1, 1)
    store.write("x", "20261130T130000Z/x", [b"half"])

    store.discard_unfinished()

    assert {path.name for path in store.path.iterdir() if path.is_dir()} == {base.id, "wal"}
    for part in store.parts():
        store.check(part)


def test_a_backup_that_was_pruned_while_it_was_verified_stays_gone(store: Store) -> None:
    base = add_base(store, 0, 1)
    shutil.rmtree(store.path / base.id)
    store.mark(replace(base, verified=NOON))
    assert store.bases() == []


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
