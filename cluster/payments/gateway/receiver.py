"""Receives the provider's webhooks: checks them, and commits before it answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import msgspec
import psycopg
from aiohttp import web

from cluster.messaging.dead_letters import file_dead_letter, inapplicable
from cluster.messaging.work import CONFLICT_ATTEMPTS, Failure, UnitOfWork, classify
from cluster.payments.gateway.events import apply_events
from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.gateway.transactions import Transactions
from cluster.payments.problems import problem
from cluster.payments.provider_api import HEARD, SIGNATURE_HEADER, ProviderEvent, WebhookDelivery
from cluster.payments.signature import BadSignature, NoMatch, verify

logger = logging.getLogger(__name__)

MOST_EVENTS: Final = 500  # one transaction stays below a tenth of a second
# Seconds. The provider closes an unanswered webhook after 5 s, so answer "busy" before that.
PATIENCE: Final = 3.0
LOCKED_PAUSE: Final = 0.005  # seconds until a payment that a worker holds is tried again


class BusyError(Exception):
    """A payment stayed locked for longer than the provider waits."""


@dataclass(slots=True)
class _Post:
    """One caller's events, those still to be applied, and the future that it waits for."""

    events: Sequence[ProviderEvent]
    done: asyncio.Future[None]
    expires: float


class Receiver:
    """Applies provider events, with one transaction for concurrent callers."""

    def __init__(self, transactions: Transactions, keys: ProviderKeys) -> None:
        self._transactions = transactions
        self._keys = keys
        self._posts: deque[_Post] = deque()
        self._wake = asyncio.Event()

    async def post_webhook(self, request: web.Request) -> web.Response:
        """Answer POST /webhooks/provider, with 200 once the effects of its events are committed.

        An event that cannot be applied, because of its content, is kept as a dead letter.
        """
        body = await request.read()
        header = request.headers.get(SIGNATURE_HEADER, "")
        try:
            await self._verify(header, body)
            delivery = msgspec.json.decode(body, type=WebhookDelivery)
            await self.apply(delivery.events)
        except BadSignature as error:
            return problem(HTTPStatus.UNAUTHORIZED, f"{str(error).capitalize()}.")
        except msgspec.MsgspecError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"Not a list of events: {error}.")
        except (psycopg.Error, BusyError) as error:  # an outage: see `apply`
            logger.warning("webhook postponed: %s", error)
            detail = "The events cannot be recorded now; send them again."
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=1)
        return web.json_response({"received": len(delivery.events)})

    async def _verify(self, header: str, body: bytes) -> None:
        """Raise BadSignature unless the provider has signed this, perhaps with a new secret."""
        tried = self._keys.held
        try:
            verify(header, body, *self._keys.webhook_secrets, now=time.time())
        except NoMatch:
            if not await self._keys.differ_now(tried):
                raise
            verify(header, body, *self._keys.webhook_secrets, now=time.time())

    async def apply(self, events: Sequence[ProviderEvent]) -> None:
        """Return when the effects of `events` are committed.

        Raises psycopg.Error in an outage, or BusyError. The events may then be applied or not, and
        applying them again is safe.
        """
        if not events:
            return
        loop = asyncio.get_running_loop()
        post = _Post(events, loop.create_future(), loop.time() + PATIENCE)
        self._posts.append(post)
        self._wake.set()
        await post.done

    async def run(self) -> None:
        """Commit the events of callers, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._posts:
                posts = self._take()
                locked = await self._commit(posts)
                if locked:
                    self._posts.extend(locked)
                    await asyncio.sleep(LOCKED_PAUSE)

    def _take(self) -> list[_Post]:
        posts: list[_Post] = []
        events = 0
        while self._posts and (not posts or events + len(self._posts[0].events) <= MOST_EVENTS):
            posts.append(self._posts.popleft())
            events += len(posts[-1].events)
        return posts

    async def _commit(self, posts: list[_Post]) -> list[_Post]:
        """Apply these posts in one transaction and return those that met a locked payment."""
        events = [event for post in posts for event in post.events]
        try:
            locked = await self._apply(events)
        except Exception as error:  # noqa: BLE001  # each caller gets the error
            for post in posts:
                _fail(post, error)
            return []
        return _finish(posts, {event.id for event in locked})

    async def _apply(self, events: Sequence[ProviderEvent]) -> list[ProviderEvent]:
        """Apply events in one transaction and return those that met a locked payment."""
        try:
            return await self._transactions.run(lambda work: apply_events(work, events))
        except Exception as error:
            if classify(error) is Failure.TRANSIENT:
                raise
            logger.warning("events are applied one by one, since all failed: %r", error)
        return [locked for event in events for locked in await self._apply_or_file(event)]

    async def _apply_or_file(self, event: ProviderEvent) -> list[ProviderEvent]:
        """Apply one event or keep it as a dead letter, and return it if its payment is locked."""
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                return await self._transactions.run(lambda work: apply_events(work, [event]))
            except Exception as error:
                failure = classify(error)
                if failure is Failure.TRANSIENT:
                    raise
                if failure is Failure.CONFLICT and attempt + 1 < CONFLICT_ATTEMPTS:
                    continue
                logger.exception("event %s becomes a dead letter", event.id)
                letter = replace(inapplicable(msgspec.json.encode(event), error), way=HEARD)
            break

        def file(work: UnitOfWork) -> None:
            file_dead_letter(work, letter)

        await self._transactions.run(file)
        return []


def _finish(posts: list[_Post], locked: set[object]) -> list[_Post]:
    """Answer the posts that are done or too old, and return the others with their events left."""
    left = []
    now = asyncio.get_running_loop().time()
    for post in posts:
        post.events = [event for event in post.events if event.id in locked]
        if not post.events:
            if not post.done.done():
                post.done.set_result(None)
        elif now > post.expires:
            _fail(post, BusyError(f"{len(post.events)} events wait for a locked payment"))
        else:
            left.append(post)
    return left


def _fail(post: _Post, error: Exception) -> None:
    if not post.done.done():
        post.done.set_exception(error)
