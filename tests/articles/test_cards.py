"""The OpenGraph pictures: their size, a title of any length, and no figure."""

from __future__ import annotations

import struct

import pytest
import requests

from articles.card_drawing import ABOVE_A_FIGURE, ALONE, INNER, _fitted, _width, draw_card
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
