"""The OpenGraph pictures have one size, fit a title of any length, and need no figure."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import requests

from articles.card_drawing import ABOVE_A_FIGURE, ALONE, INNER, _fitted, _width, draw_card
from articles.figures import picture
from articles.figures.registry import parse_reference
from articles.seeding import SEEDS, read_seed
from tests.articles.conftest import Written

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="100">'
    '<rect width="400" height="100"/></svg>'
)


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("figure", ["", SVG, "<svg", "not a drawing"])
def test_a_picture_has_the_size_that_previews_ask_for(figure: str) -> None:
    drawn = draw_card(title="A & <b>", meta="14 Nov 2026", site="Working timetable", figure=figure)
    assert size(drawn) == (1200, 630)


def test_a_figure_is_drawn() -> None:
    def drawn(figure: str) -> bytes:
        return draw_card(title="A title", meta="", site="A site", figure=figure)

    assert drawn(SVG) != drawn("")


def test_the_same_picture_is_drawn_each_time() -> None:
    pictures = {draw_card(title="A title", meta="a", site="b", figure=SVG) for _ in range(2)}
    assert len(pictures) == 1


@pytest.mark.parametrize("sizes", [ALONE, ABOVE_A_FIGURE])
@pytest.mark.parametrize(
    "title",
    ["Short", "What a saga does when the ledger disappears", "many words " * 40, "W" * 300, ""],
)
def test_a_title_of_any_length_stays_within_the_picture(
    title: str, sizes: tuple[tuple[int, int], ...]
) -> None:
    chosen, lines = _fitted(title, sizes)
    assert 1 <= len(lines) <= dict(sizes)[chosen]
    assert max(_width(line, chosen) for line in lines) <= INNER


@pytest.mark.platform
@pytest.mark.parametrize("path", ["/card.png", "/articles/test-first/card.png"])
def test_pictures_are_served_and_kept(written: Written, path: str) -> None:
    answer = requests.get(f"{written.url}{path}", timeout=20)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert size(answer.content) == (1200, 630)
    again = requests.get(
        f"{written.url}{path}", headers={"If-None-Match": answer.headers["ETag"]}, timeout=20
    )
    assert again.status_code == 304


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.md")), ids=lambda path: path.stem)
def test_every_article_names_a_figure_that_there_is(path: Path) -> None:
    figure, _options = parse_reference(read_seed(path).fields.figure or "")
    assert callable(figure.load("picture"))


def test_the_recorded_incident_of_an_article_is_drawn_on_its_picture() -> None:
    reference = read_seed(SEEDS / "when-the-broker-dies.md").fields.figure or ""
    figure = picture(reference) or ""
    assert figure.startswith("<svg")
    bare = draw_card(title="When the broker dies", meta="", site="A site")
    assert draw_card(title="When the broker dies", meta="", site="A site", figure=figure) != bare


@pytest.mark.parametrize("reference", ["incident", "no-such-figure"])
def test_a_figure_that_there_is_not_is_logged(
    reference: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert picture(reference) is None
    assert f"there is no figure “{reference}” for a picture" in caplog.text


def test_a_drawing_that_cannot_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    draw_card(title="A title", meta="", site="A site", figure="<svg")
    assert "could not be put on a picture" in caplog.text
