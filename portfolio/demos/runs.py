"""The runs of demos for visitors: limited in rate, once for each id, and stored with results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
from django.db import connection, transaction

from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage
from cluster.secrets.vault import SecretsError
from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter, NoneFree, ShareUsed
from config import environment
from config.revision import running_revision
from portfolio.demos.caller import Caller, SiteAway
from portfolio.demos.controls import Value
from portfolio.demos.demo import Demo, Visit
from portfolio.demos.models import DemoRun
from portfolio.demos.result import Result
from portfolio.edge.rate_limit import FixedWindowLimiter

logger = logging.getLogger(__name__)

PERIOD: Final = timedelta(minutes=1)
MOST_IN_PERIOD: Final = 20  # for each visitor
MOST_OF_ADDRESS: Final = 60  # three visitors of one office at their full pace
MOST_AT_ONCE: Final = 3  # in one web process: the cluster has other work
# Of one address. One place stays for others, and the visitors of one office wait for each other.
MOST_AT_ONCE_OF_ADDRESS: Final = 2
PATIENCE: Final = 10.0  # seconds that a run waits for others to end
# Seconds before each further attempt to store a run: a database is back within a few seconds of
# its death, and a visitor who has pressed the button waits for seconds anyway.
PAUSES: Final = (0.1, 0.4, 1.0, 1.5, 2.0, 2.0)
CUT_OFF_AFTER: Final = timedelta(seconds=90)  # longer than any demo takes

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

_places: Final = ConcurrencyLimiter(MOST_AT_ONCE, MOST_AT_ONCE_OF_ADDRESS)
_of_addresses: Final = FixedWindowLimiter("demos", MOST_OF_ADDRESS, int(PERIOD.total_seconds()))


class RunRefused(Exception):
    """A run that is not started. The message says why, and `retry_after` is in seconds."""

    def __init__(self, detail: str, *, status: HTTPStatus, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


def run_demo(
    demo: Demo,
    choices: Mapping[str, Value],
    *,
    run_id: UUID,
    visitor: str,
    address: str,
    cookies: Mapping[str, str],
) -> DemoRun:
    """Run a demo to its end and store its result, or return the stored run of the same id.

    `address` is the key of where the request comes from. Raises RunRefused, or Django's Error
    while the site's database is away.
    """
    if wait := _of_addresses.take(address):
        raise RunRefused(
            "Your address has run many demos in the last minute. Wait a little.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=wait,
        )
    with _place(address):
        run = _register(demo, choices, run_id, visitor)
        if run is None:
            return kept(run_id, demo)
        result, problem = _run(demo, choices, run, cookies)
    _end(run, result, problem)
    return run


def kept(run_id: UUID, demo: Demo) -> DemoRun:
    """Return a run that was started.

    Raises DoesNotExist when there is none of this id, or it belongs to another demo.
    """
    return retry_on_disconnect(lambda: DemoRun.objects.get(id=run_id, demo=demo.slug))


def latest_of(visitor: str, demo: Demo) -> DemoRun | None:
    """Return this visitor's latest run that has a result, or None."""
    runs = DemoRun.objects.filter(visitor=visitor, demo=demo.slug, result__isnull=False)
    return retry_on_disconnect(runs.order_by("-began").first)


def result_of(run: DemoRun) -> Result | None:
    """Return the result of a run, or None while it goes on, or when it failed or was cut off."""
    return None if run.result is None else msgspec.convert(run.result, Result)


def standing(run: DemoRun) -> str:
    """Return the state of a run in one sentence, or an empty string when it has a result."""
    if run.result is not None:
        return ""
    if run.problem:
        return run.problem
    if datetime.now(UTC) - run.began > CUT_OFF_AFTER:
        return "It was cut off as the web server died. What it had begun goes on without it."
    return "It is still running. Look again in a moment."


@contextmanager
def _place(address: str) -> Iterator[None]:
    """Hold one of the places in which demos run. Raises RunRefused after PATIENCE.

    Whoever waits for it has no connection to the database yet, of which there are few.
    """
    try:
        _places.acquire(address, PATIENCE)
    except ShareUsed as error:
        raise RunRefused(
            f"{MOST_AT_ONCE_OF_ADDRESS} demos from your address are running. "
            "Try again in a moment.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=5,
        ) from error
    except NoneFree as error:
        raise RunRefused(
            "Other visitors’ demos are running. Try again in a moment.",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            retry_after=5,
        ) from error
    try:
        yield
    finally:
        _places.release(address)


def _register(
    demo: Demo, choices: Mapping[str, Value], run_id: UUID, visitor: str
) -> DemoRun | None:
    """Store that a run begins, or return None when this id has begun before. Raises RunRefused."""

    def register() -> DemoRun | None:
        now = datetime.now(UTC)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(LOCK, [f"demo {visitor}"])
            if DemoRun.objects.filter(id=run_id).exists():
                return None
            recent = DemoRun.objects.filter(visitor=visitor, began__gt=now - PERIOD).count()
            if recent >= MOST_IN_PERIOD:
                raise RunRefused(
                    f"You have run {recent} demos in the last minute. Wait a little.",
                    status=HTTPStatus.TOO_MANY_REQUESTS,
                    retry_after=int(PERIOD.total_seconds()),
                )
            return DemoRun.objects.create(
                id=run_id,
                demo=demo.slug,
                visitor=visitor,
                choices=dict(choices),
                began=now,
                revision=running_revision().short,
            )

    return retry_on_disconnect(register, PAUSES)


def _run(
    demo: Demo, choices: Mapping[str, Value], run: DemoRun, cookies: Mapping[str, str]
) -> tuple[Result | None, str]:
    """Return the result, or one plain sentence on why there is none."""
    call = Caller(environment.site_url(), dict(cookies))
    try:
        return demo.run(Visit(run.visitor, run.id, call), choices), ""
    except (InvalidRequest, SiteAway) as error:
        return None, str(error)
    except SecretsError as error:
        logger.warning("the demo %s found no credentials: %s", demo.slug, error)
        return None, "OpenBao, which lends the database logins, is away. Try again in a moment."
    except Exception as error:
        if is_outage(error):
            logger.warning("the demo %s met a database that is away: %s", demo.slug, error)
            return None, "A database that it needs is away. Try again in a moment."
        logger.exception("the demo %s failed", demo.slug)
        return None, "It failed in a way that nobody foresaw, which has been logged."


def _end(run: DemoRun, result: Result | None, problem: str) -> None:
    def save() -> None:
        run.ended = datetime.now(UTC)
        run.result = None if result is None else msgspec.to_builtins(result)
        run.problem = problem
        run.save(update_fields=["ended", "result", "problem"])

    retry_on_disconnect(save, PAUSES)
