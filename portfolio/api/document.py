"""The OpenAPI 3.1 document, made from the types and the rules common to all operations."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from cluster.kit.problems import PROBLEM_JSON
from portfolio.api.describe import ERRORS, LIMITED, PERSONAL
from portfolio.api.problems import PROBLEM_TYPES

# A copy may be stored, and is validated at each use: the document changes only at a restart.
CACHING: Final = "public, no-cache"
# Of every operation.
COMMON: Final = (406, 500, 503)
# Of every operation that takes a body.
WITH_BODY: Final = (400, 403, 413, 415, 422)
METHODS: Final = ("get", "put", "post", "delete", "patch")

DESCRIPTION: Final = """
The API of a shop whose five services coordinate by messages. What is asked for is **accepted**
(202) with its command in one transaction of one database, and carried out by the services;
`GET` at the `Location` tells how it stands, and the event stream tells it as it happens.

**Who you are.** Everything belongs to a visitor: the one of your bearer token, or of your
browser's session, which is made at the first need. Nobody sees what another visitor owns.

**Errors** are problem documents (RFC 9457). **Idempotency-Key** follows
draft-ietf-httpapi-idempotency-key-header, **RateLimit** fields follow
draft-ietf-httpapi-ratelimit-headers, and a valid W3C `traceparent` becomes the trace of
whatever the request starts. Money is in pence. The page `/api/` is the same for people.
""".strip()

TAGS: Final = (
    ("Products", "What is for sale, and products of your own."),
    ("Checkouts", "Begin a purchase, and follow its saga across five services."),
    ("Orders", "What orders has confirmed."),
    ("Payments", "What payments has authorised, captured and given back; its ledger."),
    ("Refunds", "Give an order back: money, stock and limit."),
    ("Erasures", "Be forgotten by every service."),
    ("Tokens", "For programs that keep no cookies: issued, exchanged, revoked."),
    ("Traces", "The spans of a saga, hop by hop."),
    ("Demos", "Each pattern, run for you on the live cluster."),
    ("Search", "The site's pages and articles."),
    ("System", "Whether the site answers and can serve."),
)

SECURITY: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of this site; its visitor is who acts.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The signed session of a browser, made at the first need.",
    },
}

PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document, RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "`about:blank`, or the address of the type's explanation.",
            "examples": ["about:blank", *(kind.uri for kind in PROBLEM_TYPES)],
        },
        "title": {"type": "string", "description": "The same for all problems of a type."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong this time."},
        "instance": {"type": "string", "description": "The path that was asked."},
        "errors": {
            "type": "array",
            "description": "Of an invalid request: each field, and what is wrong with it.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON Pointer into the body."},
                    "parameter": {"type": "string", "description": "A parameter's name."},
                    "detail": {"type": "string"},
                },
            },
        },
        "current": {"type": "object", "description": "Of a lost update: what there is now."},
    },
}

MEANINGS: Final = {
    304: "You have it: the entity tag of If-None-Match is the current one.",
    400: "The body is not JSON, or a field that is needed is missing or malformed.",
    401: "The bearer token is not valid.",
    403: "A page of another site made a browser send this.",
    404: "There is none, or it belongs to somebody else.",
    406: "The client accepts no JSON.",
    409: "The first request with this Idempotency-Key is under way.",
    412: "It has changed meanwhile: the entity tag of If-Match is not the current one.",
    413: "The body is too large.",
    415: "The body is not sent as application/json.",
    422: "The request could be read, and what it asks for is not valid.",
    428: "This operation needs If-Match.",
    429: "The quota is used up, see Retry-After.",
    500: "Something broke; it has been logged.",
    503: "A part that this needs is away, or too much is under way; see Retry-After.",
}

SUCCESSES: Final = {
    200: "Found.",
    201: "Made.",
    202: "Accepted, with its command in the same transaction.",
    204: "Done.",
}

HEADERS: Final = {
    "Location": ("The new resource.", {"type": "string", "format": "uri-reference"}),
    "ETag": ("The entity tag, for If-None-Match and If-Match.", {"type": "string"}),
    "Retry-After": ("Seconds until it is worth asking again.", {"type": "integer"}),
    "Allow": ("The methods that are possible.", {"type": "string"}),
    "WWW-Authenticate": ("How to say who acts (RFC 6750).", {"type": "string"}),
    "RateLimit-Policy": ("The quota: `q` requests in `w` seconds.", {"type": "string"}),
    "RateLimit": ("What is left: `r` requests, anew in `t` seconds.", {"type": "string"}),
    "traceparent": ("The trace of what was started, or the caller's.", {"type": "string"}),
    "Cache-Status": ("Whether it is a copy (RFC 9211).", {"type": "string"}),
    "Idempotent-Replayed": ("`true` on a repeated answer.", {"type": "string"}),
}
HEADERS_OF: Final = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

# A quoted string of at least one character that is no blank, or the same without quotes.
KEY: Final = r'^([!#-~][!-~]*|"[ !#-\[\]-~]*[!#-\[\]-~][ !#-\[\]-~]*")$'

PARAMETERS: Final = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "A name of your choice for this one deed, best a UUID. However often it "
        "is sent, it is done once, and each answer is the first. Kept for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY},
        "example": "0b5f7a86-36a2-4a2c-9f0e-6f1f2d6b7a11",
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of the copy you have.",
        "schema": {"type": "string"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of the version that you have seen; without it you get a 428.",
        "schema": {"type": "string"},
        "example": '"1"',
    },
    "Traceparent": {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "description": "W3C Trace Context: the trace that this becomes a part of.",
        "schema": {"type": "string"},
        "example": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
}


@cache
def document() -> dict[str, Any]:
    """Return the document, made once in a process, since the operations do not change."""
    from portfolio.api.api import api  # it imports the operations, which import models

    drawn = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/")))
    for item in drawn["paths"].values():
        for method in METHODS:
            if method in item:
                _complete(method, item[method])
    used = {tag for item in drawn["paths"].values() for operation in item.values()
            for tag in operation.get("tags", [])}  # fmt: skip
    named = dict(TAGS)
    components = drawn["components"]
    components["schemas"]["Problem"] = PROBLEM
    components["securitySchemes"] = SECURITY
    components["parameters"] = PARAMETERS
    components["headers"] = {
        name: {"description": about, "schema": schema} for name, (about, schema) in HEADERS.items()
    }
    components["responses"] = {str(status): _problem_response(status) for status in MEANINGS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Working timetable",
            "version": api.version,
            "summary": "Checkouts, refunds and erasures as sagas over a real cluster",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1", "description": "This site"}],
        "tags": [
            {"name": name, **({"description": named[name]} if name in named else {})}
            for name in [*named, *sorted(used - named.keys())]
            if name in used
        ],
        "paths": drawn["paths"],
        "components": components,
    }


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Add the parameters, responses and headers that all operations of this kind have."""
    personal = operation.pop(PERSONAL, True)
    limited = operation.pop(LIMITED, False)
    operation["security"] = [{"bearer": []}, {"session": []}, {}] if personal else []
    responses = operation["responses"]
    for status, response in responses.items():
        response["description"] = SUCCESSES[int(status)]
    for status in _errors(method, operation, personal=personal):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    parameters = operation["parameters"]
    for parameter in parameters:
        # In a parameter `examples` must be a map. The list is in the schema as well.
        if parameter.pop("examples", None) and "examples" in parameter["schema"]:
            parameter["example"] = parameter["schema"]["examples"][0]
    if method == "get":
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
        responses["200"].setdefault("headers", {})["ETag"] = _header("ETag")
        responses["304"] = {"$ref": "#/components/responses/304"}
    else:
        parameters.append({"$ref": "#/components/parameters/Traceparent"})
        if "202" in responses:
            headers = responses["202"].setdefault("headers", {})
            headers |= {name: _header(name) for name in ("traceparent", "Idempotent-Replayed")}
    if limited:
        _add_quota(responses)
    operation["responses"] = dict(sorted(responses.items()))


def _errors(method: str, operation: dict[str, Any], *, personal: bool) -> set[int]:
    """Return the status of every problem that the operation may end with."""
    errors = {*operation.pop(ERRORS, []), *COMMON}
    places = {parameter.get("in") for parameter in operation.setdefault("parameters", [])}
    if personal:
        errors.add(401)
    if "query" in places:
        errors.add(422)
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            # A malformed UUID matches no route (404). Other values are read before a refusal (422).
            errors |= {404} if parameter["schema"].get("format") == "uuid" else {404, 422}
    if "requestBody" in operation:
        errors.update(WITH_BODY)
    elif method != "get":
        errors.add(403)
    return errors


def _add_quota(responses: dict[str, Any]) -> None:
    """Add the RateLimit fields to every response."""
    for status, response in list(responses.items()):
        if "$ref" in response:  # a reference takes no headers: the response is written out
            responses[status] = _problem_response(int(status))
        headers = responses[status].setdefault("headers", {})
        headers |= {name: _header(name) for name in ("RateLimit-Policy", "RateLimit")}


def _problem_response(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {"description": MEANINGS[status]}
    names = HEADERS_OF.get(status, ())
    if names:
        response["headers"] = {name: _header(name) for name in names}
    if status >= HTTPStatus.BAD_REQUEST:
        kinds = [kind for kind in PROBLEM_TYPES if kind.status == status]
        response["content"] = {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": kinds[0].uri if kinds else "about:blank",
                    "title": kinds[0].title if kinds else HTTPStatus(status).phrase,
                    "status": status,
                    "detail": MEANINGS[status],
                    "instance": "/api/v1/checkouts",
                },
            }
        }
    return response


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


@cache
def _encoded() -> bytes:
    return json.dumps(document(), indent=1).encode()


@csrf_exempt
@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """Return the document, which pages of every origin may read."""
    return HttpResponse(
        _encoded(),
        content_type="application/json",
        headers={
            "Cache-Control": CACHING,
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
