"""The shell around the checkers, which reads each topic's rows from the snapshots for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from uuid import UUID

from cluster.health.checkers import (
    agreement,
    agreement_queries,
    delivery,
    limits,
    money,
    queries,
    sagas,
    stock,
    streams,
)
from cluster.health.checkers.changes import uuids
from cluster.health.checkers.compare import together
from cluster.health.checkers.finding import Finding, unknown
from cluster.health.checkers.invariants import RECEIVERS
from cluster.health.checkers.snapshot import Pairs, Snapshots
from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.messaging.service import Service
from cluster.payments.provider_api import Balance
from cluster.payments.sandbox.client import ProviderUnavailableError, read_books, read_total
from cluster.secrets.vault import SecretsError, VaultClient
from config.environment import DATABASES, MissingSetting, setting


class Books(Protocol):
    """The provider's books. Raises ProviderUnavailableError, SecretsError or MissingSetting."""

    def total(self) -> Balance:
        """Return the sum over all payments."""

    def balances(self, payments: Collection[str] | None = None) -> Mapping[str, Balance]:
        """Return the balances by payment, of some or of all."""


class ProviderBooks:
    """The provider's own books, read with its key, which the operator may see."""

    def __init__(self) -> None:
        self._operator = VaultClient.for_identity("operator")

    def total(self) -> Balance:
        return read_total(setting("PROVIDER_URL"), api_key=self._key)

    def balances(self, payments: Collection[str] | None = None) -> Mapping[str, Balance]:
        some = None if payments is None else [UUID(payment) for payment in payments]
        books = read_books(setting("PROVIDER_URL"), api_key=self._key, payments=some)
        return {str(payment): balance for payment, balance in books.items()}

    def _key(self) -> str:
        return self._operator.read_kv("provider")["api_key"]


def examine(
    snapshots: Snapshots, services: Sequence[Service], books: Books | None = None
) -> list[Finding]:
    """Return a finding for every invariant, in the order of the registry (`invariants.py`).

    Sums over products, visitors and the last day's messages are always read whole.
    """
    topics: list[Callable[[], Iterator[Finding]]] = [
        lambda: _stock(snapshots),
        lambda: _money(snapshots, books or ProviderBooks()),
        lambda: _limits(snapshots),
        lambda: _sagas(snapshots),
        lambda: _refunds(snapshots),
        lambda: _erasures(snapshots),
        lambda: _agreement(snapshots),
        lambda: _versions(snapshots),
        lambda: _streams(snapshots, services),
        lambda: _delivery(snapshots.whole),
    ]
    # At the same time, since most of the work is done by six servers.
    with ThreadPoolExecutor(len(DATABASES)) as threads:
        found = threads.map(lambda topic: list(topic()), topics)
        return [finding for findings in found for finding in findings]


def _stock(snapshots: Snapshots) -> Iterator[Finding]:
    rows = snapshots.whole.rows("catalog", queries.PRODUCT_BOOKS)
    yield stock.stock_conserved([stock.ProductBooks(*row) for row in rows])
    yield stock.sales_match_checkouts(snapshots.compare_whole(queries.BOUGHT, queries.SOLD))


def _money(snapshots: Snapshots, books: Books) -> Iterator[Finding]:
    entries, total, transactions, wrong = snapshots.row("payments", queries.LEDGER)
    rows = snapshots.rows("payments", queries.UNBALANCED) if wrong else []
    unbalanced = [(transaction, amount) for transaction, amount in rows]
    yield money.ledger_balances(money.Ledger(entries, total, transactions, unbalanced))
    (payments,) = snapshots.row("payments", queries.PAYMENTS)
    ours = _balances(snapshots)
    open_ = [(payment, b.authorised) for payment, b in ours.items() if b.authorised]
    yield money.nothing_left_authorised(payments, open_)
    try:
        yield _provider_agrees(snapshots, ours, books)
    except (ProviderUnavailableError, SecretsError, MissingSetting) as error:
        yield unknown("ledger matches the provider", because=str(error))
    yield money.captures_match_checkouts(snapshots.compare_whole(queries.AMOUNTS, queries.CAPTURED))


def _balances(snapshots: Snapshots) -> dict[str, Balance]:
    return {
        payment: Balance(authorised, captured)
        for payment, authorised, captured in snapshots.rows("payments", queries.BALANCES)
    }


def _provider_agrees(snapshots: Snapshots, ours: Mapping[str, Balance], books: Books) -> Finding:
    """Compare the payments that are examined, or all when the provider's total is another one."""
    if snapshots.ids is not None:
        total = Balance(*snapshots.whole.row("payments", queries.TOTAL))
        if total == books.total():
            kept = {payment: one for payment, one in ours.items() if payment != money.CLOSED}
            return money.ledger_matches_provider(kept, books.balances(uuids(snapshots.ids)))
        ours = _balances(snapshots.whole)
    return money.ledger_matches_provider(ours, books.balances(), snapshots.may_be_closed)


def _limits(snapshots: Snapshots) -> Iterator[Finding]:
    rows = snapshots.whole.rows("identity", queries.VISITOR_BOOKS)
    yield limits.limits_conserved([limits.VisitorBooks(*row) for row in rows])
    yield limits.spending_matches_checkouts(snapshots.compare_whole(queries.AMOUNTS, queries.SPENT))


def _sagas(snapshots: Snapshots) -> Iterator[Finding]:
    (total,) = snapshots.row("checkout", queries.SAGAS)
    unended = [sagas.OpenSaga(*row) for row in snapshots.rows("checkout", queries.UNENDED_SAGAS)]
    yield sagas.sagas_end(total, unended)
    yield sagas.requests_answered(
        "checkout",
        snapshots.compare_whole(agreement_queries.CHECKOUT_REQUESTS, agreement_queries.SAGAS),
    )
    for kind, found in (
        ("hold", queries.HOLDS),
        ("reservation", queries.RESERVATIONS),
        ("order", queries.ORDERS),
    ):
        completed = queries.left_behind(queries.LEFT_BEHIND[kind])
        yield sagas.no_orphans(kind, snapshots.compare_whole(completed, found))


def _refunds(snapshots: Snapshots) -> Iterator[Finding]:
    (total,) = snapshots.row("orders", queries.REFUNDS)
    yield sagas.refunds_end(
        total, [(id_, state) for id_, state in snapshots.rows("orders", queries.UNENDED_REFUNDS)]
    )
    yield sagas.requests_answered(
        "refund",
        snapshots.compare_whole(agreement_queries.REFUND_REQUESTS, agreement_queries.REFUNDS),
    )
    for part, completed, found in (
        ("the money is back", agreement_queries.REFUNDED, agreement_queries.PAID_BACK),
        ("the items are back", queries.REFUNDS_COMPLETED, queries.RETURNED),
        ("the limit is back", queries.REFUNDS_COMPLETED, queries.RESTORED),
    ):
        yield sagas.refunds_whole(part, snapshots.compare_whole(completed, found))


def _erasures(snapshots: Snapshots) -> Iterator[Finding]:
    yield sagas.requests_answered(
        "erasure",
        snapshots.compare_whole(agreement_queries.ERASURE_REQUESTS, agreement_queries.ERASURES),
    )


def _agreement(snapshots: Snapshots) -> Iterator[Finding]:
    for expected, found in agreement_queries.AGREED:
        comparison = snapshots.compare_whole(expected, found)
        yield agreement.checkouts_agree(found.database, comparison)
    for name, query in agreement_queries.CONTRADICTING.items():
        # A product is fed by an entry that may be an old one.
        examined = snapshots.whole if name == "site" else snapshots
        checked, wrong = agreement_queries.CONTRADICTIONS_CHECKED[name], examined.rows(name, query)
        (rows,) = examined.row(name, checked)
        yield agreement.rows_consistent(name, rows, [(id_, columns) for id_, columns in wrong])
    catalog = snapshots.whole.rows("catalog", agreement_queries.CATALOGUE)
    copy = snapshots.whole.rows("site", agreement_queries.CATALOGUE_COPY)
    yield agreement.catalogue_agrees(
        {sku: agreement.Described(*facts) for sku, *facts in catalog},
        {
            sku: agreement.Described(title, price, version if fed else None, restocked)
            for sku, title, price, version, restocked, fed in copy
        },
    )
    for name, query in agreement_queries.WRONG_DIGESTS.items():
        checked_rows, unrecorded = snapshots.row(name, agreement_queries.DIGESTS[name])
        changed = [row for (row,) in snapshots.rows(name, query)]
        yield agreement.digests_hold(name, checked_rows, unrecorded, changed)


def _versions(snapshots: Snapshots) -> Iterator[Finding]:
    for name in DATABASES:
        comparison = snapshots.compare_whole(queries.versions(name), queries.announced(name))
        yield streams.versions_match(name, comparison)


def _streams(snapshots: Snapshots, services: Sequence[Service]) -> Iterator[Finding]:
    journal = snapshots.whole
    rows, first, last = journal.row("site", queries.JOURNAL_EXTENT)
    gaps = journal.rows("site", queries.JOURNAL_GAPS) if rows and last - first + 1 != rows else []
    extent = streams.JournalExtent(rows, first, last, [(after, before) for after, before in gaps])
    yield streams.stream_whole(extent)

    (since,) = journal.row("site", queries.JOURNAL_SINCE)
    pruned = since != "-infinity"
    everyone = list(DATABASES)
    sent = [
        Pairs(name, queries.PAIRS_OUTBOX_STREAMS, {"source": name, "since": since})
        for name in DATABASES
    ]
    kept = Pairs("site", queries.PAIRS_JOURNALLED, {"sources": everyone, "pruned": pruned})
    comparison = together(snapshots.compare(sent, [kept]).values())
    journalled = streams.remembered(comparison, pruned=pruned)
    yield streams.nothing_lost(journalled)
    yield streams.nothing_from_nowhere(journalled)

    for receiver, heard in aggregates_consumed(services).items():
        meant = [
            queries.sent_to(receiver, source, aggregates) for source, aggregates in heard.items()
        ]
        applied = queries.applied(receiver)
        comparison = together(snapshots.compare(meant, [applied]).values())
        yield streams.all_applied(receiver, comparison)


def _delivery(snapshots: Snapshots) -> Iterator[Finding]:
    def received(query: str) -> Iterator[tuple[Any, ...]]:
        for name in RECEIVERS:
            yield from ((name, *row) for row in snapshots.rows(name, query))

    yield delivery.applied_once(
        sum(count for _, count in received(queries.INBOX)),
        [delivery.Repeated(*row) for row in received(queries.REPEATED)],
    )
    yield delivery.applied_in_order(
        sum(count for _, count in received(queries.INBOX_STREAMS)),
        [delivery.Waiting(*row) for row in received(queries.PARKED)],
        [delivery.Misplaced(*row) for row in received(queries.MISPLACED)],
    )
    kept = sum(snapshots.row(name, queries.DEAD_LETTERS)[0] for name in DATABASES)
    yield delivery.dead_letters_settled(kept, list(_undelivered(snapshots)))
    yield delivery.duplicates_happened(
        {name: snapshots.row(name, queries.DEDUPLICATED)[0] for name in DATABASES}
    )
    arrivals, overtaken = snapshots.row("site", queries.OVERTAKEN)
    yield delivery.arrivals_out_of_order(arrivals, overtaken)


def _undelivered(snapshots: Snapshots) -> Iterator[delivery.Undelivered]:
    """Yield the dead letters without a replay, each looked up in its source's outbox streams."""
    letters = [
        (f"{name}:{id_}", type_, reason, source, subject, sequence)
        for name in DATABASES
        for id_, type_, reason, source, subject, sequence in snapshots.rows(
            name, queries.UNREPLAYED
        )
    ]
    announced: dict[tuple[str, str], int] = {}
    for source in {letter[3] for letter in letters} & set(DATABASES):
        subjects = [letter[4] for letter in letters if letter[3] == source]
        for subject, last in snapshots.rows(source, queries.ANNOUNCED, {"subjects": subjects}):
            announced[source, subject] = last
    for id_, type_, reason, source, subject, sequence in letters:
        known = 0 < sequence <= announced.get((source, subject), 0)
        yield delivery.Undelivered(id_, type_ or "a message of no type", reason, announced=known)
