"""A kept page as the answer to one request: its encoding, or "not modified"."""

from __future__ import annotations

import functools
import re
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_http_date_safe

from cluster.kit.page_store import Page

# Best first.
ENCODINGS: Final = ("br", "gzip")
# A browser may keep the page, and asks each time whether it is still current.
CACHE_CONTROL: Final = "no-cache"
VARY: Final = "Accept-Encoding, Cookie"


def answer(page: Page, request: HttpRequest) -> HttpResponse:
    """Return the page in the best encoding that the visitor takes, or 304 when they have it."""
    asked = request.META
    encoding = encoding_for(page, asked.get("HTTP_ACCEPT_ENCODING", ""))
    if is_known(page, asked.get("HTTP_IF_NONE_MATCH"), asked.get("HTTP_IF_MODIFIED_SINCE")):
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
        headers = headers_of(page)
    else:
        response = HttpResponse(page.bodies[encoding])
        headers = headers_of(page) | headers_of_body(page, encoding)
    for name, value in headers.items():
        response.headers[name] = value
    return response


def headers_of(page: Page) -> dict[str, str]:
    """Return the headers of every answer, "not modified" included."""
    return {
        "Cache-Control": CACHE_CONTROL,
        **page.headers,
        "ETag": page.etag,
        "Vary": VARY,
    }


def headers_of_body(page: Page, encoding: str) -> dict[str, str]:
    """Return the headers that an answer has only with a body."""
    headers = {
        "Content-Type": page.content_type,
        "Content-Length": str(len(page.bodies[encoding])),
    }
    return headers | {"Content-Encoding": encoding} if encoding else headers


def is_known(page: Page, tags: str | None, since: str | None) -> bool:
    """Return whether the visitor has this page, by tag, or by date where no tag was sent.

    RFC 9110, 13.2.2, with the values of If-None-Match and If-Modified-Since.
    """
    if tags is not None:
        # Our tags are weak and hexadecimal, of one length, so none is part of another.
        return page.etag[2:] in tags or tags.strip() == "*"
    modified = page.headers.get("Last-Modified")
    if since is None or modified is None:
        return False
    seen, changed = parse_http_date_safe(since), parse_http_date_safe(modified)
    return seen is not None and changed is not None and changed <= seen


def encoding_for(page: Page, accepted: str) -> str:
    """Return the best encoding of the page that Accept-Encoding allows, "" for the plain one."""
    for encoding in ENCODINGS:
        if encoding in page.bodies and _accepts(accepted, encoding):
            return encoding
    return ""


@functools.lru_cache(maxsize=256)  # browsers send few different values
def _accepts(accepted: str, encoding: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip() == encoding:
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters) is None
    return False
