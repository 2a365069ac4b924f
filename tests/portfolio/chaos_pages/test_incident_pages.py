"""The page of an incident shows its verdict, timeline, probes and recovery times."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest

from chaos.experiments.experiment import Family
from chaos.experiments.incident import (
    IncidentDocument,
    Invariant,
    Mark,
    Offered,
    ProbeReading,
    read_incident,
)
from chaos.reports.recoveries import Recovery
from config.environment import ROOT
from portfolio.chaos_pages.content.incidents import invariants_in_order, probe_rows, verdict
from portfolio.chaos_pages.content.phases import stations
from portfolio.chaos_pages.content.strips import scale_of, strip_of
from portfolio.chaos_pages.content.timeline import bars, moments

RECORDED: Final = read_incident(
    (ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes()
)
VIOLATED: Final = Invariant("stock conserved", "fail", 6, "One product has one too many.")

NOTHING_ACCEPTED: Final = Offered(profile="steady", handed_in=9, accepted=0, refused=9)


def document(**changes: Any) -> IncidentDocument:
    return msgspec.structs.replace(RECORDED, **changes)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "passed"),  # a document from before there was a status
        ({"status": "passed"}, "passed"),
        ({"status": "passed", "passed": False}, "deviated"),
        ({"status": "passed", "deviations": ["redis was away, which nobody expected"]}, "deviated"),
        ({"status": "passed", "invariants": [VIOLATED]}, "deviated"),
        ({"status": "deviated", "passed": False}, "deviated"),
        ({"status": "aborted", "passed": False}, "aborted"),
        ({"status": "passed", "offered": NOTHING_ACCEPTED}, "not exercised"),
    ],
)
def test_it_is_never_said_to_have_passed_when_something_deviated(
    changes: dict[str, Any], word: str
) -> None:
    assert verdict(document(**changes)).word == word


def test_an_invariant_that_had_nothing_to_look_at_is_not_said_to_have_held() -> None:
    held, vacuous = Invariant("a", "ok", 3, "It is."), Invariant("b", "ok", 0, "It is.")
    undecided = Invariant("c", "info", 0, "Not known.", unknown=True)
    counted = Invariant("d", "info", 0, "None is in flight.")
    found = invariants_in_order(document(invariants=[held, vacuous, undecided, counted, VIOLATED]))
    assert [(row.invariant.name, row.word) for row in found] == [
        ("stock conserved", "violated"),
        ("c", "undecided"),
        ("a", ""),
        ("b", "not exercised"),
        ("d", ""),
    ]


def test_moments_count_from_the_injection() -> None:
    found = moments(RECORDED)
    assert [one.label for one in found][:2] == ["injected", "detected"]
    assert found[0].after == 0
    assert all(earlier.after <= later.after for earlier, later in pairwise(found))


def test_the_bracket_of_the_bar_ends_at_the_recovery() -> None:
    found = moments(RECORDED)
    recovered = next(one for one in found if one.label == "recovered")
    for bar in bars(found):
        ring = next(label for label in bar.labels if label.shape == "ring")
        assert bar.closed
        assert abs(bar.bracket_x + bar.bracket_width - ring.x) < 0.2
        assert 0 < recovered.after < found[-1].after


def test_a_bracket_without_a_recovery_stays_open_to_the_end() -> None:
    marks = [mark for mark in RECORDED.marks if mark.label != "recovered"]
    bar = bars(moments(document(marks=marks)))[0]
    assert not bar.closed
    assert abs(bar.bracket_x + bar.bracket_width - bar.labels[-1].x) < 0.2


def test_labels_of_the_bar_that_stand_in_one_row_do_not_touch() -> None:
    wide = bars(moments(RECORDED))[0]
    rows: dict[float, list[tuple[float, float]]] = {}
    for label in wide.labels:
        width = 6.9 * len(label.words)
        left = label.x - width if label.anchor == "end" else label.x
        rows.setdefault(label.y, []).append((left, left + width))
    for spans in rows.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(spans)))


def test_an_incident_without_a_second_moment_has_no_bar() -> None:
    assert bars(moments(document(marks=[Mark(RECORDED.began, "injected")]))) == ()
    assert bars(moments(document(marks=[]))) == ()


def test_a_probe_stands_in_one_row_with_what_went_wrong() -> None:
    def reading(when: Any, *, ok: bool, words: str) -> ProbeReading:
        return ProbeReading(
            at=RECORDED.began, when=when, probe="outboxes drain", ok=ok, words=words
        )

    [row] = probe_rows(
        [
            reading("before", ok=True, words="empty"),
            reading("during", ok=False, words="14 wait"),
            reading("during", ok=True, words="empty"),
        ]
    )
    before, during, after = row.cells
    assert before is not None
    assert during is not None
    assert (before.mark, during.mark, after) == ("committed", "failed", None)
    assert (during.held, during.asked, during.words) == (1, 2, "14 wait")


def test_the_line_shows_what_is_passed_what_is_here_and_what_is_ahead() -> None:
    standings = [station.standing for station in stations("recovering")]
    assert standings == ["passed", "passed", "passed", "here", "ahead", "ahead"]
    assert {station.standing for station in stations(None)} == {"ahead"}
    assert {station.standing for station in stations("ended")} == {"passed"}


def recovery(*values: float) -> Recovery:
    ordered = sorted(values)
    return Recovery(
        experiment="kill-redis",
        title="The cache is killed",
        family=Family.KILLS,
        runs=len(values),
        passed=len(values),
        median=ordered[len(ordered) // 2] if ordered else None,
        lower_quartile=None,
        upper_quartile=None,
        longest=max(values, default=None),
        values=values,
        aim=3.0,
    )


def test_every_run_has_its_tick_on_a_scale_that_all_fit_on() -> None:
    slow, fast = recovery(2.0, 11.0, 3.0), recovery(0.4)
    scale = scale_of([slow, fast])
    strip = strip_of(slow, scale)
    assert scale.end == 15
    assert len(strip.ticks) == 3
    assert all(scale.x(0) <= x <= scale.x(15) for x in strip.ticks)
    assert strip.median == scale.x(3.0)
    assert strip.words == "3 runs, from 2.0 s to 11.0 s; median 3.0 s."


def test_a_strip_without_a_recovery_says_so() -> None:
    strip = strip_of(recovery(), scale_of([recovery()]))
    assert (strip.ticks, strip.median, strip.words) == ((), None, "No run has recovered.")
