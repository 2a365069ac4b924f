"""Search over the write-ups, by PostgreSQL's full text, with the words found marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank
from django.db import Error, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Left
from django.utils.safestring import SafeString, mark_safe

from articles.models import SEARCHED_LENGTH, Article
from articles.queries import LISTED
from cluster.secrets.postgres import is_outage

CONFIGURATION: Final = "english"
LONGEST_QUERY: Final = 200  # characters
MOST_FOUND: Final = 20

# Private-use characters around a found word: PostgreSQL sets them, and only they become
# markup, after everything else has been escaped.
BEGIN: Final = "\ue000"
END: Final = "\ue001"
# Neither PostgreSQL nor a page can write these.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ue000\ue001]+")

# A word of these alone says nothing. Each hyphen before a word negates it once more, until
# PostgreSQL's stack is too small.
OPERATORS: Final = re.compile(r'(?<!\S)[^\w\s"]+(?!\S)')
HYPHENS: Final = re.compile(r"-{2,}")

# Weights of D, C, B and A: the text, the summary, the title.
WEIGHTS: Final = [0.1, 0.3, 0.6, 1.0]


@dataclass(frozen=True)
class Found:
    """One article, with its title and the places in its text where the words were found."""

    article: Article
    title: SafeString
    excerpt: SafeString


class UnclearQuery(ValueError):
    """PostgreSQL makes no query of what was typed; the message says so in one sentence."""

    def __init__(self) -> None:
        super().__init__("This cannot be searched for as it is written. A few words are enough.")


def tidy(query: str) -> str:
    """What was typed, in one line and without characters that mean nothing."""
    return " ".join(CONTROL.sub(" ", query).split())


def asks_for_nothing(query: str) -> bool:
    """Whether nothing is left of the query: only words that stand in every text.

    Raises UnclearQuery for what cannot be searched for.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT numnode(websearch_to_tsquery(%s::regconfig, %s))",
                [CONFIGURATION, _asked(query)],
            )
            return bool(cursor.fetchone()[0] == 0)
    except Error as error:
        if is_outage(error):
            raise
        raise UnclearQuery from error


def search_articles(query: str) -> list[Found]:
    """The visible articles that match, best first.

    The query is written as for a search engine: words, "a phrase", or, -without.
    """
    asked = SearchQuery(_asked(query), search_type="websearch", config=CONFIGURATION)
    marks: dict[str, Any] = {
        "config": CONFIGURATION,
        "start_sel": BEGIN,
        "stop_sel": END,
    }
    found = (
        Article.objects.visible()
        .filter(search=asked)
        .only(*LISTED)
        .annotate(
            # 1: long texts have more words to match, and are not better for it.
            rank=SearchRank(F("search"), asked, weights=WEIGHTS, normalization=Value(1)),
            marked_title=SearchHeadline("title", asked, highlight_all=True, **marks),
            marked_text=SearchHeadline(
                Left("text", SEARCHED_LENGTH),
                asked,
                max_words=28,
                min_words=14,
                max_fragments=2,
                fragment_delimiter=" … ",
                **marks,
            ),
        )
        .order_by("-rank", "-published_at")[:MOST_FOUND]
    )
    return [_found(each) for each in found]


def _asked(query: str) -> str:
    """The query without operators that belong to no word."""
    return HYPHENS.sub("-", OPERATORS.sub(" ", query))


def _found(row: Any) -> Found:
    """An article with the two annotations of `search_articles`."""
    return Found(
        article=row,
        title=_marked(row.marked_title),
        excerpt=_marked(" ".join(row.marked_text.split())),
    )


def _marked(text: str) -> SafeString:
    """Escaped, then with marks for PostgreSQL's two characters, which always come in pairs."""
    safe = escape(text).replace(BEGIN, "<mark>").replace(END, "</mark>")
    return mark_safe(safe)  # noqa: S308  # escaped in the line above
