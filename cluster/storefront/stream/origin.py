"""Who may open a WebSocket: our own pages, and programs that are no browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_ours(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a handshake comes from a page of this site.

    A browser always sends Origin, which must name the very host and port that was
    asked for. Without one it is a program, which could claim any origin anyway. Host
    must be one of ALLOWED_HOSTS, or a name that somebody else points here would pass.
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
