"""The check of a WebSocket's origin: our own pages, and programs that are no browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_ours(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a handshake comes from a page of this site, or from no browser.

    A browser always sends Origin, which must name exactly the host and port of the request. Without
    one it is a program, which could send any origin anyway. Host must be one of ALLOWED_HOSTS:
    otherwise a name that an attacker points here would pass.
    """
    named = {name: value.decode("latin-1") for name, value in headers}
    host = named.get(b"host", "")
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    origin = named.get(b"origin")
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()
