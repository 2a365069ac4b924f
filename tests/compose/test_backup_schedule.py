"""When a base backup is due, and what is said about the backups. No server runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from compose.backups import schedule, wal
from compose.backups.books import Place
from compose.backups.settings import Schedule, parse, recorded
from compose.backups.status import (
    FILE,
    BackupStatus,
    backup_status,
    backup_troubles,
    duration,
    note_failure,
    update,
)
from compose.backups.store import now
from compose.errors import Misuse
from compose.processes import PORTS, addresses, local_servers
from compose.run_directory import RunDirectory

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = BackupStatus(directory="/mnt/backups", ended=NOON, size=10, archived=NOON + DAY)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """The run directory of a platform that is backed up, of which this process is a part."""
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path / "run"))
    for name in ("BACKUP_EVERY", "BACKUP_KEEP"):
        monkeypatch.delenv(name, raising=False)
    found = RunDirectory(tmp_path / "run")
    found.make()
    wal.Target(tmp_path / "backups", Place()).keep(found)
    return found


class TestSettings:
    def test_a_day_and_seven_backups_are_usual(self, run: RunDirectory) -> None:
        assert parse({"BACKUP_EVERY": "24", "BACKUP_KEEP": "7"}.__getitem__) == Schedule(DAY, 7)

    def test_hours_may_have_a_fraction_and_0_is_never(self) -> None:
        assert parse({"BACKUP_EVERY": "0.5", "BACKUP_KEEP": "1"}.__getitem__) == Schedule(
            timedelta(minutes=30), 1
        )
        assert parse({"BACKUP_EVERY": "0", "BACKUP_KEEP": "1"}.__getitem__).every is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("BACKUP_EVERY", "daily"),
            ("BACKUP_EVERY", "-1"),
            ("BACKUP_EVERY", "nan"),
            ("BACKUP_EVERY", "1."),
            ("BACKUP_EVERY", "99999"),
            ("BACKUP_EVERY", "٢"),
            ("BACKUP_KEEP", "0"),
            ("BACKUP_KEEP", "1.5"),
            ("BACKUP_KEEP", "many"),
        ],
    )
    def test_nonsense_is_refused_before_anything_starts(
        self, run: RunDirectory, name: str, value: str
    ) -> None:
        ports = dict.fromkeys(PORTS, 1)
        with pytest.raises(Misuse, match=rf"{name} is a number of"):
            addresses(local_servers(run, ports, {}), ports, {name: value}, web_port=8000)

    def test_what_is_named_is_recorded_for_a_second_terminal(self) -> None:
        assert recorded({"BACKUP_KEEP": "3", "BACKUP_EVERY": ""}) == {"BACKUP_KEEP": "3"}


class TestDue:
    @pytest.mark.parametrize(
        ("changes", "at", "expected"),
        [
            ({}, NOON + timedelta(hours=23), False),
            ({}, NOON + DAY, True),
            ({"ended": None}, NOON, True),
            ({"failed": NOON}, NOON + timedelta(hours=1), True),
            ({"began": NOON}, NOON + timedelta(hours=1), True),
            ({}, NOON - timedelta(minutes=1), True),  # the clock was set back
        ],
    )
    def test_a_backup_is_due(
        self, run: RunDirectory, changes: dict[str, Any], at: datetime, expected: bool
    ) -> None:
        update(run, run.path, **{"ended": NOON, **changes})
        assert schedule.is_due(run, at) is expected

    def test_after_archiving_was_given_up_it_begins_anew(self, run: RunDirectory) -> None:
        update(run, run.path, ended=NOON)
        (run.path / wal.FILE).unlink()
        assert schedule.is_due(run, NOON)

    def test_a_platform_that_was_never_backed_up_is_left_alone(self, run: RunDirectory) -> None:
        assert not schedule.is_due(run, NOON)

    def test_the_schedule_can_be_switched_off(
        self, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BACKUP_EVERY", "0")
        update(run, run.path, ended=NOON)
        assert not schedule.is_due(run, NOON + 365 * DAY)


class TestStanding:
    def test_it_survives_its_writing(self, run: RunDirectory) -> None:
        update(run, Path("/mnt/backups"), ended=NOON, size=10, archived=NOON + DAY)
        assert backup_status() == GOOD

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"ended": "noon"}', '{"directory": 1, "ended": 2}']
    )
    def test_a_file_of_others_counts_as_none(self, run: RunDirectory, text: str) -> None:
        (run.path / FILE).write_text(text)
        assert backup_status() is None

    def test_a_field_of_a_later_revision_is_ignored(self, run: RunDirectory) -> None:
        (run.path / FILE).write_text(json.dumps({"directory": "/mnt", "later": 1}))
        assert backup_status() == BackupStatus(directory="/mnt")

    def test_a_run_directory_that_takes_no_file_harms_nobody(self, tmp_path: Path) -> None:
        update(RunDirectory(tmp_path / "nowhere"), tmp_path, ended=NOON)

    def test_a_process_that_ended_without_a_word_has_failed(self, run: RunDirectory) -> None:
        update(run, run.path, ended=NOON, began=NOON)
        schedule.note_end(run)
        status = backup_status()
        assert status is not None
        assert (status.failure, status.began) == ("It was interrupted.", None)

    def test_one_that_has_said_how_it_ended_is_believed(self, run: RunDirectory) -> None:
        update(run, run.path, ended=NOON, began=NOON)
        note_failure(run, run.path, "The disk is full.")
        schedule.note_end(run)
        status = backup_status()
        assert status is not None
        assert status.failure == "The disk is full."


class TestTroubles:
    def told(self, at: datetime, every: timedelta | None = DAY, **changes: Any) -> list[str]:
        return list(map(str, replace(GOOD, **changes).troubles(at, every)))

    def test_a_good_backup_of_today_has_none(self) -> None:
        assert self.told(NOON + DAY) == []

    def test_one_that_is_too_old_says_its_age(self) -> None:
        assert self.told(NOON + 2 * DAY) == [
            "The last backup is 48 h old, and one is due every 24 h."
        ]

    def test_without_a_schedule_none_is_too_old(self) -> None:
        assert self.told(NOON + 90 * DAY, every=None) == []

    def test_a_failure_gives_its_reason(self) -> None:
        found = self.told(NOON + DAY, failed=NOON + DAY, failure="/mnt: the disk is full")
        assert found == ["The last backup failed 0 s ago. /mnt: the disk is full"]

    def test_the_public_words_name_no_path(self) -> None:
        status = replace(GOOD, failed=NOON, failure="/mnt: the disk is full")
        assert [one.words for one in status.troubles(NOON, DAY)] == [
            "The last backup failed 0 s ago."
        ]

    def test_changes_that_wait_are_named_after_five_minutes(self) -> None:
        waiting: dict[str, Any] = {
            "unarchived_since": NOON,
            "unarchived": "There is no directory /mnt.",
        }
        assert self.told(NOON + timedelta(minutes=4), **waiting) == []
        assert self.told(NOON + timedelta(minutes=7), **waiting) == [
            "Changes have not been backed up for 7 min. There is no directory /mnt."
        ]

    def test_damage_and_a_failed_proof_are_named(self) -> None:
        assert self.told(NOON, damage="x is missing.", rejected=NOON) == [
            "A file of the backups is missing or damaged. x is missing.",
            "A restore of the last backup did not pass `cluster verify`.",
        ]

    def test_a_first_attempt_without_an_end_is_named(self) -> None:
        assert self.told(NOON, ended=None) == ["There is no finished backup."]

    def test_a_platform_without_backups_has_none(self) -> None:
        assert backup_troubles(None) == []

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(40, "40 s"), (90, "90 s"), (300, "5 min"), (7200, "2 h"), (108000, "30 h"),
         (3 * 86400, "3 days")],
    )  # fmt: skip
    def test_a_length_of_time_has_one_unit(self, seconds: int, words: str) -> None:
        assert duration(timedelta(seconds=seconds)) == words


class TestArchiving:
    def test_a_directory_that_is_gone_is_named_until_it_is_back(
        self, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wal, "spool_size", lambda _: 0)
        wal.archive_if_possible(run)
        first = backup_status()
        wal.archive_if_possible(run)
        second = backup_status()
        assert first is not None
        assert second is not None
        assert first.unarchived == f"There is no directory {run.path.parent / 'backups'}."
        assert first.unarchived_since == second.unarchived_since

    def test_when_too_much_waits_archiving_ends_and_a_backup_is_due(
        self, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        update(run, run.path, ended=now())
        monkeypatch.setattr(wal, "spool_size", lambda _: wal.LARGEST_SPOOL + 1)
        wal.archive_if_possible(run)
        status = backup_status()
        assert status is not None
        assert status.unarchived.startswith("Archiving has ended, since 2 GB wait: There is no")
        assert wal.Target.of(run) is None
        assert schedule.is_due(run, now())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_named(run: RunDirectory) -> None:
    folder = run.path.parent / "backups"
    folder.mkdir(mode=0o000)
    wal.archive_if_possible(run)
    status = backup_status()
    assert status is not None
    assert "this user may not use it" in status.unarchived
