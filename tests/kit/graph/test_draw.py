"""Drawings are well-formed SVG with a description in words, and with a style where needed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from cluster.kit.graph import figures
from cluster.kit.graph.draw import Theme, incident_svg, one_saga, picture_style, recording, whole
from cluster.kit.graph.model import GraphEvent
from tests.kit.graph.checkouts import DECLINED, GOOD, events
from tests.outages import outage

EVENTS: Final = json.loads((Path(__file__).parent / "events.json").read_text())
SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def incident() -> dict[str, Any]:
    """A stretch of a real journal, with an outage that was made up for the drawing."""
    rest = {
        "detail": "",
        "id": "01a205a1-5cd4-73cd-b438-064754f7c7c5",
        "subject": "",
        "sequence": 1,
    }
    return {
        "title": "Payments killed & brought back",
        "began": "2026-11-22T23:39:49.000Z",
        "ended": "2026-11-22T23:40:12.000Z",
        "events": [event | rest for event in EVENTS],
        "outages": [
            {"id": "a", "process": "worker-payments", "service": "payments",
             "cause": "killed by <signal 9>", "began": "2026-11-22T23:39:53.400Z",
             "ended": "2026-11-22T23:39:58.020Z"},
        ],
        "marks": [{"at": "2026-11-22T23:39:53.400Z", "label": "injected"}],
    }  # fmt: skip


def test_a_recording_says_in_words_what_happened(incident: dict[str, Any]) -> None:
    words = whole(recording(incident)).words
    assert words == (
        "9 checkouts in this recording: 6 completed, 2 compensated, 1 in flight. "
        "worker-payments was away for 4.6 s: killed by <signal 9>."
    )


def test_the_idle_end_of_a_recording_is_left_out(incident: dict[str, Any]) -> None:
    drawing = whole(recording(incident))
    assert [gap.text for gap in drawing.scene.breaks] == ["9.3 s left out"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_is_one_whole_svg_that_needs_nothing_else(
    incident: dict[str, Any], theme: Theme
) -> None:
    picture = ET.fromstring(incident_svg(incident, theme=theme))
    assert picture.tag == f"{SVG}svg"
    assert picture.findtext(f"{SVG}title", "").endswith("Payments killed & brought back")
    style = picture.findtext(f"{SVG}style", "")
    assert "var(" not in style
    assert "light-dark" not in style


def test_the_two_themes_have_colours_of_their_own() -> None:
    assert "#0f6e4f" in picture_style("light")
    assert "#5fd1a6" in picture_style("dark")


def test_what_a_process_is_called_cannot_break_the_drawing(incident: dict[str, Any]) -> None:
    assert "killed by &lt;signal 9&gt;" in whole(recording(incident)).html(key="one")


def test_the_ids_of_a_drawing_are_its_own(incident: dict[str, Any]) -> None:
    html = "".join(whole(recording(incident)).html(key=key) for key in ("one", "two"))
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("known", [True, False])
def test_a_figure_of_a_recording_carries_its_data_as_tables_and_links_what_is_known(
    incident: dict[str, Any], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "knows", lambda _saga: known)
    figure = figures.incident_figure(incident)
    assert ('href="/sagas/' in figure) is known
    assert (" unlinked>" in figure) is not known
    assert '<th scope="col">PAY</th>' in figure
    assert "killed by &lt;signal 9&gt;</td>" in figure
    assert 'type="application/json"' in figure


@pytest.mark.parametrize("steps", [GOOD, DECLINED])
def test_the_verbs_of_one_saga_stand_beside_its_marks(
    steps: tuple[tuple[int, str, str], ...],
) -> None:
    drawing = one_saga(events(*steps))
    said = [words.text for words in drawing.scene.said]
    assert sorted(said) == sorted(stop.verb for stop in drawing.traffic.journeys[0].stops)


def test_a_saga_of_which_nothing_is_known_is_an_empty_graph_and_says_so() -> None:
    assert one_saga([]).words == "The journal holds nothing of this saga."


def test_without_the_journal_a_figure_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_span: object) -> list[GraphEvent]:
        raise outage()

    monkeypatch.setattr(figures, "latest_entries", away)
    assert "The journal cannot be read at this moment" in figures.live_figure()
