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

# PostgreSQL puts these private-use characters around a found word. Only they become
# markup, after all other text has been escaped.
BEGIN: Final = "\ue000"
END: Final = "\ue001"
# Characters that neither PostgreSQL nor a page can hold.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ue000\ue001]+")

# A word of these characters alone means nothing. Each hyphen before a word negates it once
# more, until PostgreSQL's stack is too small.
OPERATORS: Final = re.compile(r'(?<!\S)[^\w\s"]+(?!\S)')
HYPHENS: Final = re.compile(r"-{2,}")

# Weights of D, C, B and A: the text, the summary, the title.
WEIGHTS: Final = [0.1, 0.3, 0.6, 1.0]


@dataclass(frozen=True)
class Found:
    """One article, with the matched words marked in its title and in excerpts of its text."""

    article: Article
    title: SafeString
    excerpt: SafeString


class UnclearQuery(ValueError):
    """PostgreSQL cannot parse the query. The message says so in one sentence."""

    def __init__(self) -> None:
        super().__init__("This cannot be searched for as it is written. A few words are enough.")


def tidy(query: str) -> str:
    """Return the query in one line, without control characters."""
    return " ".join(CONTROL.sub(" ", query).split())


def asks_for_nothing(query: str) -> bool:
    """Return whether the query has nothing to search for, as when it has stop words alone.

    Raises UnclearQuery when PostgreSQL cannot parse it.
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
    """Return the visible articles that match, best first.

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
            # 1: a long text matches more words, which does not make it better.
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
    """Return the query without operators that belong to no word."""
    return HYPHENS.sub("-", OPERATORS.sub(" ", query))


def _found(row: Any) -> Found:
    """Return an article with the two annotations of `search_articles`."""
    return Found(
        article=row,
        title=_marked(row.marked_title),
        excerpt=_marked(" ".join(row.marked_text.split())),
    )


def _marked(text: str) -> SafeString:
    """Return the text escaped, then with <mark> for PostgreSQL's two characters.

    The two characters always come in pairs.
    """
    safe = escape(text).replace(BEGIN, "<mark>").replace(END, "</mark>")
    return mark_safe(safe)  # noqa: S308  # escaped in the line above
