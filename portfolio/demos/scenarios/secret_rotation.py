"""New database credentials for this web server while it serves, and a lease that is revoked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from cluster.secrets import policies
from cluster.secrets.django.base import DatabaseWrapper
from cluster.secrets.postgres import database
from config.waiting import repeated
from portfolio.demos.caller import Answer, Caller, SiteAway
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.logins import Watch, watch
from portfolio.demos.queries import table
from portfolio.demos.result import Check, Link, Result, Side, check, figure
from portfolio.demos.revocation import Revoked, revoke_own_lease

PATH: Final = "/api/v1/checkouts"  # read from the database, for every request
CALLERS: Final = 3
AFTERWARDS: Final = 0.8  # seconds of requests after the last rotation: the old login ends
RECOVERY: Final = 2.0  # seconds that a revocation may cost


@dataclass(frozen=True, slots=True)
class Load:
    """The requests that were sent meanwhile: those with an answer, and those without."""

    answers: list[Answer] = field(default_factory=list)
    silent: list[SiteAway] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """The number of requests that were not answered, or not with 200."""
        return len(self.silent) + sum(one.status != HTTPStatus.OK for one in self.answers)


@contextmanager
def _load(call: Caller) -> Iterator[Load]:
    """Send one request after the other in each of CALLERS threads until the block ends."""
    load = Load()

    def ask() -> None:
        try:
            load.answers.append(call("GET", PATH))
        except SiteAway as error:
            load.silent.append(error)

    with ExitStack() as callers:
        for number in range(CALLERS):
            callers.enter_context(repeated(ask, every=0, name=f"demo-load-{number}"))
        yield load


def run(visit: Visit, values: Values) -> Result:
    """Send requests all the time, lease new credentials meanwhile, and count failed requests."""
    holder = database("site")
    logins, took = [holder.current().username], []
    with watch() as watched, _load(visit.call) as load:
        for _ in range(int(values["rotations"])):
            began = time.monotonic()
            logins.append(holder.rotate().username)
            took.append(time.monotonic() - began)
        time.sleep(AFTERWARDS)
    revoked = revoke_own_lease() if values["revoke"] == "yes" else None
    sides = [_rotation_side(load, watched, logins, max(took))]
    if revoked is not None:
        sides.append(_revocation_side(revoked))
    return Result(
        headline=f"{len(took)} rotations under {len(load.answers)} requests: "
        f"{load.failed} failed."
        + (
            f" A revoked login was replaced after {revoked.recovered * 1000:.0f} ms."
            if revoked is not None and revoked.recovered is not None
            else ""
        ),
        sides=tuple(sides),
        checks=tuple(_checks(load, watched, logins, revoked)),
    )


def _rotation_side(load: Load, watched: Watch, logins: Sequence[str], slowest: float) -> Side:
    times = sorted(one.exchange.milliseconds for one in load.answers) or [0.0]
    return Side(
        title="Rotation",
        sentence="The lease renewer leases a new login from OpenBao. Connections move to it "
        "between two transactions, and the old lease is revoked when no session uses it any more.",
        figures=(
            figure("Requests meanwhile", len(load.answers)),
            figure("Failed", load.failed),
            figure("The slowest answer", times[-1], "ms"),
            figure("A new login took, at most", 1000 * slowest, "ms"),
            figure("Old and new seen side by side", f"{_overlaps(watched)} times"),
        ),
        tables=(
            table(
                "site",
                "This process’s sessions by login, as pg_stat_activity listed them",
                ("login", "first seen", "last seen", "sessions, at most"),
                (_seen(watched, login) for login in dict.fromkeys(logins)),
            ),
        ),
        exchanges=tuple(one.exchange for one in load.answers[-1:]),
    )


def _seen(watched: Watch, login: str) -> tuple[str, str, str, str]:
    looks = watched.of(login)
    if not looks:
        return login, "–", "–", "0"
    most = max(look.sessions[login] for look in looks)
    return login, f"{looks[0].at:.1f} s", f"{looks[-1].at:.1f} s", str(most)


def _overlaps(watched: Watch) -> int:
    return sum(len(look.sessions) > 1 for look in watched.looks)


def _revocation_side(revoked: Revoked) -> Side:
    return Side(
        title="Revocation, of a lease of this run’s own",
        sentence="Taken, used and revoked through OpenBao. PostgreSQL ends the session at once; "
        "the next unit of work finds itself without a connection and comes back with a new login.",
        figures=(
            figure("OpenBao had done it after", 1000 * revoked.answered, "ms"),
            figure(
                "The next unit of work was committed after",
                "–" if revoked.recovered is None else 1000 * revoked.recovered,
                "ms",
            ),
        ),
        links=(
            Link(
                path="/chaos/experiments/revoke-leases-orders/",
                words="Revoke every lease of orders, under load",
            ),
            Link(
                path="/chaos/experiments/revoke-leases-payments/",
                words="Revoke every lease of payments",
            ),
        ),
        tables=(
            table(
                "",
                "What PostgreSQL said",
                ("to whom", "login", "answer"),
                (
                    ("the old session", revoked.old, revoked.session or "it went on"),
                    ("a new attempt with it", revoked.old, revoked.login or "it was let in"),
                    ("the next unit of work", revoked.new, "committed"),
                ),
            ),
        ),
    )


def _checks(
    load: Load, watched: Watch, logins: Sequence[str], revoked: Revoked | None
) -> Iterator[Check]:
    statuses = Counter(str(one.status) for one in load.answers)
    statuses["none"] = len(load.silent)
    said = ", ".join(f"{status}: {times}" for status, times in statuses.items() if times)
    yield check(
        "no request failed", holds=not load.failed and bool(load.answers), sentence=f"{said}."
    )
    yield check(
        "each rotation has its own login",
        holds=len(set(logins)) == len(logins),
        sentence=f"{len(logins)} logins, {len(set(logins))} of them different.",
    )
    moved = watched.of(logins[-1])
    yield check(
        "sessions have moved to the newest login",
        holds=bool(moved),
        sentence=f"{max((look.sessions[logins[-1]] for look in moved), default=0)} sessions were "
        "seen with it.",
    )
    if revoked is not None:
        yield check(
            "a revoked login is of no use",
            holds=bool(revoked.session and revoked.login),
            sentence="Its session was ended, and another attempt refused."
            if revoked.session and revoked.login
            else "Something still worked with it.",
        )
        yield check(
            f"the work goes on within {RECOVERY:.0f} s",
            holds=revoked.recovered is not None and revoked.recovered < RECOVERY,
            sentence="It did not in time."
            if revoked.recovered is None
            else f"After {revoked.recovered * 1000:.0f} ms, with another login.",
        )


DEMO: Final = demo(
    "secret-rotation",
    controls=(
        Number("rotations", "Rotations", 1, 10, 2),
        Choice("revoke", "Then revoke a lease", (("yes", "yes, one of this run"), ("no", "no"))),
    ),
    run=run,
    code=(DatabaseWrapper, policies),
    seconds=15,
)
