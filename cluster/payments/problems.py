"""Error answers of HTTP APIs: problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web


def problem(status: HTTPStatus, detail: str, *, retry_after: int | None = None) -> web.Response:
    """Return an `application/problem+json` response.

    `retry_after` is in seconds.
    """
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.json_response(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
        },
        status=status.value,
        headers=headers,
        content_type="application/problem+json",
    )
