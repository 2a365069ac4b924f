"""New database credentials for this web server while it serves, and a lease that is revoked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self

from cluster.secrets import policies
from cluster.secrets.django.base import DatabaseWrapper
from cluster.secrets.postgres import database
from portfolio.demos.caller import Answer, SiteAway
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.logins import Watch, watch
from portfolio.demos.result import Check, Link, Result, Side, Table, check, figure
from portfolio.demos.revocation import Revoked, revoke_own_lease

PATH: Final = "/api/v1/checkouts"  # read from the database, for every request
CALLERS: Final = 3
AFTERWARDS: Final = 0.8  # seconds of requests after the last rotation: the old login ends
RECOVERY: Final = 2.0  # seconds that a revocation may cost


@dataclass(slots=True)
class Load:
    """Threads that send one request after the other until their `with` block ends."""

    visit: Visit
    answers: list[Answer] = field(default_factory=list)
    silent: list[SiteAway] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._ask, name=f"demo-load-{number}", daemon=True)
            for number in range(CALLERS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> int:
        """The number of requests that were not answered, or not with 200."""
        return len(self.silent) + sum(one.status != HTTPStatus.OK for one in self.answers)

    def _ask(self) -> None:
        while not self._end.is_set():
            try:
                self.answers.append(self.visit.call("GET", PATH))
            except SiteAway as error:
                self.silent.append(error)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation: the new login, and how many seconds it took to get it."""

    login: str
    took: float


def run(visit: Visit, values: Values) -> Result:
    """Send requests all the time, lease new credentials meanwhile, and count failed requests."""
    holder = database("site")
    logins, rotations = [holder.current().username], []
    with watch() as watched, Load(visit) as load:
        for _ in range(int(values["rotations"])):
            began = time.monotonic()
            login = holder.rotate().username
            rotations.append(Rotation(login, time.monotonic() - began))
            logins.append(login)
        time.sleep(AFTERWARDS)
    revoked = revoke_own_lease() if values["revoke"] == "yes" else None
    sides = [_rotation_side(load, watched, logins, rotations)]
    if revoked is not None:
        sides.append(_revocation_side(revoked))
    return Result(
        headline=f"{len(rotations)} rotations under {len(load.answers)} requests: "
        f"{load.failed} failed."
        + (
            f" A revoked login was replaced after {revoked.recovered * 1000:.0f} ms."
            if revoked is not None and revoked.recovered is not None
            else ""
        ),
        sides=tuple(sides),
        checks=tuple(_checks(load, watched, logins, revoked)),
    )


def _rotation_side(
    load: Load, watched: Watch, logins: Sequence[str], rotations: Sequence[Rotation]
) -> Side:
    times = sorted(one.exchange.milliseconds for one in load.answers) or [0.0]
    return Side(
        title="Rotation",
        sentence="The lease renewer leases a new login from OpenBao. Connections move to it "
        "between two transactions, and the old lease is revoked when no session uses it any more.",
        figures=(
            figure("Requests meanwhile", len(load.answers)),
            figure("Failed", load.failed),
            figure("The slowest answer", times[-1], "ms"),
            figure("A new login took, at most", 1000 * max(one.took for one in rotations), "ms"),
            figure("Old and new seen side by side", f"{_overlaps(watched)} times"),
        ),
        tables=(
            Table(
                caption="This process’s sessions by login, as pg_stat_activity listed them",
                database="site",
                columns=("login", "first seen", "last seen", "sessions, at most"),
                rows=tuple(_seen(watched, login) for login in dict.fromkeys(logins)),
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
            Table(
                caption="What PostgreSQL said",
                database="",
                columns=("to whom", "login", "answer"),
                rows=(
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
