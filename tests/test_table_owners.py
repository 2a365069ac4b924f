"""The SQL of a table stands in the package that owns it: to rename a column is to change one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.environment import ROOT
from tests.test_layout import MODULES

DECLARED = re.compile(r'\bdb_table = "(\w+)"')
SPELT = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|USING|TRUNCATE|TABLE(?: IF (?:NOT )?EXISTS)?)\s+(\w+)"
)
NAMED_HERE = re.compile(r"\b(\w+) AS (?:NOT )?(?:MATERIALIZED )?\(")  # by WITH

# The checkers audit what the owners write, so they share no statement with them.
AUDIT = Path("cluster/health/checkers")
ALLOWED = {
    # The engine's table is migrated by the service that runs its sagas.
    "cluster/sagas/repository.py": {"saga"},
    # By these names it sees what a closing deletes, and nothing else.
    "cluster/health/closing.py": {
        "ledger_entry",
        "limit_restoration",
        "sale",
        "spend",
        "stock_return",
    },
    # A checkout and its message in one snapshot.
    "cluster/storefront/repository.py": {"outbox"},
    # The site's worker runs without Django, hence without the package of these models.
    "cluster/storefront/journal/erasure.py": {"demo_run", "idempotency_key"},
    "cluster/storefront/retention.py": {"demo_run", "demo_scratch", "idempotency_key"},
    # A constraint that the service knows nothing of.
    "chaos/faults/messages.py": {"orders"},
    # Tables of their own, in databases of their own.
    "chaos/benchmarks/bare.py": {"inbox", "journal", "outbox"},
    "chaos/benchmarks/commit.py": {"inbox", "outbox"},
    "chaos/benchmarks/dual_write.py": {"outbox"},
    "chaos/benchmarks/dual_writer.py": {"outbox"},
    # A history of all services at once, as no service makes it.
    "chaos/benchmarks/history.py": {
        "checkout_request",
        "hold",
        "inbox",
        "journal",
        "ledger_entry",
        "orders",
        "payment",
        "product",
        "reservation",
        "saga",
        "sale",
        "spend",
        "visitor_limit",
    },
    "chaos/benchmarks/naive/flow.py": {"checkout_request", "orders", "sale", "spend"},
    # A load that reads no column.
    "chaos/benchmarks/rotation.py": {"product"},
}


def package(path: Path) -> str:
    """Return the part of the source that owns the tables of a module: in the cluster a service."""
    return "/".join(path.parts[: 2 if path.parts[0] == "cluster" else 1])


def strings(path: Path) -> Iterator[str]:
    """Yield the strings of a module, an f-string as one."""
    text = (ROOT / path).read_text()
    parts: set[int] = set()
    for node in ast.walk(ast.parse(text)) if SPELT.search(text) else ():
        if isinstance(node, ast.JoinedStr):
            literal = [part for part in node.values if isinstance(part, ast.Constant)]
            parts.update(map(id, literal))
            yield " ".join(str(part.value) for part in literal)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "" if id(node) in parts else node.value


def tables(text: str) -> set[str]:
    """Return the names that stand where SQL names a table."""
    return set(SPELT.findall(text)) - set(NAMED_HERE.findall(text))


OWNERS: dict[str, set[str]] = {}
for module in MODULES:
    for table in DECLARED.findall((ROOT / module).read_text()):
        OWNERS.setdefault(table, set()).add(package(module))
FOREIGN = {
    str(path): foreign
    for path in MODULES
    if AUDIT not in path.parents
    for foreign in [
        {
            table
            for text in strings(path)
            for table in tables(text) & OWNERS.keys()
            if package(path) not in OWNERS[table]
        }
    ]
    if foreign
}


def test_a_table_is_spelt_by_its_owner_alone() -> None:
    strays = {path: names - ALLOWED.get(path, set()) for path, names in FOREIGN.items()}
    assert {path: names for path, names in strays.items() if names} == {}


def test_every_exception_is_in_use() -> None:
    assert {path: names - FOREIGN.get(path, set()) for path, names in ALLOWED.items()} == {
        path: set() for path in ALLOWED
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT 1 FROM product JOIN sale USING (sku)", {"product", "sale"}),
        ("INSERT INTO hold SELECT 1", {"hold"}),
        ("UPDATE orders\n   SET state = ''", {"orders"}),
        ("DELETE FROM parked p USING inbox_stream s", {"parked", "inbox_stream"}),
        ("ALTER TABLE orders DROP CONSTRAINT x", {"orders"}),
        ("WITH saga AS (SELECT 1) SELECT 1 FROM saga", set()),
        ("SELECT 1 FOR UPDATE SKIP LOCKED", {"SKIP"}),
        ("It comes from product to product.", set()),
    ],
)
def test_a_table_is_recognised_where_sql_names_it(text: str, found: set[str]) -> None:
    assert tables(text) == found
