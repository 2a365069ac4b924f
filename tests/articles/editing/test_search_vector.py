"""PostgreSQL computes the search vector anew with every write of the row."""

from __future__ import annotations

import random
import string

import pytest
from django.contrib.postgres.search import SearchQuery

from articles.models import Article

pytestmark = pytest.mark.platform


def found(word: str) -> list[str]:
    query = SearchQuery(word, config="english")
    return list(Article.objects.filter(search=query).values_list("slug", flat=True))


def test_title_summary_and_text_are_found(site: None) -> None:
    Article.objects.create(
        slug="test-vector", title="Zorilla", summary="Quolls sleep.", body="## x\n\nA *dhole*.\n"
    )
    for word in ("zorilla", "quoll", "dholes"):
        assert found(word) == ["test-vector"]
    Article.objects.filter(slug="test-vector").update(title="Nothing")
    assert found("zorilla") == []


def test_the_longest_article_of_the_most_different_words_can_be_stored(site: None) -> None:
    source = random.Random(1)
    words = (
        "".join(source.choices(string.ascii_lowercase, k=source.randint(3, 6)))
        for _ in range(72_000)
    )
    body = "\n\n".join(" ".join(next(words) for _ in range(500)) for _ in range(144))
    article = Article.objects.create(slug="test-vector-long", title="Long", body=body)
    assert article.problems == []
