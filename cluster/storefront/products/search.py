"""Finding products: full text and beginnings of words, in the events' names and SKUs.

Source: https://www.postgresql.org/docs/current/textsearch-controls.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.models import BooleanField, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from cluster.storefront.models import Product

MOST_WORDS: Final = 8
WORD: Final = re.compile(r"[^\W_]+")

# The same expression as the index (migration 0008), where each part of an SKU counts as a word.
TEXT: Final = "to_tsvector('english', product.name || ' ' || replace(product.sku, '-', ' '))"
FOUND: Final = f"{TEXT} @@ to_tsquery('english', %s)"
RANK: Final = f"ts_rank({TEXT}, to_tsquery('english', %s))"


def found_in(products: QuerySet[Product, Any], words: str) -> QuerySet[Product, Any]:
    """Return the products in which every given word begins a word, best first."""
    parts = [f"{word}:*" for word in WORD.findall(words)[:MOST_WORDS]]
    if not parts:
        return products.none()
    query = [" & ".join(parts)]
    return products.filter(RawSQL(FOUND, query, output_field=BooleanField())).order_by(  # noqa: S611  # no visitor's words in the SQL
        RawSQL(RANK, query, output_field=FloatField()).desc(),  # noqa: S611
        "sku",
    )
