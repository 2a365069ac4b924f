"""Pages of lists that grow, newest first, each page with the cursor of the next."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from ninja import Query

MOST: Final = 100
USUAL: Final = 20

Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.", examples=[USUAL])]
Cursor = Annotated[
    UUID, Query(description="`next` of the page before; without it the newest are answered.")
]
Row = TypeVar("Row", bound=Model)


def page_of(
    rows: QuerySet[Row, Any], limit: int, cursor: UUID | None
) -> tuple[list[Any], UUID | None]:
    """Return at most `limit` rows after `cursor`, and the cursor of the next page, if any.

    Ids are UUIDv7, so their order is the order of acceptance.
    """
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    found = list(rows.order_by("-pk")[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None
