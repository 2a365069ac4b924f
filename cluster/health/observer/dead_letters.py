"""The dead letters of all services, as the observer reads them for the site's admin.

The web server reads none of their bodies; the observer may read every database, and write none.
A caller has to prove that it has the observer's key, which Vault gives to the web server alone.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import msgspec
import psycopg
from aiohttp import web

from cluster.messaging.queries import KeptDeadLetter, dead_letter, newest_dead_letters
from cluster.secrets.postgres import Cursor, Database, is_outage
from cluster.secrets.secret_reader import read_secret
from cluster.secrets.vault import SecretsError
from config.environment import DATABASES

logger = logging.getLogger(__name__)

PATH: Final = "/dead-letters"
WHAT: Final = "dead letters"
MOST: Final = 200  # dead letters of one service in a list
VAULT_PATIENCE: Final = 2.0  # seconds
CONNECT_PATIENCE: Final = 2  # seconds, for each database
STATEMENT_PATIENCE: Final = 3.0  # seconds

Found = TypeVar("Found")


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """The newest dead letters of each service asked for.

    `more`: services that have more than MOST. `away`: why those of a service are missing.
    """

    letters: list[KeptDeadLetter]
    more: list[str]
    away: dict[str, str]


def key() -> str:
    """Return the key that a caller has to send, or raise SecretsError while Vault is away."""
    return read_secret("observer", patience=VAULT_PATIENCE)["key"]


class DeadLetterRoutes:
    """The routes `GET /dead-letters` and `GET /dead-letters/<service>/<number>`."""

    def __init__(self, holders: Callable[[], Mapping[str, Database]]) -> None:
        self._holders = holders

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH, self._list)
        app.router.add_get(f"{PATH}/{{service}}/{{number:[0-9]{{1,18}}}}", self._show)

    async def _list(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(require_key, request)
        asked = [name for name in DATABASES if request.query.get("service") in (None, name)]
        waiting = request.query.get("replayed") != "yes"
        letters = await asyncio.to_thread(self._read, asked, waiting)
        return web.Response(body=msgspec.json.encode(letters), content_type="application/json")

    async def _show(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(require_key, request)
        service = request.match_info["service"]
        if service not in DATABASES:
            raise web.HTTPNotFound(text=f"there is no service {service}")
        number = int(request.match_info["number"])
        try:
            letter = await asyncio.to_thread(
                self._query, service, lambda cursor: dead_letter(cursor, service, number)
            )
        except (psycopg.Error, KeyError) as error:
            raise web.HTTPServiceUnavailable(text=unread(WHAT, service, error)) from error
        if letter is None:
            raise web.HTTPNotFound(text=f"there is no dead letter {service}:{number}")
        return web.Response(body=msgspec.json.encode(letter), content_type="application/json")

    def _read(self, services: list[str], waiting: bool) -> Letters:
        letters: list[KeptDeadLetter] = []
        more: list[str] = []
        away: dict[str, str] = {}
        for service in services:
            try:
                found = self._query(service, partial(_newest, service=service, waiting=waiting))
            except (psycopg.Error, KeyError) as error:
                away[service] = unread(WHAT, service, error)
                continue
            if len(found) > MOST:
                more.append(service)
            letters += found[:MOST]
        letters.sort(key=lambda letter: letter.created_at, reverse=True)
        return Letters(letters=letters, more=more, away=away)

    def _query(self, service: str, look: Callable[[Cursor], Found]) -> Found:
        holder = self._holders()[service]
        with holder.connect(
            statement_timeout=STATEMENT_PATIENCE, connect_timeout=CONNECT_PATIENCE
        ) as connection:
            return look(connection.cursor())


def _newest(cursor: Cursor, *, service: str, waiting: bool) -> list[KeptDeadLetter]:
    return newest_dead_letters(cursor, service, waiting=waiting, most=MOST + 1)


def require_key(request: web.Request) -> None:
    """Refuse a request without the key: HTTPForbidden, or HTTPServiceUnavailable without Vault."""
    try:
        expected = f"Bearer {key()}"
    except SecretsError as error:
        raise web.HTTPServiceUnavailable(text="Vault is away") from error
    # aiohttp keeps bytes that are not UTF-8 as surrogates; texts with them cannot be compared.
    given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
    if not hmac.compare_digest(given, expected.encode()):
        raise web.HTTPForbidden(text="this is for the site")


def unread(what: str, service: str, error: Exception) -> str:
    """Return a sentence on why the rows of a service are missing, after logging the error."""
    if isinstance(error, psycopg.Error) and not is_outage(error):
        logger.error("the %s of %s cannot be read", what, service, exc_info=error)
        return f"The {what} of {service} cannot be read: {error}"
    logger.warning("the %s of %s cannot be read: %s", what, service, error)
    return f"The database of {service} is away."
