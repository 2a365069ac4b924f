"""The bounds of HTTP connections: how many a client has, and how long and large a request is.

Twisted reads a request, and daphne runs the application once it is complete. Neither bounds the
time until then, so that a client who sends one byte a second would hold a connection for ever. See
docs/adr/0040-bounds-before-the-application.md.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from twisted.web.http import HTTPChannel

from cluster.storefront.client_address import client_address, client_network
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter, NoneFree, ShareUsed
from portfolio.edge.body_limit import largest
from portfolio.edge.draining import Draining

ARRIVES_WITHIN: Final = 30.0  # seconds for a whole request, from its first byte to its last
# A client that reads nothing for so long after its last answer has gone.
CLOSES_WITHIN: Final = 60.0  # seconds
# With the seats of the WebSockets it stays below 1,024, a process's usual limit of open files.
MOST_CONNECTIONS: Final = 480
# Of one address: sixteen browsers that open six connections each, and a fifth of them all.
MOST_OF_ADDRESS: Final = 96
RETRY_AFTER: Final = 5  # seconds

TOO_MANY: Final = "Too many connections from your address are open. Try again in a moment."
FULL: Final = "All connections of this server are in use. Try again in a moment."
TOO_SLOW: Final = (
    f"The request took longer than {ARRIVES_WITHIN:.0f} s to arrive, and nothing was done."
)

REFUSAL: Final = (
    "HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nCache-Control: no-store\r\n{headers}"
    "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Length: {length}\r\n\r\n{sentence}\n"
)


class BoundedChannel(HTTPChannel):  # type: ignore[misc]  # Twisted's has no types here
    """One HTTP connection.

    It counts for the address at its other end, unless that may be a proxy's: then each request
    counts for the client that the proxy names, from the end of its headers to its answer.
    """

    length: int | None  # of the body, None for an undeclared one

    def __init__(self, connections: ConcurrencyLimiter, draining: Draining) -> None:
        super().__init__()
        self._connections = connections
        self._draining = draining
        self.has_answered = False
        self._client: str | None = None  # the client for which it counts
        self._peer = ""
        self._late: Any = None  # the timer of the request that is arriving
        self._largest = 0  # bytes of its body
        self._abortingCall: Any = None  # the timer of Twisted that ends a connection for good
        self._refused = False  # what still arrives is discarded

    # What Twisted calls, in this order -------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802  # Twisted's name, as those below
        super().connectionMade()
        self._draining.opened(self)
        self._peer = str(self.transport.getPeer().host)
        if self._count_for(_client_of_peer(self._peer)):
            self._expect()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._refused:
            return
        if self._late is None and not self._handlingRequest:
            self._expect()
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        request = self.requests[-1]
        # Daphne would take the prefix of all links from it, and any client may send it.
        request.requestHeaders.removeHeader(b"daphne-root-path")
        path = self._path.partition(b"?")[0].decode("ascii", "replace")
        self._largest = largest(unquote(path))
        if not self._count_for(_client_of_request(self._peer, request.requestHeaders)):
            self.length = None  # so that Twisted waits for a body, which is discarded
            return
        too_large = self.length is not None and self.length > self._largest
        if too_large:
            request.requestHeaders.removeHeader(b"expect")  # its answer would ask for the body
            self.length = 0
        super().allHeadersReceived()
        if too_large:
            self._discard_body(request)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._refused:
            return
        super().rawDataReceived(data)
        if self._handlingRequest or self.line_mode or not self.requests:
            return
        if self.requests[-1].content.tell() > self._largest:  # of undeclared length
            self.allContentReceived()

    def allContentReceived(self) -> None:  # noqa: N802
        self._arrived()
        request = self.requests[-1]
        size = request.content.tell()
        if size > self._largest:
            self._discard_body(request)
            request.requestHeaders.setRawHeaders(b"content-length", [b"%d" % size])
            request.content.seek(0)
            request.content.truncate()
        super().allContentReceived()
        if getattr(self.transport, "protocol", self) is not self:
            self._uncount()  # it is a WebSocket now, which has a seat
            self._draining.closed(self)

    def writeHeaders(  # noqa: N802
        self, version: bytes, code: bytes, reason: bytes, headers: Any
    ) -> None:
        if self._draining.begun:
            headers.setRawHeaders(b"connection", [b"close"])
            self.persistent = False
        super().writeHeaders(version, code, reason, headers)

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self.has_answered = True
        self._count_for(_client_of_peer(self._peer))
        super().requestDone(request)
        if self._draining.begun and self.is_idle:
            self.loseConnection()

    def loseConnection(self) -> None:  # noqa: N802
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(CLOSES_WITHIN, self.forceAbortClient)
        if not self._refused:
            super().loseConnection()
            return
        self._networkProducer.unregisterProducer()
        # A socket that is closed with unread bytes is reset, and its answer may be lost.
        self.transport.loseWriteConnection()
        self.transport.resumeProducing()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._arrived()
        self._uncount()
        self._draining.closed(self)
        super().connectionLost(reason)

    @property
    def is_idle(self) -> bool:
        """True while no request is being received or answered."""
        return not (self.requests or self._receivedHeaderSize)

    # The time of a request --------------------------------------------------------------

    def _expect(self) -> None:
        self._late = self.callLater(ARRIVES_WITHIN, self._end_late)

    def _arrived(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
        self._late = None

    def _end_late(self) -> None:
        if self.requests or self._receivedHeaderSize:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)
        else:
            self.loseConnection()  # a browser that connects before it has anything to ask

    # Its client -------------------------------------------------------------------------

    def _count_for(self, client: str) -> bool:
        """Count the connection for this client from now on, or refuse it and return False."""
        if client == self._client:
            return True
        self._uncount()
        try:
            self._connections.acquire(client)
        except ShareUsed:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, retry_after=RETRY_AFTER)
            return False
        except NoneFree:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, FULL, retry_after=RETRY_AFTER)
            return False
        self._client = client
        return True

    def _uncount(self) -> None:
        if self._client is not None:
            self._connections.release(self._client)
            self._client = None

    # Refusals ---------------------------------------------------------------------------

    def _discard_body(self, request: Any) -> None:
        """Have the site refuse the request now, and discard what still arrives of it."""
        self._refused = True
        self.persistent = False
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])

    def _refuse(self, status: HTTPStatus, sentence: str, *, retry_after: int = 0) -> None:
        """Answer instead of the site, and close."""
        self._arrived()
        self._refused = True
        headers = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        answer = REFUSAL.format(
            status=int(status),
            phrase=status.phrase,
            headers=headers,
            length=len(sentence) + 1,
            sentence=sentence,
        )
        self.transport.write(answer.encode("ascii"))
        self.loseConnection()


def _client_of_peer(peer: str) -> str:
    """Return the client of a connection, empty for a private address, which may be a proxy's."""
    return "" if _is_private(peer) else client_network(peer)


def _client_of_request(peer: str, headers: Any) -> str:
    forwarded = b",".join(headers.getRawHeaders(b"x-forwarded-for", []))
    return client_network(client_address(peer, forwarded.decode("latin-1")))


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return True
