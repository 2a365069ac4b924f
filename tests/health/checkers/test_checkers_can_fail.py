"""Every invariant fails when a row is tampered with, and the audit names that row.

The real databases of the running cluster are examined with the real queries. All
tampering happens inside transactions of the superuser that are never committed,
over snapshots of one moment at which nothing was in flight. The cluster goes on
undisturbed meanwhile, and nothing has to be repaired afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import psycopg
import pytest

from chaos.benchmarks.history import KnownBooks
from cluster.health.checkers.audit import Books, ProviderBooks, examine
from cluster.health.checkers.changes import search_all
from cluster.health.checkers.finding import Finding, Outcome
from cluster.health.checkers.invariants import INVARIANTS, Promise
from cluster.health.checkers.narrowed import narrowed
from cluster.health.checkers.snapshot import Snapshots
from cluster.identity.contract import IssueToken
from cluster.kit.source.resolve import locate
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.operations.plan import Wanted
from cluster.payments.provider_api import Balance
from cluster.payments.sandbox.client import ProviderUnavailableError
from cluster.services import load_all
from cluster.storefront.transactions import run_in_transaction
from config.environment import DATABASES
from tests.cluster.cluster import Cluster
from tests.cluster.test_erasure import (
    ask_for_erasure,
    await_settled,
    await_status,
    new_visitor,
    refund,
)
from tests.conditions import eventually
from tests.databases import superuser_address
from tests.health.checkers.columns import change_of, reason_of, row_of
from tests.health.checkers.tampering import COUNTED, PROVIDER, TAMPERINGS, Tampering
from tests.sampling import all_in_full

needs_platform = pytest.mark.alone  # a moment at rest is rare under the load of other tests


CONSTRAINTS_OF: Final = """
    SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid
     WHERE conrelid = %(table)s::regclass AND contype = 'c'
       AND attname = %(column)s AND attnum = ANY (conkey)
"""


# A narrowed query answers by a setting of the transaction, so its answer cannot be remembered.
SETTING: Final = "verdict."


class Remembered(Snapshots):
    """Snapshots that query only the changed database again, and remember the other answers."""

    def __init__(
        self,
        snapshots: Snapshots,
        answers: dict[tuple[str, str, str], list[tuple[Any, ...]]],
        *,
        changed: str,
    ) -> None:
        super().__init__()
        self._snapshots = snapshots
        self._answers = answers
        self._changed = changed

    def rows(
        self, name: str, query: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        if name == self._changed or SETTING in query:
            return self._snapshots.rows(name, query, parameters)
        key = (name, query, repr(parameters))
        if key not in self._answers:
            self._answers[key] = self._snapshots.rows(name, query, parameters)
        return self._answers[key]


class Bench:
    """Snapshots of all databases at one moment, for tampering that is rolled back."""

    def __init__(self) -> None:
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._snapshots = Snapshots(connect=self._as_superuser)
        self._snapshots.__enter__()
        self._services = load_all()
        self._books = KnownBooks(ProviderBooks().balances())
        self._answers: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
        self.untouched = self.examine()
        self._checkpoint = search_all(self._snapshots).checkpoint(by="a test")

    def close(self) -> None:
        """Roll all changes back."""
        self._snapshots.__exit__(None, None, None)

    def after(
        self, tampering: Tampering, *, incremental: bool = False
    ) -> tuple[str, dict[str, Finding]]:
        """Tamper with a row, and return its name and the findings of the audit. Then undo it.

        An `incremental` audit has a checkpoint from before.
        """
        if tampering.database == PROVIDER:
            return self._after_provider_forgot_a_payment(incremental=incremental)
        connection = self._connections[tampering.database]
        with connection.transaction(force_rollback=True):  # a savepoint
            connection.execute(tampering.first.encode())
            row = connection.execute(tampering.change.encode()).fetchone()
            assert row, "there was nothing to tamper with"
            return str(row[0]), self._examine_again(tampering.database, incremental=incremental)

    def connection(self, database: str) -> psycopg.Connection[Any]:
        """Return the connection on which a database is examined."""
        return self._connections[database]

    def columns(self, database: str) -> list[tuple[str, str, str]]:
        """Return every table, column and type of a database."""
        return self._snapshots.rows(database, COLUMNS_OF)

    def unnamed(
        self, database: str, table: str, column: str, type_: str, *, incremental: bool = False
    ) -> str:
        """Return why no checker names a change of this column, or "" when one does.

        With `incremental`, also why a verdict from a checkpoint would not say the same.
        """
        connection = self._connections[database]
        where = {"table": table, "column": column}
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")  # no trigger runs
            for (name,) in self._snapshots.rows(database, CONSTRAINTS_OF, where):
                connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
            changed = connection.execute(
                f'UPDATE {table} SET "{column}" = {change_of(table, column, type_)} '
                f"WHERE {row_of(table)}".encode()
            ).rowcount
            if not changed:
                return "there is no row to change"
            found = failing(self._examine_again(database))
            if (
                incremental
                and found.keys() != failing(self._examine_again(database, incremental=True)).keys()
            ):
                return "an incremental verdict differs"
            return "" if found else "nobody has noticed"

    def _examine_again(self, database: str, *, incremental: bool = False) -> dict[str, Finding]:
        """Return the findings of `examine`, with earlier answers of all databases but this one."""
        snapshots = Remembered(self._snapshots, self._answers, changed=database)
        view, _, reading = narrowed(snapshots, self._checkpoint if incremental else None)
        print(reading.sentence)
        findings = examine(view, self._services, self._books)
        return {finding.name: finding for finding in findings}

    def _after_provider_forgot_a_payment(
        self, *, incremental: bool
    ) -> tuple[str, dict[str, Finding]]:
        known = self._books.balances()
        payment = next(p for p, balance in known.items() if balance.captured)
        forgotten = msgspec.structs.replace(known[payment], captured=0)
        view, _, _ = narrowed(self._snapshots, self._checkpoint if incremental else None)
        findings = examine(view, self._services, KnownBooks({**known, payment: forgotten}))
        return payment, {finding.name: finding for finding in findings}

    def examine(self, books: Books | None = None) -> dict[str, Finding]:
        """Return the findings of the audit now, with the books of the start unless given."""
        self._snapshots.look_again()
        findings = examine(self._snapshots, self._services, books or self._books)
        return {finding.name: finding for finding in findings}

    def _as_superuser(self, name: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(f"{superuser_address(name)}/{name}")
        self._connections[name] = connection
        return connection


@pytest.fixture(scope="module")
def bench(platform: None) -> Iterator[Bench]:
    """A moment at which nothing is in flight, after each outcome, a refund and an erasure."""
    cluster = Cluster()
    eventually(lambda: cluster.rows("site", "SELECT 1 FROM product WHERE restocked"))
    _live_through_every_outcome(cluster)
    found = eventually(_moment_of_rest, within=90.0, every=0.25)
    assert found is not None
    yield found
    found.close()


def _live_through_every_outcome(cluster: Cluster) -> None:
    visitor = new_visitor()
    ids = cluster.start_for(visitor, ("tok_ok", "tok_ok", "tok_declined"))
    ids += cluster.start_checkouts(2, Wanted.LAST_ITEM_RACE)
    await_settled(cluster, ids)
    refund(cluster, ids[0])
    await_status(cluster, ask_for_erasure(visitor), "completed")
    _begin_family_of_tokens(cluster)


def _begin_family_of_tokens(cluster: Cluster) -> None:
    family = new_message_id()

    def ask(work: UnitOfWork) -> None:
        token = IssueToken(visitor=new_visitor(), jti=new_message_id(), refresh_hash="0" * 64)
        work.send(token, subject_id=family, correlation=family)

    run_in_transaction(ask)
    query = "SELECT 1 FROM token_family WHERE id = %s"
    eventually(lambda: cluster.rows("identity", query, family))


def _moment_of_rest() -> Bench | None:
    """Return a bench of a moment at which nothing is in flight, or None at any other moment.

    Such moments are rare, since the ambient load goes on.
    """
    bench = Bench()
    if failing(bench.untouched) or any(finding.unknown for finding in bench.untouched.values()):
        print("not at rest:", failing(bench.untouched))
        bench.close()
        return None
    return bench


def failing(findings: Mapping[str, Finding]) -> dict[str, Sequence[str]]:
    return {
        name: [violation.text for violation in finding.violations]
        for name, finding in findings.items()
        if finding.outcome is Outcome.FAIL
    }


@needs_platform
@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_is_seen_to_fail(bench: Bench, tampering: Tampering) -> None:
    """Only this invariant and those that follow from it fail, and the finding names the row."""
    culprit, findings = bench.after(tampering)

    found = failing(findings)

    assert set(found) == {tampering.invariant, *tampering.follows}, found
    assert any(culprit in text for text in found[tampering.invariant]), (culprit, found)
    print(f"{tampering.name}: {found[tampering.invariant][0]}")


@needs_platform
@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_an_incremental_verdict_finds_the_same(bench: Bench, tampering: Tampering) -> None:
    """What was tampered with after the checkpoint breaks the same invariants, of the same rows."""
    culprit, findings = bench.after(tampering, incremental=True)

    found = failing(findings)

    assert set(found) == {tampering.invariant, *tampering.follows}, found
    assert any(culprit in text for text in found[tampering.invariant]), (culprit, found)


@needs_platform
@pytest.mark.parametrize("tampering", COUNTED, ids=lambda tampering: tampering.name)
def test_is_seen_to_count(bench: Bench, tampering: Tampering) -> None:
    """An invariant that only counts, and cannot fail, changes when there is more to count."""
    said, findings = bench.after(tampering)

    finding = findings[tampering.invariant]

    assert failing(findings) == {}
    assert finding.outcome is Outcome.INFO
    assert said in finding.sentence
    assert finding != bench.untouched[tampering.invariant]


@needs_platform
def test_after_all_tampering_every_invariant_holds_again(bench: Bench) -> None:
    assert bench.examine() == bench.untouched


@needs_platform
def test_while_the_provider_is_away_its_books_are_not_called_right(bench: Bench) -> None:
    class Away(KnownBooks):
        def balances(self, payments: Collection[str] | None = None) -> Mapping[str, Balance]:
            raise ProviderUnavailableError("nobody answers")

    finding = bench.examine(Away({}))["ledger matches the provider"]

    assert (finding.outcome, finding.unknown) == (Outcome.INFO, True)


@needs_platform
def test_the_registry_lists_what_is_examined_in_order(bench: Bench) -> None:
    assert list(INVARIANTS) == list(bench.untouched)


@needs_platform
def test_an_answer_begins_as_its_statement_does(bench: Bench) -> None:
    told = {name: f.sentence for name, f in bench.untouched.items() if f.outcome is Outcome.OK}

    assert {n for n, text in told.items() if text[:10] != INVARIANTS[n].statement[:10]} == set()


def test_every_invariant_that_can_fail_is_tampered_with() -> None:
    """This test fails for a new checker that has no proof that it can fail."""
    assert {t.invariant for t in TAMPERINGS} == {
        name for name, invariant in INVARIANTS.items() if not invariant.counted
    }
    assert {t.invariant for t in COUNTED} == {
        name for name, invariant in INVARIANTS.items() if invariant.counted
    }


def test_every_proof_that_the_registry_names_is_a_test_here() -> None:
    here = "tests/health/checkers/test_checkers_can_fail.py"
    tests = {f"{here}::test_is_seen_to_fail[{t.name}]" for t in TAMPERINGS}
    tests |= {f"{here}::test_is_seen_to_count[{t.name}]" for t in COUNTED}

    assert {i.proof for i in INVARIANTS.values()} <= tests


def test_view_source_finds_every_checker_and_its_proof() -> None:
    """The proof is found by name only: pytest rewrites this module, so its lines are unknown."""
    for invariant in INVARIANTS.values():
        assert not locate(invariant.checker).whole
        module, _, function = invariant.proof_source.partition(":")
        assert (module, callable(globals()[function])) == (__name__, True)


def test_every_promise_has_an_invariant() -> None:
    assert {invariant.promise for invariant in INVARIANTS.values()} == set(Promise)


COLUMNS_OF: Final = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
      JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
     ORDER BY table_name, ordinal_position
"""


@needs_platform
@pytest.mark.timeout(600)  # one audit for each column
@pytest.mark.parametrize("database", all_in_full(DATABASES, always=("payments", "checkout")))
def test_every_column_of_every_table_is_named_or_listed(bench: Bench, database: str) -> None:
    """For each column in turn, the test changes one row, past every constraint and trigger."""
    columns = judged_columns(bench, database)
    listed = {key for key in columns if reason_of(*key)}

    unseen = {
        key: found
        for key, type_ in columns.items()
        if key not in listed and (found := bench.unnamed(database, *key, type_))
    }

    print(
        f"{database}: {len(columns)} columns, {len(columns) - len(listed)} named, the rest listed"
    )
    assert unseen == {}


@needs_platform
@pytest.mark.timeout(1200)  # two audits for each column
@pytest.mark.full  # `test_incremental.py` tries some columns in every run
@pytest.mark.parametrize("database", DATABASES)
def test_of_every_column_an_incremental_verdict_finds_the_same(bench: Bench, database: str) -> None:
    columns = judged_columns(bench, database)

    unseen = {
        key: found
        for key, type_ in columns.items()
        if not reason_of(*key) and (found := bench.unnamed(database, *key, type_, incremental=True))
    }

    assert unseen == {}


def judged_columns(bench: Bench, database: str) -> dict[tuple[str, str], str]:
    """Return the type of each column by table and name."""
    return {
        (table, column): type_
        for table, column, type_ in bench.columns(database)
        # The site does not use these two tables: its journal stands for both.
        if not (database == "site" and table in ("inbox", "inbox_stream"))
    }
