"""A server on 127.0.0.1 that serves an engine's API from a contract to the real client library.

A contract (contracts/*.json) has the operations of one version of an API: method, path, the query
and body that it takes, and its answers. A test names the operations that it expects, in order.
Any other request, or a request of another shape, is a violation, and fails the test.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

CONTRACTS = Path(__file__).parent / "contracts"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of the WebSocket handshake, RFC 6455
TYPES = {"string": str, "boolean": bool, "array": list, "object": dict, "integer": int}


@dataclass(frozen=True)
class Exchange:
    """One expected request, and the answer to it."""

    operation: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    status: int
    answer: Any


@dataclass
class ContractServer:
    """The state of the server. A test calls `expect()`, and the client library uses `port`."""

    contract: Mapping[str, Any]
    port: int = 0
    expected: deque[Exchange] = field(default_factory=deque)
    violations: list[str] = field(default_factory=list)

    def expect(
        self,
        operation: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        status: int | None = None,
        answer: Any = None,
    ) -> None:
        """Expect one more request, with exactly this path and at least this query and body."""
        responses = self.contract["operations"][operation]["responses"]
        chosen = str(status or next(iter(responses)))
        self.expected.append(
            Exchange(
                operation=operation,
                path=path or {},
                query=query or {},
                body=body or {},
                status=int(chosen),
                answer=responses[chosen] if answer is None else answer,
            )
        )

    def next_for(self, method: str, target: str, body: Any) -> Exchange | None:
        """Return the expected exchange of a request, or record a violation and return None."""
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        if not self.expected:
            self.violations.append(f"nothing more was expected: {method} {target}")
            return None
        exchange = self.expected.popleft()
        described = self.contract["operations"][exchange.operation]
        wrong = [
            *_differs("method", described["method"], method),
            *_differs("path", described["path"].format(**exchange.path), url.path),
            *_not_as_described("query", query, exchange.query, described.get("query", {})),
            *_not_as_described("body", body or {}, exchange.body, described.get("body", {})),
        ]
        if wrong:
            asked = f"{method} {target} {body or ''}"
            self.violations.append(f"{exchange.operation}: {'; '.join(wrong)} ({asked})")
            return None
        return exchange


def _differs(what: str, wanted: str, got: str) -> Iterator[str]:
    if wanted != got:
        yield f"{what} {got} instead of {wanted}"


def _not_as_described(
    what: str, got: Mapping[str, Any], wanted: Mapping[str, Any], described: Mapping[str, Any]
) -> Iterator[str]:
    """Yield unknown names, values of the wrong form, and expected values that are absent."""
    for name, value in got.items():
        if name not in described:
            yield f"{what} has no {name}"
        elif what == "query":
            for one in value:
                if not re.fullmatch(described[name], one, re.DOTALL):
                    yield f"{what} {name}={one}"
        elif not isinstance(value, TYPES[described[name]]):
            yield f"{what} {name} is {value!r}"
    for name, value in wanted.items():
        given = got.get(name)
        if what == "query" and given is not None:
            given = [_read(one) for one in given] if isinstance(value, list) else _read(given[0])
        if given != value:
            yield f"{what} {name} is {given!r} instead of {value!r}"


def _read(text: str) -> Any:
    """Return the JSON inside a query, as Docker's filters are, or else the text itself."""
    return json.loads(text) if text.startswith("{") else text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    contract_server: ContractServer

    def _play(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        body = json.loads(text) if text else None
        exchange = self.contract_server.next_for(self.command, self.path, body)
        if exchange is None:
            self._answer(599, "text/plain", b"not in the contract, or not expected now")
        elif isinstance(exchange.answer, dict) and "channels" in exchange.answer:
            self._stream(exchange.answer)
        elif isinstance(exchange.answer, dict) and "frames" in exchange.answer:
            frames = b"".join(
                struct.pack(">BxxxL", output, len(said.encode())) + said.encode()
                for output, said in exchange.answer["frames"]
            )
            kind = "application/vnd.docker.multiplexed-stream"
            self._answer(exchange.status, kind, frames)
        elif exchange.answer == "":
            self._answer(exchange.status, None, b"")
        else:
            encoded = json.dumps(exchange.answer).encode()
            self._answer(exchange.status, "application/json", encoded)

    def _answer(self, status: int, kind: str | None, content: bytes) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, answer: Mapping[str, Any]) -> None:
        """Send a command's outputs as WebSocket messages, each after the number of its channel."""
        offered = self.headers.get("Sec-WebSocket-Protocol", "")
        if answer["protocol"] not in re.split(r"\s*,\s*", offered):
            self.contract_server.violations.append(f"subprotocol {offered!r} was offered")
        key = self.headers["Sec-WebSocket-Key"] + GUID
        accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accepted)
        self.send_header("Sec-WebSocket-Protocol", answer["protocol"])
        self.end_headers()
        for channel, said in answer["channels"]:
            text = said if isinstance(said, str) else json.dumps(said)
            self._message(bytes([channel]) + text.encode())
        if not answer.get("cut"):
            self.wfile.write(b"\x88\x02\x03\xe8")  # closed: 1000
        self.close_connection = True

    def _message(self, content: bytes) -> None:
        assert len(content) < 1 << 16
        short = len(content) < 126
        size = bytes([len(content)]) if short else b"\x7e" + struct.pack(">H", len(content))
        self.wfile.write(b"\x82" + size + content)

    do_GET = do_POST = do_DELETE = _play  # noqa: N815  (their names in the library)

    def log_message(self, *_: Any) -> None:
        """Log nothing, since each wrong request is a violation."""


@contextmanager
def playing(contract: str) -> Iterator[ContractServer]:
    """Serve a contract, and assert at the end that every expected request came, and no other."""
    played = ContractServer(json.loads((CONTRACTS / contract).read_text()))
    handler = type("Handler", (_Handler,), {"contract_server": played})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    played.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield played
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert played.violations == []
    assert [one.operation for one in played.expected] == []
