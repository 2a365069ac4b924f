"""Find from the databases the messages that only the broker held, and send them again.

    python -m cluster.operations.resend journalled --within 60
    python -m cluster.operations.resend again --ahead URL --report FILE

A message that has left its outbox and is in no inbox was held by the broker alone. The streams say
which: an outbox knows the last sequence of each, an inbox the last that was applied. The journal
has the messages themselves. One that had not been journalled yet is in the journal of a little
later, to which a second copy of the site's database was recovered (`--ahead`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.messaging import recovery
from cluster.messaging.recovery import Again, Sent
from cluster.messaging.service import Service
from cluster.secrets.postgres import Cursor, database
from cluster.services import load_all
from cluster.storefront.journal import recovery as journal
from config.waiting import wait_until

LOOK_EVERY: Final = 1.0  # seconds
UNKNOWN: Final = (
    "Scheduled tasks that waited in the broker are not sent again, since beat sends them anew.",
    "Messages that no outbox of the platform had announced are not known to it, and are lost.",
    "A dead letter that could not be decoded, and was replayed shortly before, stays replayed.",
)

Key = tuple[str, str, int]  # source, subject, sequence


@dataclass(frozen=True)
class Ahead:
    """A stream of which a service has applied more than its source has announced."""

    service: str
    source: str
    subject: str
    announced: int
    applied: int


@dataclass(frozen=True)
class Held:
    """The messages that only the broker held, with the queues that lack each."""

    lacking: Mapping[Key, Sequence[str]]
    ahead: Sequence[Ahead]


@contextmanager
def cursors_in_all(
    connect: Callable[[str], psycopg.Connection[Any]],
) -> Iterator[Mapping[str, Cursor]]:
    """Yield a cursor in the database of each service, by its name."""
    with ExitStack() as stack:
        yield {
            service.name: stack.enter_context(connect(service.name)).cursor()
            for service in load_all()
        }


def held_by_broker(cursors: Mapping[str, Cursor], services: Sequence[Service]) -> Held:
    """Return what has left its outbox and has not arrived everywhere."""
    sent = {name: recovery.sent(cursor) for name, cursor in cursors.items()}
    waiting = {name: recovery.waiting(cursor) for name, cursor in cursors.items()}
    kept = {name: recovery.kept(cursor) for name, cursor in cursors.items()}
    lacking: dict[Key, list[str]] = {}
    ahead: list[Ahead] = []
    for service in services:
        if service.journals:
            missing = _not_journalled(cursors[service.name], sent)
        else:
            applied = recovery.applied(cursors[service.name])
            missing, too_many = _not_applied(service, services, sent, applied)
            ahead += too_many
        for key in missing:
            source, subject, number = key
            is_waiting = any((subject, number, to) in waiting[source] for to in ("", service.queue))
            # A dead letter of the source could not be published. It is sent when it is replayed.
            if not (is_waiting or key in kept[service.name] or key in kept[source]):
                lacking.setdefault(key, []).append(service.queue)
    return Held(lacking, ahead)


def _not_applied(
    service: Service,
    services: Sequence[Service],
    sent: Mapping[str, Mapping[str, Sent]],
    applied: Mapping[tuple[str, str], int],
) -> tuple[set[Key], list[Ahead]]:
    """Return the messages that a service has to apply yet, and the streams it is ahead in."""
    missing: set[Key] = set()
    ahead: list[Ahead] = []
    for source, aggregates in aggregates_consumed(services)[service.name].items():
        for subject, (last, _) in sent[source].items():
            if subject.partition("/")[0] not in aggregates:
                continue
            reached = applied.get((source, subject), 0)
            missing.update((source, subject, number) for number in range(reached + 1, last + 1))
            if reached > last:
                ahead.append(Ahead(service.name, source, subject, last, reached))
    return missing, ahead


def _not_journalled(site: Cursor, sent: Mapping[str, Mapping[str, Sent]]) -> set[Key]:
    """Return the messages that were announced and are not in the journal, purged ones aside."""
    extents, purged_before = journal.extents(site), journal.purged_before(site)
    expected: set[Key] = set()
    for source, streams in sent.items():
        for subject, (last, at) in streams.items():
            extent = extents.get((source, subject))
            if extent and extent.is_whole and extent.last >= last:
                continue
            if purged_before and at < purged_before:
                continue
            first = extent.first if extent and purged_before else 1
            expected.update((source, subject, number) for number in range(first, last + 1))
    streams_of = {(source, subject) for source, subject, _ in expected}
    return expected - journal.sequences(site, streams_of) if expected else set()


def await_journal(*, within: float) -> int:
    """Wait until the journal has what the broker holds for it now, and return how much it lacks."""
    wanted: set[Key] | None = None

    def lacking() -> set[Key]:
        nonlocal wanted
        with cursors_in_all(lambda name: database(name, auditor=True).connect()) as cursors:
            sent = {name: recovery.sent(cursor) for name, cursor in cursors.items()}
            waiting = {name: recovery.waiting(cursor) for name, cursor in cursors.items()}
            found = _not_journalled(cursors["site"], sent)
        if wanted is None:  # what still waits in an outbox is in the backup
            wanted = {key for key in found if (key[1], key[2], "") not in waiting[key[0]]}
        return wanted & found

    return len(wait_until(lacking, holds=lambda found: not found, within=within, every=LOOK_EVERY))


def send_again(ahead: str) -> dict[str, Any]:
    """Send what only the broker held, as far as a journal has it, and return the report."""
    services = load_all()
    with (
        psycopg.connect(ahead) as later,
        cursors_in_all(lambda name: database(name).connect()) as cursors,
    ):
        held = held_by_broker(cursors, services)
        streams = {(source, subject) for source, subject, _ in held.lacking}
        # The journal of the moment itself is the better one: a later one may be redacted.
        known = {
            **journal.messages(later.cursor(), streams),
            **journal.messages(cursors["site"], streams),
        }
        again: dict[str, list[Again]] = {}
        for key, queues in held.lacking.items():
            if key in known:
                source, subject, number = key
                message_id, type_, body = known[key]
                again.setdefault(source, []).extend(
                    Again(message_id, queue, type_, subject, number, body) for queue in queues
                )
        for source, messages in again.items():
            recovery.resend(cursors[source], messages)
    return {
        "sent_again": [
            {**_named(key), "id": str(known[key].message_id), "type": known[key].type, "to": queues}
            for key, queues in sorted(held.lacking.items())
            if key in known
        ],
        "lost": [
            {**_named(key), "to": queues}
            for key, queues in sorted(held.lacking.items())
            if key not in known
        ],
        "ahead": [asdict(one) for one in held.ahead],
        "not_known": list(UNKNOWN),
    }


def _named(key: Key) -> dict[str, Any]:
    source, subject, number = key
    return {"source": source, "subject": subject, "sequence": number}


def main() -> int:
    parser = argparse.ArgumentParser(prog="cluster.operations.resend")
    actions = parser.add_subparsers(dest="action", required=True)
    journalled = actions.add_parser("journalled", help="wait until the journal has everything")
    journalled.add_argument("--within", type=float, required=True, help="seconds")
    again = actions.add_parser("again", help="send what only the broker held")
    again.add_argument("--ahead", required=True, help="URL of the site's later database")
    again.add_argument("--report", type=Path, required=True, help="a file to write")
    options = parser.parse_args()
    if options.action == "journalled":
        lacking = await_journal(within=options.within)
        print(f"{lacking} messages are not in the journal")  # a restore names those that are lost
        return 0
    options.report.write_text(json.dumps(send_again(options.ahead), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
