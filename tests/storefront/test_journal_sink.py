"""Several workers that record the same deliveries write each of them to the journal once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import encode_envelope
from cluster.secrets.postgres import Database, DatabaseSession
from cluster.storefront.journal import recorder
from cluster.storefront.journal.recorder import DUPLICATES, JournalSink
from compose.servers.postgres import binaries
from tests.databases import superuser_address
from tests.messaging.messages import envelope

WORKERS = 3
BATCHES, BATCH = 20, 10


@pytest.fixture
def journal(scratch: DatabaseSession) -> Iterator[DatabaseSession]:
    """The scratch database, with a journal."""
    dump = [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges"]
    schema = subprocess.run(
        [*dump, "--table=journal", f"{superuser_address('site')}/site"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    statements = "\n".join(line for line in schema.splitlines() if not line.startswith("\\"))
    with scratch.transaction() as connection:
        connection.execute(statements.encode())
        connection.execute("SET search_path TO DEFAULT")
    yield scratch
    with scratch.transaction() as connection:
        connection.execute("DROP TABLE journal")


def test_workers_that_share_the_queue_record_each_message_once_and_without_a_gap(
    journal: DatabaseSession, scratch_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two replicas would, or a worker and its successor that gets its deliveries again."""
    monkeypatch.setattr(recorder, "announce", lambda *_: None)
    event = StockReserved(sku="tea", quantity=1)
    bodies = [
        [encode_envelope(envelope(event, source="catalog")) for _ in range(BATCH)]
        for _ in range(BATCHES)
    ]
    together = Barrier(WORKERS)

    def work() -> None:
        session = DatabaseSession(scratch_database)
        recording = JournalSink(session)
        for batch in bodies:
            together.wait(timeout=20)
            recording.apply(batch)
        session.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        for one in [pool.submit(work) for _ in range(WORKERS)]:
            one.result()

    with journal.transaction() as connection:
        entries = connection.execute("SELECT seq, message_id FROM journal ORDER BY seq").fetchall()
        [(duplicates,)] = connection.execute(
            "SELECT value FROM counter WHERE name = %s", (DUPLICATES,)
        ).fetchall()
        [(letters,)] = connection.execute("SELECT count(*) FROM dead_letter").fetchall()
    sent = BATCHES * BATCH
    assert [seq for seq, _ in entries] == list(range(1, sent + 1))
    assert len({message for _, message in entries}) == sent
    assert (duplicates, letters) == ((WORKERS - 1) * sent, 0)
