"""The provider's HTTP server, and the loop that delivers its webhooks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

import aiohttp
import msgspec
from aiohttp import web

from cluster.payments.problems import problem
from cluster.payments.provider_api import (
    BOOKS_PATH,
    KEYS_PATH,
    MOST_EVENTS,
    MOST_OPERATIONS,
    OPERATIONS_PATH,
    PAYMENTS_PATH,
    RETIRE_EARLIER,
    SIGNATURE_HEADER,
    KeyKind,
    KeyRequest,
    KeysRetired,
    OperationsRequest,
    RetireRequest,
    WebhookDelivery,
)
from cluster.payments.sandbox.answer_spans import answered
from cluster.payments.sandbox.books import Books, Delivery, KeyReusedError
from cluster.payments.signature import sign

logger = logging.getLogger(__name__)

# Longer than the receiver's database takes to come back, so that a slow answer is not cut off.
WEBHOOK_TIMEOUT: Final = 5.0  # seconds
LONGEST_SLEEP: Final = 5.0  # seconds; new deliveries wake the loop at once
LARGEST_PAGE: Final = 5000
LARGEST_AMOUNT: Final = (1 << 63) - 1  # pence: an integer of SQLite

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys with which a client comes: its `api_key`, and the `webhook_secret` it knows."""

    api_key: str
    webhook_secret: str


class Provider:
    """One sandbox provider: its routes, and its deliveries to `webhook_url`.

    `keys` are valid from its start on, whatever its books say of them.
    """

    def __init__(self, books: Books, keys: Keys, *, webhook_url: str) -> None:
        self._books = books
        books.keys.adopt(KeyKind.API_KEY, keys.api_key, now=time.time())
        books.keys.adopt(KeyKind.WEBHOOK_SECRET, keys.webhook_secret, now=time.time())
        self._webhook_url = webhook_url
        self._wake = asyncio.Event()
        self._failing = False
        # SQLite has one writer. One thread carries operations out in the order of arrival.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="books")

    def application(self) -> web.Application:
        """Return the aiohttp application, which delivers webhooks while it runs."""
        app = web.Application(middlewares=[self._authenticate])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_post(OPERATIONS_PATH, self._post_operations)
        app.router.add_get(PAYMENTS_PATH + "/{payment}", self._get_payment)
        app.router.add_get(BOOKS_PATH, self._get_books)
        app.router.add_post(KEYS_PATH, self._post_key)
        app.router.add_post(f"{KEYS_PATH}/{{id}}/{RETIRE_EARLIER}", self._retire_earlier_keys)
        app.cleanup_ctx.append(self._deliveries)
        return app

    @web.middleware
    async def _authenticate(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        # aiohttp keeps bytes that are not UTF-8 as surrogates.
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        key = self._books.keys.find(KeyKind.API_KEY, given, now=time.time())
        if request.path == "/healthz":
            return await handler(request)
        if key is None or scheme != "Bearer":
            refusal = problem(HTTPStatus.UNAUTHORIZED, "The API key is missing, wrong or expired.")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        if key.ends_at is not None and request.path.startswith(KEYS_PATH):
            return problem(HTTPStatus.FORBIDDEN, "A key that is to end manages no keys.")
        return await handler(request)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _post_operations(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=OperationsRequest)
        except msgspec.MsgspecError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"Not a list of operations: {error}.")
        if len(asked.operations) > MOST_OPERATIONS:
            return problem(HTTPStatus.BAD_REQUEST, f"More than {MOST_OPERATIONS} operations.")
        if not all(0 <= operation.amount <= LARGEST_AMOUNT for operation in asked.operations):
            detail = f"An amount is negative, or more than {LARGEST_AMOUNT}."
            return problem(HTTPStatus.BAD_REQUEST, detail)
        try:
            accepted = await self._run(lambda: self._books.accept(asked.operations))
        except KeyReusedError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}.")
        self._wake.set()
        return _json(accepted)

    async def _get_payment(self, request: web.Request) -> web.Response:
        try:
            payment = UUID(request.match_info["payment"])
        except ValueError:
            return problem(HTTPStatus.NOT_FOUND, "A payment is named by a UUID.")
        statement = await self._run(lambda: self._books.statement(payment))
        if statement is None:
            return problem(HTTPStatus.NOT_FOUND, f"There is no payment {payment}.")
        return _json(statement)

    async def _get_books(self, request: web.Request) -> web.Response:
        try:
            after = UUID(request.query["after"]) if "after" in request.query else None
            limit = int(request.query.get("limit", "0"))
            payments = [UUID(id_) for id_ in request.query.getall("payment", ())] or None
        except ValueError:
            told = "`after` and `payment` are UUIDs and `limit` a number."
            return problem(HTTPStatus.BAD_REQUEST, told)
        limit = max(0, min(limit, LARGEST_PAGE))
        return _json(
            await self._run(lambda: self._books.page(after=after, limit=limit, payments=payments))
        )

    async def _post_key(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=KeyRequest)
        except msgspec.MsgspecError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"Not a kind of key: {error}.")
        made = await self._run(lambda: self._books.keys.make(asked.kind, now=time.time()))
        logger.info("made %r", made)
        return _json(made)

    async def _retire_earlier_keys(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=RetireRequest)
            id_ = UUID(request.match_info["id"])
            now = time.time()
            ending = await self._run(
                lambda: self._books.keys.retire_before(id_, end=now + asked.after, now=now)
            )
        except msgspec.MsgspecError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"Not a time in seconds: {error}.")
        except (ValueError, KeyError):
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "There is no such key.")
        return _json(KeysRetired(ending))

    async def _deliveries(self, _: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            task = asyncio.create_task(self._deliver_for_ever(session))
            yield
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._executor.shutdown(wait=True)

    async def _deliver_for_ever(self, session: aiohttp.ClientSession) -> None:
        while True:
            self._wake.clear()
            try:
                if await self._deliver_batch(session):
                    continue
                due = await self._run(self._books.next_due)
            except Exception:
                # Deliveries that failed are still in the books, so nothing is lost by going on.
                logger.exception("webhooks wait")
                due = 1.0
            pause = LONGEST_SLEEP if due is None else min(due, LONGEST_SLEEP)
            # Not `wait_for`: in Python 3.11 it forgets a cancellation that comes with a wake.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _deliver_batch(self, session: aiohttp.ClientSession) -> bool:
        """Deliver the due events in at most one webhook and return whether there were any."""
        batch = await self._run(self._due)
        if not batch:
            return False
        if await self._post(session, batch):
            now = time.time_ns()
            await self._run(lambda: self._books.delivered(batch))
            answered(await self._run(lambda: self._books.asked(batch)), now)
            if self._failing:
                self._failing = False
                await self._run(self._books.hasten)
        else:
            self._failing = True
            await self._run(lambda: self._books.not_delivered(batch))
        return True

    def _due(self) -> list[Delivery]:
        self._books.authorise_due()
        return self._books.due_deliveries(MOST_EVENTS)

    async def _post(self, session: aiohttp.ClientSession, batch: list[Delivery]) -> bool:
        body = msgspec.json.encode(WebhookDelivery([delivery.event for delivery in batch]))
        now = time.time()
        header = sign(body, *self._books.keys.webhook_secrets(now=now), at=int(now))
        headers = {SIGNATURE_HEADER: header, "Content-Type": "application/json"}
        try:
            async with session.post(self._webhook_url, data=body, headers=headers) as answer:
                if not answer.ok:
                    logger.warning("webhook answered with %d", answer.status)
                return answer.ok
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("webhook not delivered: %r", error)
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _json(body: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")
