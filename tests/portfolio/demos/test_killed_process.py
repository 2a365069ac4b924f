"""The demo kills its process at the moment that the process names."""

from __future__ import annotations

import os
import signal

import pytest

from portfolio.demos.killed_process import EndedTooSoon, kill_after_line

SPEAKER = "tests.portfolio.demos.speaker"


def test_it_is_killed_for_good_once_it_has_said_the_word() -> None:
    death = kill_after_line("committed", module=SPEAKER, asked="committed")

    assert death.signal == signal.SIGKILL
    assert death.words == "SIGKILL (9)"
    with pytest.raises(ProcessLookupError):
        os.kill(death.pid, 0)


def test_one_that_ends_before_it_is_told_in_words() -> None:
    with pytest.raises(EndedTooSoon, match="could not reach"):
        kill_after_line("committed", module="tests.portfolio.demos.no_such_module", asked="")
