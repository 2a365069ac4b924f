"""The AsyncAPI document, to which the `dataschema` of every message points."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from cluster.messaging import asyncapi as contracts
from cluster.services import load_all

# A copy may be stored, and is validated at each use: the document changes only at a restart.
CACHING: Final = "public, no-cache"


@cache
def document() -> bytes:
    """Return the document as JSON, made once in a process, since the registry is constant."""
    return msgspec.json.format(msgspec.json.encode(contracts.document(load_all())), indent=1)


@cache
def entity_tag() -> str:
    """Return the document's strong validator (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(document()).hexdigest()[:32]}"'


def _entity_tag(_request: HttpRequest) -> str:
    return entity_tag()


@require_safe
@condition(etag_func=_entity_tag)
def asyncapi(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        document(), content_type="application/json", headers={"Cache-Control": CACHING}
    )
