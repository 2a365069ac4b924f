"""Idempotency-Key: a request is carried out once, however often it is sent.

The key, the accepted work and the answer commit in one transaction. A process that is killed
before the commit has done nothing, and a repeated request gets the first answer, byte for byte.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from ninja.responses import NinjaJSONEncoder
from pydantic import BaseModel

from cluster.kit.visitors import sender_address
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import Overloaded, TooManyRequests
from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.retention import IDEMPOTENCY_KEYS_KEPT as KEPT
from cluster.storefront.transactions import run_in_transaction
from portfolio.api.problems import (
    INVALID,
    KEY_IN_USE,
    KEY_MISSING,
    KEY_REUSED,
    OVERLOADED,
    TOO_MANY,
    Problem,
    away,
)
from portfolio.api.rate_limits import LEFT, Policy
from portfolio.api.visitor import known_visitor, visitor_of

FIELD: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
LONGEST: Final = 255  # characters
# Each has a connection of its own, and PostgreSQL allows sixty for all processes.
MOST_AT_ONCE: Final = 8
PATIENCE: Final = 10.0  # seconds
# A String of RFC 9651; and, as many clients send it, the key without quotation marks.
QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
BARE: Final = re.compile(r"[!#-~][!-~]*")
ESCAPED: Final = re.compile(r"\\(.)")

# Without waiting: the request that holds the lock answers soon, and then its answer can be read.
LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))"
FIND: Final = """
    SELECT fingerprint, status, headers, body FROM idempotency_key
     WHERE visitor = %s AND key = %s AND created_at > %s
"""
# Overwrites a key that has expired and is not purged yet.
KEEP: Final = """
    INSERT INTO idempotency_key (visitor, key, fingerprint, created_at, status, headers, body)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (visitor, key) DO UPDATE
       SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
           status = excluded.status, headers = excluded.headers, body = excluded.body
"""


_turns: Final = BoundedSemaphore(MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an operation, stored with the key and sent again unchanged."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False

    def response(self) -> HttpResponse:
        response = HttpResponse(
            self.body, status=self.status, content_type="application/json", headers=self.headers
        )
        if self.replayed:
            response.headers[REPLAYED] = "true"
        return response


def answer(status: int, body: BaseModel, *, location: str) -> Answer:
    """Return an answer with a JSON body about the new resource at `location`."""
    encoded = json.dumps(body.model_dump(), cls=NinjaJSONEncoder).encode()
    return Answer(status, encoded, {"Location": location})


def once(
    request: HttpRequest,
    payload: BaseModel,
    act: Callable[[UnitOfWork, str], Answer],
    *,
    policy: Policy | None = None,
) -> HttpResponse:
    """Run `act` for the request's visitor, once for each key, and return its answer.

    `act` gets the unit of work and the visitor. Its exception rolls everything back, the key
    included. `policy` is the quota that the request counts against.

    Raises Problem: 400 without a key, 409 while the first request is under way, 422 for a key
    of another request, 503 when too many requests wait, and the statuses of InvalidRequest
    and TooManyRequests.
    """
    stranger = not known_visitor(request)
    visitor = visitor_of(request)
    key = _key(request)
    # A stranger's retry comes without the cookie of the answer that was lost, so the key is read
    # by address. It is stored for the new visitor too, for a retry that brings the cookie.
    scope = _address_scope(request) if stranger else visitor
    asked = f"{request.method} {request.path}\n{payload.model_dump_json()}"
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()

    def done(work: UnitOfWork) -> Answer:
        made = act(work, visitor)
        kept = (key, fingerprint, work.now, made.status, json.dumps(dict(made.headers)), made.body)
        work.cursor.executemany(KEEP, [(owner, *kept) for owner in {scope, visitor}])
        return made

    def whole(work: UnitOfWork) -> Answer:
        made = _first_answer(work, scope, key, fingerprint) or done(work)
        if policy is not None:
            request.META[LEFT] = policy.left(work.cursor, visitor, work.now)
        return made

    try:
        with turn(_turns, "accepted"):
            return run_in_transaction(whole).response()
    except InvalidRequest as error:
        raise INVALID.problem(str(error)) from error
    except TooManyRequests as error:
        kind = OVERLOADED if isinstance(error, Overloaded) else TOO_MANY
        headers = {"Retry-After": str(error.retry_after)}
        raise Problem(error.status, str(error), kind, headers=headers) from error


@contextmanager
def turn(turns: BoundedSemaphore, deed: str) -> Iterator[None]:
    """Hold one of the turns, after at most PATIENCE seconds, or raise Problem 503."""
    if not turns.acquire(timeout=PATIENCE):
        raise away(
            f"Too much is being {deed} at this moment. Try again in a moment.", retry_after=1
        )
    try:
        yield
    finally:
        turns.release()


def _key(request: HttpRequest) -> str:
    """Return the key, a quoted string in the draft, which is accepted without quotes too.

    Raises Problem 400.
    """
    field = request.headers.get(FIELD, "").strip()
    quoted = QUOTED.fullmatch(field)
    key = ESCAPED.sub(r"\1", quoted[1]) if quoted else field
    if not key.strip() or len(key) > LONGEST or not (quoted or BARE.fullmatch(field)):
        raise KEY_MISSING.problem(
            f"Send an {FIELD} of 1 to {LONGEST} printable ASCII characters, best a UUID."
        )
    return key


def _address_scope(request: HttpRequest) -> str:
    """Return the owner of a stranger's keys: a keyed hash that does not reveal the address."""
    digest = salted_hmac("portfolio.api.idempotency", sender_address(request)).hexdigest()
    return f"address-{digest[:32]}"


def _first_answer(work: UnitOfWork, scope: str, key: str, fingerprint: str) -> Answer | None:
    """Return the answer that this key got, or None when this transaction must make it.

    Raises Problem 409 or 422.
    """
    kept = _kept(work, scope, key, fingerprint)
    if kept is not None:
        return kept
    work.cursor.execute(LOCK, (f"{scope}\n{key}",))
    if work.cursor.fetchone() != (True,):
        raise KEY_IN_USE.problem(
            "The first request with this key is under way. Ask again in a moment.",
            headers={"Retry-After": "1"},
        )
    # Read again: the first request may have committed before the lock was free.
    return _kept(work, scope, key, fingerprint)


def _kept(work: UnitOfWork, scope: str, key: str, fingerprint: str) -> Answer | None:
    work.cursor.execute(FIND, (scope, key, work.now - KEPT))
    found: tuple[Any, ...] | None = work.cursor.fetchone()
    if found is None:
        return None
    known, status, headers, body = found
    if known != fingerprint:
        raise KEY_REUSED.problem(
            "This key has been used for another request. Make a new one for each deed."
        )
    return Answer(status, bytes(body), headers, replayed=True)
