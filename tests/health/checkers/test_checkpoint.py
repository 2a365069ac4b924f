"""A checkpoint is used only as it was written, by those who may give verdicts."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from cluster.health.checkers.changes import ChangedRow, Searched
from cluster.health.checkers.checkpoint import (
    NO_ROWS,
    Checkpoint,
    Extent,
    Position,
    Reading,
    Rows,
    UnusableCheckpoint,
    checkpoint_file,
    keep_checkpoint,
    load_checkpoint,
)
from cluster.health.checkers.entries import Entries, Entry

NOON = datetime.now(UTC).replace(hour=12, minute=3, second=11, microsecond=0)
CHECKPOINT = Checkpoint(
    at=NOON.timestamp(),
    by="cluster verify",
    salt=7,
    positions={"site": Position("1 00000001 5", 800)},
    tables={"site": {"checkout_request": {3: Rows(2, 2**64 - 1)}}},
    journal=Extent(1, 9),
    pending=["0192"],
)


def key(message: bytes) -> str:
    return f"code of {message.hex()}"


def another_key(message: bytes) -> str:
    return f"another code of {message.hex()}"


@pytest.fixture(autouse=True)
def private_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))


def test_a_checkpoint_is_read_as_it_was_kept_and_by_its_owner_alone() -> None:
    keep_checkpoint(CHECKPOINT, key)

    assert load_checkpoint(key) == CHECKPOINT
    assert stat.S_IMODE(checkpoint_file().stat().st_mode) == 0o600


def test_without_a_checkpoint_the_reason_is_told() -> None:
    with pytest.raises(UnusableCheckpoint, match="there is no checkpoint yet"):
        load_checkpoint(key)


def test_a_checkpoint_that_was_changed_is_refused() -> None:
    keep_checkpoint(CHECKPOINT, key)
    text = checkpoint_file().read_text()
    checkpoint_file().write_text(text.replace("800", "900"))

    with pytest.raises(UnusableCheckpoint, match="changed, or made by somebody else"):
        load_checkpoint(key)


def test_a_checkpoint_with_the_code_of_another_key_is_refused() -> None:
    keep_checkpoint(CHECKPOINT, another_key)

    with pytest.raises(UnusableCheckpoint, match="changed, or made by somebody else"):
        load_checkpoint(key)


def test_a_checkpoint_of_another_format_is_refused() -> None:
    keep_checkpoint(msgspec.structs.replace(CHECKPOINT, format=0), key)

    with pytest.raises(UnusableCheckpoint, match="of another revision"):
        load_checkpoint(key)


@pytest.mark.parametrize("text", ["", "{}", "[1"])
def test_a_file_that_is_no_checkpoint_is_refused(text: str) -> None:
    keep_checkpoint(CHECKPOINT, key)
    checkpoint_file().write_text(text)

    with pytest.raises(UnusableCheckpoint, match="cannot be read"):
        load_checkpoint(key)


def test_a_verdict_says_what_it_has_read() -> None:
    assert Reading().sentence == "Read every row."
    assert Reading(because="there is no checkpoint yet").sentence == (
        "Read every row: there is no checkpoint yet."
    )
    assert Reading(CHECKPOINT, rows=1234).sentence == (
        "Read 1,234 rows changed since 12:03:11; rows from before are vouched for by the "
        "checkpoint of cluster verify; `--full` reads everything."
    )


def changed(*hashes: int) -> list[ChangedRow]:
    return [ChangedRow(hash_, True, [], None, None) for hash_ in hashes]


OLD = (1025, 2049)  # the hashes of two rows of bucket 1


@pytest.mark.parametrize(
    ("unchanged", "hashes", "lost"),
    [
        (OLD, [], False),  # nothing has changed
        (OLD, [3073], False),  # a new row
        ([1025], [2049], False),  # a row that was changed
        ([1025], [3073, 2049], False),  # both
        ([], [1025, 2049, 3073], False),  # all were changed, and there is a new one
        ([1025], [], True),  # a row was deleted
        ([1025], [3073], True),  # one deleted, another added
        ([1025], [2050], True),  # one has got another key, in another bucket
        ([1025, 3073], [], True),  # an old transaction has come back with another row
        ([1025, 2049, 3073], [], True),
        ([1025, 2049, 2], [], True),
    ],
)
def test_a_row_that_has_gone_is_noticed_by_what_is_left(
    unchanged: list[int], hashes: list[int], lost: bool
) -> None:
    found = Searched(buckets(*unchanged, *hashes), changed(*hashes))

    assert found.has_lost(buckets(*OLD)) is lost


def buckets(*hashes: int) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    for hash_ in hashes:
        found[hash_ % 1024] = found.get(hash_ % 1024, NO_ROWS).plus(hash_)
    return found


def test_undecided_is_taken_for_lost() -> None:
    """Too many rows of one bucket have changed to try which of them were there before."""
    hashes = [1 + 1024 * number for number in range(40)]

    assert Searched(buckets(*hashes), changed(*hashes)).has_lost(buckets(*hashes[:20]))


def test_a_checkpoint_leaves_out_what_is_in_flight() -> None:
    in_flight = ChangedRow(3073, False, [], None, None)

    assert Searched(buckets(*OLD, 3073), [in_flight]).rows() == buckets(*OLD)


def test_an_entry_that_may_have_gone_is_noticed_unless_it_was_pruned() -> None:
    before = Extent(1, 100)
    added, rewritten = Entry(101, "saga/1", True, True), Entry(5, "saga/2", True, True)
    of_its_stream = Entry(50, "saga/1", False, True)

    assert not Entries(1, 101, 101, [added, of_its_stream]).has_lost(before)
    assert not Entries(40, 100, 61, []).has_lost(before)
    assert not Entries(1, 1, 1, [Entry(1, "saga/1", True, True)]).has_lost(Extent(0, 0))
    assert Entries(1, 99, 99, []).has_lost(before)
    assert Entries(1, 100, 99, []).has_lost(before)
    assert Entries(1, 100, 100, [rewritten]).has_lost(before)


def test_the_extent_at_a_checkpoint_ends_before_what_is_in_flight() -> None:
    in_flight = Entry(100, "saga/1", True, False)

    assert Entries(7, 100, 94, [in_flight]).extent() == Extent(7, 99)
    assert Entries(7, 100, 94, []).extent() == Extent(7, 100)
