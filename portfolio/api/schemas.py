"""Types that several resources share, and the pages of their lists, newest first."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from ninja import Query, Schema
from pydantic import BeforeValidator, ConfigDict, Field

MOST: Final = 100
USUAL: Final = 20

Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.", examples=[USUAL])]
Cursor = Annotated[
    UUID, Query(description="`next` of the page before; without it the newest are answered.")
]
STORABLE: Final = r"^[^\x00]*$"  # what the parser of bodies accepts; see `body`
Text = Annotated[str, Field(pattern=STORABLE)]
Row = TypeVar("Row", bound=Model)
Filled = TypeVar("Filled", bound=Schema)


def _whole(number: object) -> object:
    """Return a whole float such as 716.0 as an int, any other value unchanged.

    JSON Schema calls 716.0 an integer, and pydantic's strict mode does not.
    """
    return int(number) if isinstance(number, float) and number.is_integer() else number


# For whole numbers in a body. It must come after the bounds, or the schema loses them.
WHOLE = BeforeValidator(_whole)
Pence = Annotated[int, Field(description="Pence.", examples=[1250])]
# In JSON a UUID is a string, which pydantic's strict mode would refuse.
JsonUUID = Annotated[UUID, Field(strict=False)]


class Asked(Schema):
    """A request body with members of the declared types and no other members."""

    model_config = ConfigDict(strict=True, extra="forbid")


def filled(schema: type[Filled], row: object, **given: Any) -> Filled:
    """Return the schema from the attributes of a row that have its names, and from `given`."""
    names = schema.model_fields.keys() - given.keys()
    return schema(**{name: getattr(row, name) for name in names}, **given)


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
