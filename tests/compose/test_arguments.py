"""The command line answers a mistake with one sentence, before it starts a process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from compose.arguments import (
    BackupArguments,
    RestoreArguments,
    UpArguments,
    parse_backup,
    parse_down,
    parse_restore,
    parse_up,
)
from compose.errors import Misuse
from config.environment import ROOT
from tests.commands import manage


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], UpArguments()),
        (["--detach"], UpArguments(detach=True)),
        (["--port", "8080"], UpArguments(port=8080)),
        (["--port=8080", "--detach"], UpArguments(detach=True, port=8080)),
    ],
)
def test_up_understands(words: list[str], expected: UpArguments) -> None:
    assert parse_up(words) == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port"], "--port needs a number"),
        (["--port", "http"], "must be a number, and 'http' is none"),
        (["--port", "-1"], "must be a number"),
        (["--port", "٨٠٨٠"], "must be a number"),
        (["--port", "80"], "between 1024 and 65535, and 80 does not"),
        (["--port=65536"], "between 1024 and 65535"),
        (["--daemon"], "does not understand '--daemon'"),
    ],
)
def test_up_refuses(words: list[str], sentence: str) -> None:
    with pytest.raises(Misuse, match=sentence) as refusal:
        parse_up(words)
    assert refusal.value.status == 2


def test_down_takes_no_arguments() -> None:
    with pytest.raises(Misuse, match="takes no arguments"):
        parse_down(["now"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["up", "--port", "none"], "The port must be a number"),
        (["chekmigrations"], "Unknown command 'chekmigrations'"),
        (["dwon"], "did you mean `down`?"),
        ([], "Usage: python3 manage.py COMMAND"),
    ],
)
def test_misuse_is_one_sentence_and_status_2(words: list[str], sentence: str) -> None:
    done = manage(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_entry_can_be_read_by_old_pythons() -> None:
    top = (ROOT / "manage.py").read_text().partition("from compose")[0]
    assert "f'" not in top
    assert 'f"' not in top
    assert "annotations" not in top
    assert "->" not in top


def test_backup_and_restore_understand() -> None:
    here, key = Path("/b"), Path("/k")
    assert parse_backup(["/b"]) == BackupArguments(here, None)
    assert parse_backup(["--key", "/k", "/b"]) == BackupArguments(here, key)
    assert parse_restore(["/b", "--key=/k"]) == RestoreArguments(here, key, None, verify=False)
    noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
    for text in ("2026-11-30 12:00:00", "2026-11-30T13:00:00+01:00"):
        asked = parse_restore(["/b", "--key", "/k", "--to", text, "--verify"])
        assert asked == RestoreArguments(here, key, noon, verify=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["backup"], "`backup` needs one directory"),
        (["backup", "a", "b"], "`backup` needs one directory"),
        (["backup", "a", "--key"], "--key needs a value"),
        (["backup", "a", "--to", "now"], "does not understand '--to'"),
        (["restore", "a"], "needs the backup's key"),
        (["restore", "--key", "k"], "`restore` needs one directory"),
        (["restore", "a", "--key", "k", "--to", "noon"], "'noon' is no time"),
        (["restore", "a", "--key", "k", "--verify=yes"], "does not understand '--verify=yes'"),
    ],
)
def test_backup_and_restore_name_a_mistake(words: list[str], sentence: str) -> None:
    parse = {"backup": parse_backup, "restore": parse_restore}[words[0]]
    with pytest.raises(Misuse, match=sentence):
        parse(words[1:])
