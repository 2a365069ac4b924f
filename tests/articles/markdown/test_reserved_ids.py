"""No heading of an article takes an id that the page around it has."""

from __future__ import annotations

import re
from typing import Final

import pytest

from articles.markdown import render
from articles.markdown.headings import PAGE_IDS
from config.environment import ROOT

AROUND: Final = (
    "cluster/kit/templates/kit/layout.html",
    "cluster/kit/templates/kit/shell/navigation.html",
    "cluster/kit/templates/kit/shell/strip.html",
    "cluster/kit/templates/kit/marks.html",
    "cluster/kit/static/kit/palette.js",
    "articles/templates/articles/article.html",
    "articles/templates/articles/contents.html",
    "articles/templates/articles/meta_line.html",
)
ID: Final = re.compile(r'\bid="([a-z][\w-]*)"')


def test_every_id_of_the_page_is_reserved() -> None:
    written = {name for path in AROUND for name in ID.findall((ROOT / path).read_text("utf-8"))}
    assert written == PAGE_IDS


@pytest.mark.parametrize("name", sorted(PAGE_IDS))
def test_a_heading_of_these_words_gets_another_id(name: str) -> None:
    [entry] = render(f"## {name.replace('-', ' ')}\n\nText.\n").toc
    assert entry["id"] == f"{name}-section"


@pytest.mark.parametrize("name", ["top", "related", "changed", "in-series", "page-cache"])
def test_a_heading_keeps_the_id_of_its_words_otherwise(name: str) -> None:
    [entry] = render(f"## {name.replace('-', ' ')}\n\nText.\n").toc
    assert entry["id"] == name
