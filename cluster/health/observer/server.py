"""The observer's HTTP server: the snapshot, and a feed that pushes it.

    GET /snapshot   the latest snapshot, as JSON
    GET /feed       the same as server-sent events: each second, and at once on a change
    GET /healthz    the observer answers
    GET /dead-letters   the dead letters, for the site's admin (dead_letters.py)
    GET, POST /name-search   where a name stands, for the demo of erasure (name_search.py)
    POST /v1/traces, GET /traces/{trace_id}   spans by OTLP, and one trace (spans.py)

The feed never queues: a slow reader gets the latest snapshot next, and misses those in between.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import msgspec
import psycopg
from aiohttp import web

from cluster.health.observer.dead_letters import DeadLetterRoutes
from cluster.health.observer.name_search import NameSearchRoutes
from cluster.health.observer.observer import SHOWN_FOR, Observer
from cluster.health.observer.span_store import SpanStore, span_file
from cluster.health.observer.spans import LARGEST_EXPORT, SpanRoutes

logger = logging.getLogger(__name__)

TICK: Final = 0.25  # seconds
SNAPSHOT_EVERY: Final = 1.0  # seconds
GAUGES_EVERY: Final = 10.0  # seconds
RETRY_AFTER: Final = 2.0  # seconds
MOST_READERS: Final = 50  # web processes and experiments, each with one connection

JSON: Final = "application/json"


class Feed:
    """The latest snapshot, encoded, and an event that is set at the next one."""

    def __init__(self) -> None:
        self.latest: bytes | None = None
        self._next = asyncio.Event()

    def publish(self, encoded: bytes) -> None:
        self.latest = encoded
        self._next.set()
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return an event that is set at the next snapshot. Call it before reading `latest`."""
        return self._next


class Server:
    """Runs an observer, and serves its snapshots."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._feed = Feed()
        self._news = asyncio.Event()
        self._readers = 0
        self._encoder = msgspec.json.Encoder()

    def application(self) -> web.Application:
        """Return the aiohttp application, which runs the observer as long as itself."""
        app = web.Application(client_max_size=LARGEST_EXPORT)
        app.router.add_get("/snapshot", self._get_snapshot)
        app.router.add_get("/feed", self._get_feed)
        app.router.add_get("/healthz", self._get_healthz)
        DeadLetterRoutes(self._observer.holders).add_to(app)
        NameSearchRoutes(self._observer.holders).add_to(app)
        SpanRoutes(SpanStore(span_file())).add_to(app)
        app.cleanup_ctx.append(self._run)
        return app

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended before a probe's thread
                loop.call_soon_threadsafe(self._news.set)

        self._observer.wake = wake
        self._observer.start()
        tasks = [asyncio.create_task(self._observe()), asyncio.create_task(self._adopt())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._observer.stop)

    async def _observe(self) -> None:
        published = gauged = -math.inf  # by a clock that nobody sets
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._news.wait()
            self._news.clear()
            now, paced = time.time(), time.monotonic()
            try:
                changed = self._observer.tick(now)
                if not changed and paced - published < SNAPSHOT_EVERY:
                    continue
                published = paced
                snapshot = self._observer.snapshot(now)
                self._feed.publish(self._encoder.encode(snapshot))
                if paced - gauged >= GAUGES_EVERY:
                    gauged = paced
                    self._observer.store.save_gauges(snapshot)
            except Exception:
                # The observer must survive each fault that it observes.
                logger.exception("a look stumbled")
                await asyncio.sleep(TICK)

    async def _adopt(self) -> None:
        while True:
            try:
                earlier = await asyncio.to_thread(self._observer.store.known, lately=SHOWN_FOR)
            except psycopg.Error as error:
                logger.warning("earlier outages cannot be read: %s", error)
                await asyncio.sleep(RETRY_AFTER)
            else:
                self._observer.adopt(earlier)
                return

    async def _get_healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _get_snapshot(self, _: web.Request) -> web.Response:
        if self._feed.latest is None:
            raise web.HTTPServiceUnavailable(text="nothing has been seen yet")
        return web.Response(body=self._feed.latest, content_type=JSON)

    async def _get_feed(self, request: web.Request) -> web.StreamResponse:
        if self._readers >= MOST_READERS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_READERS} others are reading")
        self._readers += 1
        try:
            return await self._push(request)
        finally:
            self._readers -= 1

    async def _push(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                change = self._feed.next()
                if self._feed.latest is not None:
                    # Waits while the reader does not take what was sent.
                    await response.write(b"data: " + self._feed.latest + b"\n\n")
                await change.wait()
        return response
