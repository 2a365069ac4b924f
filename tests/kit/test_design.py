"""The design tokens keep the contrasts that they promise, and /design/ shows the real values."""

from __future__ import annotations

import string

import pytest

from cluster.kit.design.tokens import PURPOSES, Token, contrast, lengths, tokens
from cluster.kit.design.typefaces import faces


def test_contrast_is_what_wcag_defines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == pytest.approx(1)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("token", tokens(), ids=lambda token: token.name)
def test_a_colour_can_be_read_on_every_ground_in_both_themes(token: Token) -> None:
    assert token.holds, f"{token.least_light:.2f} light, {token.least_dark:.2f} dark"


def test_every_colour_has_a_purpose() -> None:
    assert {token.name for token in tokens()} == set(PURPOSES)


def test_the_sizes_are_those_of_the_sheet_and_not_of_the_phone() -> None:
    assert dict(lengths())["body-size"] == "1.1875rem"
    assert list(dict(lengths())) == ["body-size", "small-size", "measure", "page", "unit"]


def test_the_faces_have_every_letter_that_the_pages_need() -> None:
    needed = {*string.printable.strip(), *"×–—‘’“”…·£≤≥µ±−½¼éüñçß"}
    texts = [face for face in faces() if face.family != "Arrows"]
    assert {face.family for face in texts} == {"Literata", "Barlow Condensed", "DM Mono"}
    for face in texts:
        assert needed <= face.characters, face
    assert [face.characters for face in faces() if face.family == "Arrows"] == [set("←↑→↓")]
