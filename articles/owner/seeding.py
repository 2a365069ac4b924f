"""Import of the seeds into the database, never over what the owner has written.

Each seed is imported once and its fingerprint kept. When a later revision brings another
text, a row that is still as it was imported is updated; a row that the owner has edited,
or deleted, stays as it is. A file that cannot be imported is reported in one sentence,
and does not stop the import of the others.
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
from django.core.exceptions import ValidationError
from django.db import models, transaction

from articles.owner.models import CaseStudy, Link, Page, Profile, SeedImport

SEEDS: Final = Path(__file__).parent / "seeds"


@dataclass(frozen=True)
class Seed:
    """One row to begin with, which `key` identifies and `fields` complete."""

    name: str
    model: type[models.Model]
    key: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self.fields)

    def fingerprint_of(self, row: models.Model) -> str:
        return _fingerprint({name: getattr(row, name) for name in self.fields})


class BadSeed(Exception):
    """A file that cannot be imported. The message says why."""


def import_seeds(folder: Path = SEEDS) -> tuple[int, list[str]]:
    """Import new seeds, and return the number of rows written and a sentence for each bad file."""
    written, refusals = 0, []
    for path in _files(folder):
        try:
            with transaction.atomic():
                written += sum([_import(seed) for seed in _seeds_of(path)])
        except BadSeed as error:
            refusals.append(f"{path.name} was not imported: {error}")
    return written, refusals


def seeds() -> Iterator[Seed]:
    """Yield all seeds, the profile first.

    Raises BadSeed.
    """
    for path in _files(SEEDS):
        yield from _seeds_of(path)


def _files(folder: Path) -> list[Path]:
    pages, work = (sorted((folder / name).glob("*.yaml")) for name in ("pages", "work"))
    return [folder / "profile.yaml", *pages, *work]


def _seeds_of(path: Path) -> Iterator[Seed]:
    fields = _read(path)
    if path.parent.name == "pages":
        yield Seed(f"page/{path.stem}", Page, {"key": path.stem}, fields)
    elif path.parent.name == "work":
        yield Seed(f"work/{path.stem}", CaseStudy, {"slug": path.stem}, fields)
    else:
        links = fields.pop("links", [])
        yield Seed("profile", Profile, {"id": 1}, fields)
        for link in links:
            if not isinstance(link, dict) or "label" not in link:
                raise BadSeed("each of “links” needs a “label”.")
            label = link["label"]
            yield Seed(f"link/{label}", Link, {"label": label}, _without(link, "label"))


def _import(seed: Seed) -> bool:
    """Write the row of `seed` where it may be written, and return whether it was.

    Raises BadSeed.
    """
    imported = SeedImport.objects.filter(name=seed.name).first()
    manager: Any = seed.model._default_manager  # noqa: SLF001  # for models in general
    row = manager.filter(**seed.key).first()
    if imported is None:
        if row is None:
            _checked(seed).save(force_insert=True)
        _note(seed)
        return row is None
    if imported.fingerprint == seed.fingerprint:
        return False
    if row is None or seed.fingerprint_of(row) != imported.fingerprint:
        return False  # edited or deleted by the owner
    _checked(seed)
    for name, value in seed.fields.items():
        setattr(row, name, value)
    row.save()
    _note(seed)
    return True


def _checked(seed: Seed) -> models.Model:
    """Return the seed's row, with each of its fields validated as in the admin.

    Raises BadSeed.
    """
    names = {field.name for field in seed.model._meta.fields}  # noqa: SLF001  # Django's way
    try:
        row = seed.model(**seed.key, **seed.fields)
        row.clean_fields(exclude=names - seed.key.keys() - seed.fields.keys())
    except TypeError as error:  # a field that the model lacks
        raise BadSeed(f"{error}.") from error
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise BadSeed(f"“{field}”: {sentences[0]}") from error
    return row


def _note(seed: Seed) -> None:
    SeedImport.objects.update_or_create(
        name=seed.name,
        defaults={"fingerprint": seed.fingerprint, "imported_at": datetime.now(UTC)},
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSeed(f"it cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadSeed("it is no list of fields and their values.")
    return document


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def _fingerprint(fields: Mapping[str, Any]) -> str:
    ordered = json.dumps(fields, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(ordered.encode()).hexdigest()
