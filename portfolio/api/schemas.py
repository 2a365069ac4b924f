"""What several resources share in what they take and give."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field


def _whole(number: object) -> object:
    """JSON Schema calls 716.0 an integer; pydantic's strict mode does not."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


# Of a whole number in a body, however it is written; after its bounds, or the schema loses them.
WHOLE = BeforeValidator(_whole)
Pence = Annotated[int, Field(description="Pence.", examples=[1250])]
# From JSON: a string, which pydantic's strict mode would refuse.
JsonUUID = Annotated[UUID, Field(strict=False)]


class Asked(Schema):
    """A body: every member as declared, and none beyond."""

    model_config = ConfigDict(strict=True, extra="forbid")
