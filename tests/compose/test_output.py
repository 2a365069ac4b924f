"""A command replaces or drops output that a terminal cannot show, and keeps its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import ROOT
from tests.commands import manage

SAYS = """\
import sys
from compose.output import never_fail
never_fail()
print("\\u2713 done \\u2026 \\u201cwell\\u201d \\u2013 \\u6d88\\u606f")
for number in range(20_000):
    print("line", number)
print("and stderr \\u2013 too", file=sys.stderr)
sys.exit(7)
"""


def say(ending: str, **surroundings: str) -> subprocess.CompletedProcess[bytes]:
    command = f'"$0" -c "$1" {ending}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, SAYS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **surroundings},
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_a_terminal_that_knows_ascii_only_gets_stand_ins() -> None:
    said = say("", PYTHONIOENCODING="ascii")
    assert said.returncode == 7
    assert said.stdout.splitlines()[0] == b'+ done ... "well" - ??'
    assert said.stderr == b"and stderr - too\n"


def test_the_c_locale_is_no_error() -> None:
    said = say("", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert said.returncode == 7
    assert said.stdout.startswith(b"+ done ...")


@pytest.mark.parametrize("ending", [">&-", "2>&-", ">&- 2>&-", "> /dev/full", "2> /dev/full"])
def test_an_output_that_takes_nothing_changes_no_verdict(ending: str) -> None:
    assert say(ending).returncode == 7


def test_a_reader_that_has_seen_enough_changes_no_verdict() -> None:
    said = say("| head -1; exit ${PIPESTATUS[0]}")
    assert (said.returncode, said.stderr) == (7, b"and stderr \xe2\x80\x93 too\n")
    assert said.stdout == "✓ done … “well” – 消息\n".encode()


def test_a_command_has_the_same_verdict_in_ascii(tmp_path: Path) -> None:
    asked = manage("cluster", "status", PORTFOLIO_RUN_DIR=str(tmp_path), PYTHONIOENCODING="ascii")
    assert asked.returncode == 1
    assert "Traceback" not in asked.stderr
