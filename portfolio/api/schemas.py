"""Types that the bodies and answers of several resources share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field


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
