"""The status strip shows the state of the cluster, or that the state is unknown."""

from __future__ import annotations

import pytest

from cluster.kit import status_strip as strip_module
from cluster.kit.status_strip import AWAY, duration, strip
from tests.observed import snapshot


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600 * 4 + 60 * 12, "4 h 12 min"),
        (86400 * 3 + 3600 * 4 + 59, "3 d 4 h"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_without_the_observer_the_state_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_module, "latest", lambda: None)
    shown = strip()
    assert (shown.state, shown.words, shown.uptime) == ("unknown", AWAY, "")


def test_it_repeats_what_the_observer_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    words, since = "worker-orders is stopped.", "2026-11-22T09:00:00.000+00:00"
    seen = snapshot(state="degraded", words=words, up_since=since)
    monkeypatch.setattr(strip_module, "latest", lambda: seen)
    shown = strip()
    assert (shown.state, shown.words) == ("degraded", words)
    assert (shown.uptime, f"{shown.at:%H:%M:%S}") == ("1 h 0 min", "10:00:00")
