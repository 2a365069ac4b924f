"""Every error of the API is a problem document (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from cluster.kit.problems import MALFORMED, PROBLEM_JSON, malformed_sentence, problem_document
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


def not_found(what: str) -> Problem:
    """Return a 404 that does not show whether the resource belongs to another visitor."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no {what} of yours.")


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


def database_away() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A database is away, so nothing was done. Try again in a moment.",
        headers={"Retry-After": str(RETRY_SOON)},
    )


def add_problem_handlers(api: NinjaAPI) -> None:
    """Have every exception that leaves an operation answered by a problem document."""
    api.add_exception_handler(Problem, _problem)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _nothing_here)
    api.add_exception_handler(RequestDataTooBig, _too_large)
    api.add_exception_handler(UnreadablePostError, _unreadable)
    for refused in MALFORMED:
        api.add_exception_handler(refused, _malformed)
    api.add_exception_handler(Exception, _broken)


def _problem(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_answer(request, error)


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    """Return the errors of pydantic, each with a JSON Pointer or a parameter's name."""
    errors = [_field_error(each) for each in error.errors]
    detail = "; ".join(f"{each.get('pointer') or each.get('parameter')}: {each['detail']}"
                       for each in errors)  # fmt: skip
    return problem_answer(
        request, Problem(INVALID.status, f"{detail}.", INVALID, extensions={"errors": errors})
    )


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    source, *path = error["loc"]
    if source == "body":
        # The first name is the operation's argument, which no client knows of.
        return {"pointer": "#/" + "/".join(map(str, path[1:])), "detail": error["msg"]}
    return {"parameter": str(path[-1]) if path else source, "detail": error["msg"]}


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error.__cause__, Problem):  # raised by our parser of bodies
        return problem_answer(request, error.__cause__)
    status = HTTPStatus(error.status_code)
    detail = str(error)
    if status is HTTPStatus.BAD_REQUEST:
        detail = "The body is not JSON."
    return problem_answer(request, Problem(status, detail))


def _nothing_here(request: HttpRequest, _error: Any) -> HttpResponse:
    return problem_answer(
        request, Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    )


def _too_large(request: HttpRequest, _error: Any) -> HttpResponse:
    return problem_answer(request, Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE_TO_READ))


def _unreadable(request: HttpRequest, _error: Any) -> HttpResponse:
    return problem_answer(request, Problem(HTTPStatus.BAD_REQUEST, "The body broke off."))


def _malformed(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_answer(request, Problem(HTTPStatus.BAD_REQUEST, malformed_sentence(error)))


def _away(request: HttpRequest, error: Any) -> HttpResponse:
    log.warning("%s %s: %s", request.method, request.path, error)
    return problem_answer(request, database_away())


def _broken(request: HttpRequest, error: Any) -> HttpResponse:
    if is_outage(error):
        return _away(request, error)
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_answer(
        request,
        Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Something broke while this was answered. It has been logged.",
        ),
    )
