"""What several resources share in what they take and give."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

Pence = Annotated[int, Field(description="Pence.", examples=[1250])]
# From JSON: a string, which pydantic's strict mode would refuse.
JsonUUID = Annotated[UUID, Field(strict=False)]


class Asked(Schema):
    """A body: every member as declared, and none beyond."""

    model_config = ConfigDict(strict=True, extra="forbid")
