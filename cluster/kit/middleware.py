"""The shell of a Django middleware that is written once for both kinds of server.

Django's own mixin would take every request of an asynchronous server through a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from typing import Any, TypeAlias, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Response: TypeAlias = HttpResponseBase
Handler: TypeAlias = (
    Callable[[HttpRequest], Response] | Callable[[HttpRequest], Awaitable[Response]]
)
Steps: TypeAlias = Generator[None, Response, Response]


class Middleware:
    """A middleware whose `around` says what happens before and after the rest of the site."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def around(self, request: HttpRequest) -> Steps:
        """Yield once for the response of the rest of the site, and return the one to send.

        Return before the yield to answer without the rest.
        """
        raise NotImplementedError

    def __call__(self, request: HttpRequest) -> Any:
        if self._asynchronous:
            return self._later(request)
        with closing(self.around(request)) as steps:
            answer = _begin(steps)
            return answer or _end(steps, cast("Response", self.get_response(request)))

    async def _later(self, request: HttpRequest) -> Response:
        with closing(self.around(request)) as steps:
            answer = _begin(steps)
            return answer or _end(
                steps, await cast("Awaitable[Response]", self.get_response(request))
            )


def _begin(steps: Steps) -> Response | None:
    """Run to the yield, or return the response that comes instead of it."""
    try:
        next(steps)
    except StopIteration as ended:
        return cast("Response", ended.value)
    return None


def _end(steps: Steps, response: Response) -> Response:
    try:
        steps.send(response)
    except StopIteration as ended:
        return cast("Response", ended.value)
    raise RuntimeError("a middleware yields once")
