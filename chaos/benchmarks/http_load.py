"""A load of GET requests over kept connections, as light as Python allows.

Each connection sends its next request when the previous answer is complete.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from chaos.benchmarks.document import Figures, percentile
from compose.errors import PlainError

CONNECTIONS: Final = 8  # as many as a browser opens, and more than one process serves at once
PATIENCE: Final = 10.0  # seconds for one answer
ACCEPT: Final = "br, gzip"


@dataclass(frozen=True)
class Target:
    """One address of a server on this machine."""

    port: int
    path: str

    @property
    def request(self) -> bytes:
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Accept-Encoding: {ACCEPT}\r\nAccept: text/html\r\n\r\n"
        ).encode()


def send(target: Target, count: int) -> tuple[float, list[float]]:
    """Send `count` requests, and return the seconds for all and the milliseconds of each.

    Raises PlainError when the server refuses, or answers with anything but a page.
    """
    return asyncio.run(_send(target, count))


def figures(seconds: float, times: list[float]) -> Figures:
    return {
        "requests_per_second": round(len(times) / seconds, 1),
        "p50_ms": round(percentile(times, 50), 3),
        "p99_ms": round(percentile(times, 99), 3),
    }


async def _send(target: Target, count: int) -> tuple[float, list[float]]:
    times: list[float] = []
    start = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as connections:
            for _ in range(CONNECTIONS):
                connections.create_task(_connection(target, count // CONNECTIONS, times))
    except* (OSError, TimeoutError, asyncio.IncompleteReadError) as failed:
        raise PlainError(
            f"http://127.0.0.1:{target.port}{target.path} does not answer: "
            f"{type(failed.exceptions[0]).__name__}."
        ) from failed
    except* PlainError as failed:
        raise failed.exceptions[0] from None
    return time.perf_counter() - start, times


async def _connection(target: Target, count: int, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        for _ in range(count):
            begun = time.perf_counter()
            writer.write(target.request)
            await asyncio.wait_for(_answer(reader, target), PATIENCE)
            times.append((time.perf_counter() - begun) * 1000)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, target: Target) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        status = head.split(b"\r\n", 1)[0].decode(errors="replace")
        raise PlainError(f"{target.path} is answered with “{status}”: only pages are measured.")
    await reader.readexactly(_length(head))


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise PlainError("The server does not say how long its answer is.")
