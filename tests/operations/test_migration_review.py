"""A migration that processes of the revision before could not live with is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.migrations import operations as o
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration

from cluster.operations.migration_review import objections
from config.environment import ROOT

# The last migration of each app in ec55e0b, the first revision that `manage.py upgrade` replaces.
LAST = {
    "articles": "0002",
    "catalog": "0002",
    "chaos": "0004",
    "checkout": "0001",
    "identity": "0004",
    "messaging": "0003",
    "orders": "0001",
    "payments": "0001",
    "portfolio": "0012",
}


def migration(*operations: Any, **attributes: Any) -> Migration:
    made: Any = Migration("0002_next", "orders")
    made.operations = list(operations)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "operation",
    [
        o.CreateModel("Parcel", [("id", models.BigAutoField(primary_key=True))]),
        o.AddField("order", "note", models.TextField(null=True)),
        o.AddField("order", "weight", models.IntegerField(db_default=0)),
        o.AddIndex("order", models.Index(fields=["state"], name="order_state")),
        o.RunSQL("CREATE INDEX CONCURRENTLY parcel ON orders (id)"),
        o.RunSQL(["ALTER TABLE orders ADD COLUMN weight integer NOT NULL DEFAULT 0"]),
        o.RunSQL("CREATE VIEW parcels AS SELECT 1"),
        o.SeparateDatabaseAndState([], [o.RemoveField("order", "note")]),
    ],
    ids=lambda one: one.describe(),
)
def test_what_adds_is_let_through(operation: Any) -> None:
    assert objections([migration(operation)]) == []


@pytest.mark.parametrize(
    "operation",
    [
        o.DeleteModel("Order"),
        o.RemoveField("order", "amount"),
        o.RenameField("order", "amount", "sum"),
        o.RenameModel("Order", "Purchase"),
        o.AlterField("order", "amount", models.SmallIntegerField()),
        o.AlterUniqueTogether("order", {("visitor", "item")}),
        o.AddField("order", "weight", models.IntegerField(default=0)),
        o.AddConstraint(
            "order", models.CheckConstraint(condition=models.Q(amount__gt=0), name="positive")
        ),
        o.RunSQL("ALTER TABLE orders DROP COLUMN amount"),
        o.RunSQL("ALTER TABLE orders RENAME TO purchases"),
        o.RunSQL([("ALTER TABLE orders ALTER amount SET NOT NULL", None)]),
        o.RunSQL("ALTER TABLE orders ALTER COLUMN amount TYPE smallint"),
        o.RunSQL("ALTER TABLE orders ADD COLUMN weight integer NOT NULL"),
        o.SeparateDatabaseAndState([o.RunSQL("DROP TABLE orders")], []),
    ],
    ids=lambda one: f"{type(one).__name__}-{getattr(one, 'sql', '')}",
)
def test_what_takes_away_or_asks_for_more_is_refused(operation: Any) -> None:
    (sentence,) = objections([migration(operation)])
    assert sentence.startswith("orders.0002_next: ")


def test_what_migrations_do_to_their_own_new_table_is_let_through() -> None:
    create = o.CreateModel("Parcel", [("id", models.BigAutoField(primary_key=True))])
    added = o.AddField("parcel", "weight", models.IntegerField(default=0))
    assert objections([migration(create), migration(added)]) == []


def test_a_migration_can_say_why_it_is_harmless() -> None:
    reason = "Nothing has read the column since the revision before."
    removal = o.RemoveField("order", "note")
    assert objections([migration(removal, beside_earlier=reason)]) == []


def later_migrations() -> list[Migration]:
    """Return ours since the first revision that can be upgraded, in their order."""
    found = MigrationLoader(None).disk_migrations
    return [found[key] for key in sorted(found) if key[0] in LAST and key[1][:4] > LAST[key[0]]]


def test_processes_of_the_first_revision_can_live_with_every_migration_since() -> None:
    assert objections(later_migrations()) == []


def test_the_changelog_names_every_migration_since() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    names = [f"`{found.app_label}.{found.name}`" for found in later_migrations()]
    assert [name for name in names if name not in changelog] == []
