"""The transactional outbox beside a dual write, each by a process that is killed on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import msgspec

from cluster.checkout.contract import StartCheckout
from cluster.messaging.envelope import new_message_id
from cluster.messaging.fault_injection import LONGEST, NOTIFY, FaultRule, Operation, encode_rule
from cluster.messaging.publisher import BROKER_ERRORS
from cluster.messaging.topology import bind_addressed, connect
from cluster.messaging.work import UnitOfWork
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.broker_accounts import secret_of
from cluster.secrets.postgres import Cursor
from cluster.secrets.vault import VaultClient
from cluster.storefront.admission import limit_visitor
from cluster.storefront.checkout_intake import CheckoutOrder, Outcome, accept_checkouts
from cluster.storefront.journal.queries import Entry, entries_of
from cluster.storefront.repository import Announced, announced_checkouts
from config import environment
from config.waiting import wait_until
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.killed_process import kill_after_line
from portfolio.demos.outbox_writer import (
    COMMITTED,
    MODULE,
    PUBLISHED,
    Asked,
    Flow,
    store_then_publish,
)
from portfolio.demos.queries import entry_rows, read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure, note
from portfolio.demos.sagas import USUAL, order_of, run_within_limits
from portfolio.demos.waiting import at_least, await_read, ends_of

COMMAND: Final = StartCheckout.message_type.name
ARRIVES_WITHIN: Final = 0.3  # seconds; a message that was sent arrives within milliseconds

SCRATCH: Final = "SELECT id, xmin::text, at::text FROM demo_scratch WHERE run = %s"


def run(visit: Visit, values: Values) -> Result:
    """Write both ways, kill both processes, and count the rows stored and messages delivered."""
    count, held = int(values["count"]), int(values["seconds"])
    orders = [order_of(visit.visitor, Outcome.SUCCESS) for _ in range(count)]
    ids = [order.id for order in orders]
    _hold_back(orders, held)
    asked = Asked(
        flow=Flow.OUTBOX, run=visit.run, visitor=visit.visitor, checkouts=tuple(ids), sku=USUAL
    )
    death = kill_after_line(COMMITTED, module=MODULE, asked=msgspec.json.encode(asked).decode())
    waiting = read("site", announced_checkouts, ids)
    naive, lost = _dual_write(visit, Flow(str(values["naive"])))
    left = await_read("site", _starts, ids, until=at_least(count), within=held + 15)
    ended = ends_of(ids)
    with_outbox = Side(
        title="With the outbox",
        sentence=f"One transaction wrote {count} checkouts and their messages. Then the process "
        f"was killed. The relay, told to hold these for {held} s, found them in the table.",
        figures=(
            figure("The process was ended by", death.words),
            figure("Messages that left", len(left)),
            figure("Checkouts that completed", ended["completed"]),
        ),
        tables=(
            _waiting(waiting),
            entry_rows("As they were heard, and how long after the commit", left),
        ),
    )
    return Result(
        headline=f"{len(left)} of {count} messages left the outbox after their process had died. "
        f"{lost.sentence}",
        sides=(with_outbox, naive),
        checks=(*_checks(ids, waiting, left, ended["completed"]), lost),
        correlations=tuple(ids),
    )


def _starts(cursor: Cursor, ids: Sequence[UUID]) -> list[Entry]:
    """Return the journal's entries of the messages that start these checkouts."""
    return entries_of(cursor, ids, types=[COMMAND])


def _hold_back(orders: Sequence[CheckoutOrder], seconds: int) -> None:
    """Ask the site's relay to delay the messages that start these checkouts, and no others."""

    def ask(work: UnitOfWork) -> None:
        limit_visitor(work, visitor=orders[0].visitor, checkout=orders[0].id)
        for order in orders:
            rule = FaultRule(
                id=f"demo {order.id}",
                operation=Operation.DELAY,
                correlation=str(order.id),
                type=COMMAND,
                seconds=seconds,
                until=work.now.timestamp() + LONGEST,
                limit=1,
            )
            work.cursor.execute(NOTIFY, (encode_rule(rule),))

    run_within_limits(ask)


def _dual_write(visit: Visit, flow: Flow) -> tuple[Side, Check]:
    """Store a row and publish its message as two steps, by a process killed between them."""
    row = new_message_id()
    name = f"demo.dual-write.{row}"
    word = COMMITTED if flow is Flow.STORE_THEN_PUBLISH else PUBLISHED
    try:
        with _queue(name) as channel:
            asked = Asked(flow=flow, run=visit.run, row=row, queue=name)
            death = kill_after_line(word, module=MODULE, asked=msgspec.json.encode(asked).decode())
            arrived = _arrived(channel, name)
    except BROKER_ERRORS:
        return _not_tried()
    rows = read("site", _scratch, visit.run)
    side = Side(
        title=f"Without it: {_WORDS[flow]}",
        sentence="Two systems, two steps, and the process was killed between them.",
        figures=(
            figure("The process was ended by", death.words),
            figure("Rows that stand", len(rows)),
            figure("Messages that arrived", arrived),
        ),
        tables=(table("site", "The row", ("id ends in", "xmin", "at"), rows),),
    )
    return side, _verdict(stored=len(rows), arrived=arrived)


_WORDS: Final = {
    Flow.STORE_THEN_PUBLISH: "commit, then publish",
    Flow.PUBLISH_THEN_STORE: "publish, then commit",
}


def _verdict(*, stored: int, arrived: int) -> Check:
    if stored and not arrived:
        sentence = "The dual write’s row stands, and nobody will ever hear of it."
    elif arrived and not stored:
        sentence = "The dual write’s message is out, and speaks of a row that does not exist."
    else:
        sentence = "The dual write got through this time: the kill came too late."
    return note("the dual write, for comparison", sentence)


def _not_tried() -> tuple[Side, Check]:
    sentence = "The broker was away, so the dual write was not tried."
    side = Side(title="Without it: not tried", sentence=sentence)
    return side, note("the dual write, for comparison", sentence)


@contextmanager
def _queue(name: str) -> Iterator[Any]:
    """Yield a channel with a queue that is deleted with it. Raises one of BROKER_ERRORS."""
    vault = VaultClient(identity=environment.vault_identity())
    connection = connect(broker_url_with(lambda: vault.read_kv(secret_of("web"))))
    try:
        channel = connection.channel()
        channel.queue_declare(name, exclusive=True)
        bind_addressed(channel, name)
        yield channel
    finally:
        connection.close()


def _scratch(cursor: Cursor, run: UUID) -> list[tuple[Any, ...]]:
    return cursor.execute(SCRATCH, (run,)).fetchall()


def _arrived(channel: Any, queue: str) -> int:
    return wait_until(
        lambda: int(bool(channel.basic_get(queue, no_ack=True))),
        within=ARRIVES_WITHIN,
        every=ARRIVES_WITHIN / 10,
    )


def _waiting(rows: Sequence[Announced]) -> Table:
    caption = "While they waited: each checkout, its message, and what wrote them"
    columns = ("checkout", "its xmin", "outbox id", "its xmin", "message")
    return table("site", caption, columns, rows)


def _checks(
    ids: Sequence[UUID], waiting: Sequence[Announced], left: Sequence[Entry], completed: int
) -> Iterator[Check]:
    same = sum(row.written_by == row.message_written_by for row in waiting)
    if len(waiting) == len(ids):
        yield check(
            "a row and its message commit together",
            holds=same == len(ids),
            sentence=f"{same} of {len(ids)} pairs have the same xmin.",
        )
    else:
        yield note(
            "a row and its message commit together",
            f"Only {len(waiting)} of {len(ids)} were still waiting when we looked.",
        )
    heard = [entry.correlation for entry in left]
    yield check(
        "no message is lost or sent anew",
        holds=sorted(heard) == sorted(ids),
        sentence=f"{len(heard)} were heard of {len(ids)} that were written.",
    )
    yield check(
        "they left in the order of their commit",
        holds=heard == [identifier for identifier in ids if identifier in heard],
        sentence=f"Heard in the order {', '.join(str(one)[-8:] for one in heard)}.",
    )
    yield check(
        "every checkout completed",
        holds=completed == len(ids),
        sentence=f"{completed} of {len(ids)} completed, though nobody who began them lives.",
    )


DEMO: Final = demo(
    "outbox",
    controls=(
        Number("count", "Checkouts", 1, 8, 4),
        Number("seconds", "Held back for (s)", 1, 8, 1),
        Choice(
            "naive",
            "The dual write",
            (
                (Flow.STORE_THEN_PUBLISH.value, "commits, then publishes"),
                (Flow.PUBLISH_THEN_STORE.value, "publishes, then commits"),
            ),
        ),
    ),
    run=run,
    code=(accept_checkouts, store_then_publish),
    seconds=10,
)
