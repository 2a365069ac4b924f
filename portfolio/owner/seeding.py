"""Bringing the seeds into the database, and never over what the owner has written.

Each seed is imported once and its fingerprint kept. When a later revision brings
another text, a row that still is as it was imported follows; a row that the owner
has edited, or deleted, stays as they left it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from django.db import models, transaction

from portfolio.owner.models import CaseStudy, Link, Page, Profile, SeedImport

SEEDS: Final = Path(__file__).parent / "seeds"


@dataclass(frozen=True)
class Seed:
    """One row to begin with: `key` finds it, `fields` are the rest of it."""

    name: str
    model: type[models.Model]
    key: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self.fields)

    def fingerprint_of(self, row: models.Model) -> str:
        return _fingerprint({name: getattr(row, name) for name in self.fields})


def import_seeds() -> int:
    """Import what is new; the number of rows written."""
    with transaction.atomic():
        return sum(_import(seed) for seed in seeds())


def seeds() -> Iterator[Seed]:
    """All seeds there are, the profile first."""
    profile = _read(SEEDS / "profile.yaml")
    links = profile.pop("links", [])
    yield Seed("profile", Profile, {"id": 1}, profile)
    for link in links:
        label = link["label"]
        yield Seed(f"link/{label}", Link, {"label": label}, _without(link, "label"))
    for path in sorted((SEEDS / "pages").glob("*.yaml")):
        yield Seed(f"page/{path.stem}", Page, {"key": path.stem}, _read(path))
    for path in sorted((SEEDS / "work").glob("*.yaml")):
        yield Seed(f"work/{path.stem}", CaseStudy, {"slug": path.stem}, _read(path))


def _import(seed: Seed) -> bool:
    """Write the row of `seed` where it may be written; whether it was."""
    imported = SeedImport.objects.filter(name=seed.name).first()
    manager: Any = seed.model._default_manager  # noqa: SLF001  # for models in general
    row = manager.filter(**seed.key).first()
    if imported is None:
        if row is None:
            manager.create(**seed.key, **seed.fields)
        _note(seed)
        return row is None
    if imported.fingerprint == seed.fingerprint:
        return False
    if row is None or seed.fingerprint_of(row) != imported.fingerprint:
        return False  # the owner's now
    for name, value in seed.fields.items():
        setattr(row, name, value)
    row.save()
    _note(seed)
    return True


def _note(seed: Seed) -> None:
    SeedImport.objects.update_or_create(
        name=seed.name,
        defaults={"fingerprint": seed.fingerprint, "imported_at": datetime.now(UTC)},
    )


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def _fingerprint(fields: Mapping[str, Any]) -> str:
    ordered = json.dumps(fields, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(ordered.encode()).hexdigest()
