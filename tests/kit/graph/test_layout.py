"""The layout puts marks on their rails, keeps labels apart, and leaves idle time out."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cluster.kit.graph.layout import Flag, Frame, Scene, place
from cluster.kit.graph.model import Outage, Traffic, read_traffic
from cluster.kit.graph.rails import RAILS, y_of
from cluster.kit.graph.scale import Break, Scale, grid, idle_breaks, seconds
from cluster.kit.graph.svg import SHAPES
from cluster.storefront.events import Mark
from tests.kit.graph.checkouts import DECLINED, GOOD, events


def frame(at: int = 3000, pixels: float = 0.08, **rest: Any) -> Frame:
    wanted: dict[str, Any] = {
        "scale": Scale(0, pixels),
        "begins": 0,
        "ends": 12_000,
        "width": 1004.0,
    } | rest
    return Frame(at=at, **wanted)


def traffic(*sagas: str, every: int = 0) -> Traffic:
    drawn = []
    for n, saga in enumerate(sagas):
        drawn += events(*((at + n * every, code, type_) for at, code, type_ in GOOD), saga=saga)
    return read_traffic(drawn)


def scene(at: int = 3000, **rest: Any) -> Scene:
    return place(read_traffic(events(*GOOD)), [], frame(at, **rest))


def test_the_rails_lie_in_the_order_in_which_a_good_checkout_runs() -> None:
    heights = [y_of(code) for code in RAILS]
    assert heights == sorted(heights)
    [trace] = scene().traces
    downward = [mark.y for mark in trace.marks if mark.size == 1]
    assert downward == [y_of(code) for code in ("IDN", "CAT", "PAY", "ORD", "PAY", "CHK")]


def test_a_scene_shows_nothing_of_what_came_after_its_moment() -> None:
    [trace] = scene(at=1400).traces
    assert [mark.mark for mark in trace.marks] == ["in-flight", "committed", "committed"]
    assert trace.outcome == "running"


def test_what_is_under_way_ends_at_the_moment_on_the_rail_it_runs_to() -> None:
    [trace] = scene(at=1400).traces
    assert (trace.marks[0].x, trace.marks[0].y) == (112.0, y_of("PAY"))
    assert trace.paths[0].d.endswith(f"L112 {y_of('PAY')}")


def test_each_style_of_a_trace_is_one_path() -> None:
    [trace] = place(read_traffic(events(*DECLINED)), [], frame()).traces
    assert [path.style for path in trace.paths] == ["solid", "dashed"]


def test_headcodes_do_not_touch_and_the_first_of_a_crowd_is_told() -> None:
    labels = [t.label for t in place(traffic(*"abcd", every=200), [], frame()).traces]
    assert [label is not None for label in labels] == [True, False, False, True]


def test_marks_are_smaller_where_a_second_has_few_pixels() -> None:
    [dense] = scene(pixels=0.016).traces
    assert {mark.size for mark in dense.marks} == {0.7, 0.45}


def away(began: int = 1100, ended: int | None = 2500, process: str = "worker-payments") -> Outage:
    return Outage(process, process, "PAY", "killed by signal 9", began, ended)


def test_an_outage_grows_until_it_is_over_and_then_says_how_long_it_was() -> None:
    going = place(traffic("a"), [away()], frame(2000)).brackets[0]
    over = place(traffic("a"), [away()], frame(3000)).brackets[0]
    assert (going.closed, going.width, going.recovery) == (False, 72.0, None)
    assert (over.closed, over.width) == (True, 112.0)
    assert over.recovery is not None
    assert over.recovery.text == "recovered +1.4 s"


def test_an_outage_that_began_before_the_view_is_labelled_at_its_edge() -> None:
    [bracket] = place(traffic("a"), [away(began=-90_000)], frame()).brackets
    assert bracket.cause is not None
    assert bracket.cause.x == 6.0


def test_two_outages_of_one_rail_are_labelled_below_one_another() -> None:
    spans = [away(), away(began=1200, process="relay-payments")]
    ys = [b.cause.y for b in place(traffic("a"), spans, frame()).brackets if b.cause]
    assert len(set(ys)) == 2


def test_a_third_outage_in_the_same_place_has_its_bracket_and_no_label() -> None:
    spans = [away(began=1100 + n * 10, process=f"p{n}") for n in range(3)]
    brackets = place(traffic("a"), spans, frame()).brackets
    assert [bracket.cause is not None for bracket in brackets] == [True, True, False]


def test_flags_that_are_near_one_another_take_rows_of_their_own() -> None:
    flags = [
        Flag(at, label)
        for at, label in ((1000, "injected"), (1200, "detected"), (1400, "first success"))
    ]
    placed = place(traffic("a"), [], frame(5000, top=46), [*flags, Flag(4000, "drained")]).flags
    assert [flag.y for flag in placed] == [11, 25, 39, 11]


def test_a_flag_for_which_no_row_is_free_has_its_line_and_no_words() -> None:
    flags = [Flag(1000 + 50 * n, "recovered") for n in range(4)]
    placed = place(traffic("a"), [], frame(5000, top=46), flags).flags
    assert [flag.text for flag in placed] == ["recovered"] * 3 + [""]


def test_what_the_left_edge_would_cut_in_two_is_not_written() -> None:
    shown = frame(3000, begins=1010, scale=Scale(1010, 0.16))
    [trace] = place(traffic("a"), [], shown).traces
    times = [line for line in place(traffic("a"), [], shown).grid if line.strong]
    assert trace.label is None
    assert [bool(line.label) for line in times if line.x < 400] == [True, True]
    cut = frame(3000, begins=1990, scale=Scale(1990, 0.16))
    assert [line.label for line in place(traffic("a"), [], cut).grid if line.x < 20] == [""]


def test_idle_time_is_left_out_but_never_that_of_an_outage() -> None:
    moments = [0, 1000, 9000, 10_000, 20_000]
    assert idle_breaks(moments) == (Break(1500, 8500), Break(10_500, 19_500))
    assert idle_breaks(moments, busy=[(12_000, 13_000)]) == (Break(1500, 8500),)


def test_a_scale_passes_over_what_is_left_out() -> None:
    scale = Scale(0, 0.1, (Break(1500, 8500),))
    assert [scale.x(at) for at in (1000, 1500, 5000, 8500, 9000)] == [100, 150, 150, 150, 200]


@pytest.mark.parametrize("pixels", [4.0, 0.24, 0.08, 0.016, 0.001])
@pytest.mark.parametrize("width", [312.0, 1004.0])
def test_times_below_the_graph_never_run_into_one_another(pixels: float, width: float) -> None:
    ends = round(width / pixels)
    lines = grid(Scale(0, pixels), begins=0, ends=ends, width=width, counted_from=None, now=None)
    labelled = [line.x for line in lines if line.label]
    gaps = [after - before for before, after in itertools.pairwise(labelled)]
    assert all(gap >= 60 for gap in gaps)
    assert len(lines) < width / 8


def test_durations_are_told_as_people_would() -> None:
    assert [seconds(n) for n in (7, 999, 1000, 11_449)] == ["7 ms", "999 ms", "1.0 s", "11.4 s"]


def test_every_mark_has_a_shape_of_its_own() -> None:
    assert set(SHAPES) == set(Mark)
    assert len({*SHAPES.values()}) == len(Mark)
