"""Find migrations that processes of the revision before could not live with.

`manage.py upgrade` migrates while they run, so a migration may add. What takes something away, or
asks of a row what they do not write, belongs into the revision after the one whose code no longer
needs it. A migration that is known to be harmless says why in `beside_earlier`. See
docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db.migrations import operations
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, Field, ManyToManyField

WAIVER: Final = "beside_earlier"
HARMLESS: Final = (
    operations.CreateModel,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.RemoveConstraint,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.RunPython,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
TAKES_AWAY: Final = re.compile(
    r"\b(?:DROP\s+(?:TABLE|COLUMN|VIEW|MATERIALIZED|FUNCTION|SEQUENCE|TYPE|SCHEMA|EXPRESSION)"
    r"|RENAME|TRUNCATE|SET\s+NOT\s+NULL|SET\s+DATA\s+TYPE|REVOKE"
    r"|ALTER\s+(?:COLUMN\s+)?\S+\s+TYPE"
    r"|ADD\s+CONSTRAINT|ADD\s+(?:CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE))\b",
    re.IGNORECASE,
)
ADDS_COLUMN: Final = re.compile(r"\bADD\s+COLUMN\b[^,;]*", re.IGNORECASE)


def objections(migrations: Iterable[Migration]) -> list[str]:
    """Return by sentence what a process of the revision before could not live with.

    `migrations` are those that are to be applied, in their order. What they do to a table that one
    of them makes takes nothing from anybody.
    """
    found: list[str] = []
    new: set[tuple[str, str]] = set()
    for migration in migrations:
        if getattr(migration, WAIVER, ""):
            continue
        app = migration.app_label
        for operation in migration.operations:
            if isinstance(operation, operations.CreateModel):
                new.add((app, operation.name.lower()))
            elif (app, getattr(operation, "model_name", "").lower()) not in new:
                found += [f"{app}.{migration.name}: {told}" for told in _of(operation)]
    return found


def _of(operation: Operation) -> Iterator[str]:
    """Yield the objections to one operation on a table that the revision before has."""
    if isinstance(operation, HARMLESS):
        return
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from _of(inner)
    elif isinstance(operation, operations.RunSQL):
        yield from _of_sql(operation.sql)
    elif not (isinstance(operation, operations.AddField) and _may_be_left_out(operation.field)):
        yield f"{operation.describe()}, which the revision before may need otherwise"


def _of_sql(sql: str | Sequence[str | tuple[str, object]]) -> Iterator[str]:
    statements = [sql] if isinstance(sql, str) else sql
    for statement in statements:
        text = statement if isinstance(statement, str) else statement[0]
        found = TAKES_AWAY.search(text)
        if found:
            yield f"it says {' '.join(found.group().split())} in SQL"
        for column in ADDS_COLUMN.findall(text):
            if "NOT NULL" in column.upper() and "DEFAULT" not in column.upper():
                yield f"it says {' '.join(column.split())} in SQL, without a default"


def _may_be_left_out(field: Field[object, object]) -> bool:
    """Return whether a row without this column can be inserted, as the revision before does.

    Django's own `default` is none of the database's.
    """
    in_database = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
    return field.null or in_database or isinstance(field, ManyToManyField)
