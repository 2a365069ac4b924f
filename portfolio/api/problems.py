"""Every error of the API is a problem document (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from cluster.kit.problems import MALFORMED, PROBLEM_JSON, malformed_sentence, problem_document
from cluster.messaging.history import closed_note
from cluster.secrets.postgres import is_outage
from portfolio.edge.body_limit import TOO_LARGE_TO_READ

log = logging.getLogger(__name__)

RETRY_SOON: Final = 2  # seconds; a database is back by then
ABOUT: Final = "/api/"  # the page that says what each type means


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A type of problem, for programs that must distinguish problems of the same status."""

    name: str
    status: HTTPStatus
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        """The problem's `type`: the anchor of its explanation on the page."""
        return f"{ABOUT}#{self.name}"

    def problem(
        self,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Problem:
        """Return a problem of this type, with the type's status."""
        return Problem(self.status, detail, self, headers=headers, extensions=extensions)


INVALID: Final = ProblemType(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request is not valid",
    "The request could be read, and what it asks for is not valid. `errors` names each field.",
)
KEY_MISSING: Final = ProblemType(
    "idempotency-key-missing",
    HTTPStatus.BAD_REQUEST,
    "An idempotency key is needed",
    "This operation needs an Idempotency-Key of 1 to 255 printable ASCII characters.",
)
KEY_IN_USE: Final = ProblemType(
    "idempotency-key-in-use",
    HTTPStatus.CONFLICT,
    "The first request with this key is under way",
    "Ask again in a moment: the answer will be the first request's.",
)
KEY_REUSED: Final = ProblemType(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The idempotency key belongs to another request",
    "The key has come with another operation or another body. Make a new one for each deed.",
)
TOO_MANY: Final = ProblemType(
    "quota-exceeded",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too much at once",
    "Your quota (the `RateLimit` field) or that of your address is used up, until Retry-After.",
)
OVERLOADED: Final = ProblemType(
    "overloaded",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "As many checkouts are open as end in time",
    "Nothing was accepted, whoever asks. Retry-After says when some should have ended.",
)
MATCH_MISSING: Final = ProblemType(
    "if-match-missing",
    HTTPStatus.PRECONDITION_REQUIRED,
    "If-Match is needed",
    "This operation needs the ETag of what you have seen, or it might undo another's change.",
)
CHANGED_MEANWHILE: Final = ProblemType(
    "changed-meanwhile",
    HTTPStatus.PRECONDITION_FAILED,
    "It has changed meanwhile",
    "Another version than that of If-Match is the current one. `current` is what there is now.",
)
NOT_FROM_HERE: Final = ProblemType(
    "other-site",
    HTTPStatus.FORBIDDEN,
    "A page of another site sent this",
    "A browser's session may be used by pages of this site only. Programs send a token.",
)
INVALID_TOKEN: Final = ProblemType(
    "invalid-token",
    HTTPStatus.UNAUTHORIZED,
    "The token is not valid",
    "The bearer token is malformed, expired, revoked, or not ours.",
)
# All types, in the order of the page and the document. A new type must be added here.
PROBLEM_TYPES: Final = (
    INVALID, KEY_MISSING, KEY_IN_USE, KEY_REUSED, TOO_MANY, OVERLOADED, MATCH_MISSING,
    CHANGED_MEANWHILE, NOT_FROM_HERE, INVALID_TOKEN,
)  # fmt: skip


class Problem(Exception):
    """An operation ends with this problem. `detail` is one plain sentence.

    `type` is one of PROBLEM_TYPES, or none when the status says it all; `extensions` are
    further members of the document.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        type: ProblemType | None = None,  # noqa: A002  # the standard's name
        *,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.type = type
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})


def not_found(what: str, about: UUID | None = None) -> Problem:
    """Return a 404 that does not show whether the resource belongs to another visitor.

    Of an id that is `about` a checkout, a refund or an erasure beyond the horizon it says so.
    """
    note = "" if about is None else closed_note(about)
    return Problem(HTTPStatus.NOT_FOUND, f"There is no {what} of yours.{note}")


def problem_answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the response with the problem document."""
    document = problem_document(request, problem.status, problem.detail)
    if problem.type is not None:
        document |= {"type": problem.type.uri, "title": problem.type.title}
    return JsonResponse(
        document | problem.extensions,
        status=problem.status,
        content_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store", **problem.headers},
    )


def away(detail: str, *, retry_after: int = RETRY_SOON) -> Problem:
    """Return a 503 of a part that is away or busy, with the seconds until it is worth asking."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(retry_after)}
    )


def too_many(detail: str, *, retry_after: int) -> Problem:
    return TOO_MANY.problem(detail, headers={"Retry-After": str(retry_after)})


def nothing_here() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")


def invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    """Return a 422 for the fields of a request, each named by its `pointer` or `parameter`."""
    sentences = (
        f"{each.get('pointer') or each.get('parameter')}: {each['detail']}" for each in errors
    )
    return INVALID.problem(f"{'; '.join(sentences)}.", extensions={"errors": errors})


def add_problem_handlers(api: NinjaAPI) -> None:
    """Have every exception that leaves an operation answered by a problem document."""
    for kind, problem_of in PROBLEMS.items():
        api.add_exception_handler(kind, partial(_answered, problem_of))
    api.add_exception_handler(Exception, _broken)


def _answered(
    problem_of: Callable[[Any], Problem], request: HttpRequest, error: Any
) -> HttpResponse:
    return problem_answer(request, problem_of(error))


def _broken(request: HttpRequest, error: Any) -> HttpResponse:
    if is_outage(error):
        log.warning("%s %s: %s", request.method, request.path, error)
        return problem_answer(
            request, away("A database is away, so nothing was done. Try again in a moment.")
        )
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    broken = "Something broke while this was answered. It has been logged."
    return problem_answer(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, broken))


def _http_error(error: Any) -> Problem:
    if isinstance(error.__cause__, Problem):  # raised by our parser of bodies
        return error.__cause__
    status = HTTPStatus(error.status_code)
    return Problem(
        status, "The body is not JSON." if status is HTTPStatus.BAD_REQUEST else str(error)
    )


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Return an error of pydantic with a JSON Pointer or a parameter's name."""
    source, *path = error["loc"]
    if source == "body":
        # The first name is the operation's argument, which no client knows of.
        return {"pointer": "#/" + "/".join(map(str, path[1:])), "detail": error["msg"]}
    return {"parameter": str(path[-1]) if path else source, "detail": error["msg"]}


PROBLEMS: Final[dict[type[Exception], Callable[[Any], Problem]]] = {
    Problem: lambda error: error,
    ValidationError: lambda error: invalid([_field_error(each) for each in error.errors]),
    HttpError: _http_error,
    Http404: lambda _: nothing_here(),
    RequestDataTooBig: lambda _: Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE_TO_READ),
    UnreadablePostError: lambda _: Problem(HTTPStatus.BAD_REQUEST, "The body broke off."),
    **dict.fromkeys(
        MALFORMED, lambda error: Problem(HTTPStatus.BAD_REQUEST, malformed_sentence(error))
    ),
}
