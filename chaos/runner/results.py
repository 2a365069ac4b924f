"""Results of runs, kept in files until the site's database, which may be broken, takes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from django.db import Error, transaction

from chaos.experiments import repository
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import AuditEntry, ExperimentRun
from compose.run_directory import write_private
from config.environment import run_directory

FOLDER: Final = "unkept"


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one run, with `document` None when it was not recorded, as `words` explain.

    `audited` are the ids of its audit entries.
    """

    run: str
    state: str
    words: str
    began: str
    ended: str
    audited: list[int] = []
    document: IncidentDocument | None = None

    @property
    def outcome(self) -> str:
        """The outcome for the audit trail."""
        return str(self.document.status) if self.document else self.words


class Results:
    """The folder of results that the database has not taken yet."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or run_directory() / "chaos" / FOLDER

    def put(self, result: RunResult) -> None:
        """Write a result to disk, from where `keep_all` stores it in the database."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self._file(result.run), msgspec.json.encode(result).decode())

    def keep_all(self) -> bool:
        """Store every result, and return False while the database does not take them."""
        for result in self._all():
            try:
                _keep(result)
            except Error:
                return False
            self._file(result.run).unlink(missing_ok=True)
        return True

    def _all(self) -> Iterator[RunResult]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=RunResult)
            except msgspec.MsgspecError:
                path.rename(path.with_suffix(".unreadable"))  # left for a person

    def _file(self, run: str) -> Path:
        return self.folder / f"{UUID(run)}.json"


def _keep(result: RunResult) -> None:
    """Store the document and the run's end in one transaction, idempotently."""
    with transaction.atomic():
        incident = repository.keep(result.document) if result.document else None
        ExperimentRun.objects.filter(id=UUID(result.run)).update(
            state=result.state,
            words=result.words,
            began_at=datetime.fromisoformat(result.began),
            ended_at=datetime.fromisoformat(result.ended),
            incident=incident,
        )
        AuditEntry.objects.filter(id__in=result.audited).update(outcome=result.outcome)
