"""Running an experiment from the command line, with the runner's lock, switch, trail and record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import connection

from chaos.experiments import repository
from chaos.experiments.experiment import Experiment
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import ExperimentRun
from chaos.experiments.recording import told
from chaos.experiments.run import Run, Say
from chaos.runner.announcement import Announcement
from chaos.runner.lock import RunLock
from chaos.runner.results import Results, RunResult
from chaos.runner.runner import what_is_done
from cluster.messaging.envelope import new_message_id
from compose.errors import PlainError

# The requester's name on pages and in records. Only the audit trail has the user's own name.
COMMAND_LINE: Final = "the command line"


def run_by_hand(
    experiment: Experiment, *, rate: float, seed: int | None, actor: str, say: Say
) -> IncidentDocument:
    """Wait for the run lock, run the experiment, and store and return the incident.

    `actor` goes into the audit trail. Raises PlainError, NotSteady.
    """
    repository.require_allowed()
    lock = RunLock()
    lock.take(who=COMMAND_LINE, waiting=lambda who: say("preparing", f"Waiting for {who} to end"))
    try:
        return _run(experiment, rate=rate, seed=seed, actor=actor, say=say)
    finally:
        lock.release()


def _run(
    experiment: Experiment, *, rate: float, seed: int | None, actor: str, say: Say
) -> IncidentDocument:
    began = datetime.now(UTC)
    # It never was in the queue, so this row is not stored, and only serves the announcement.
    row = ExperimentRun(
        id=new_message_id(),
        experiment=experiment.name,
        seed=seed,
        rate=rate,
        asked_by=COMMAND_LINE,
        began_at=began,
    )
    audited = [
        repository.note(actor=actor, action=fault, target=target)
        for fault, target in what_is_done(row)
    ]
    with Announcement(row, title=experiment.title) as announcement:

        def tell(phase: str, words: str) -> None:
            announcement.say(phase, words)  # type: ignore[arg-type]  # one of the phases
            say(phase, words)  # type: ignore[arg-type]

        run = Run(
            experiment,
            rate=rate,
            actor=COMMAND_LINE,
            seed=seed,
            identifier=str(row.id),
            say=tell,
        )
        try:
            document = run.record()
        except PlainError as error:
            connection.close()  # the database may be what was broken
            for entry in audited:
                repository.conclude(entry, str(error))
            raise
    _keep(document, row.id, [entry.pk for entry in audited], began)
    return document


def _keep(document: IncidentDocument, run: UUID, audited: list[int], began: datetime) -> None:
    connection.close()
    results = Results()
    results.put(
        RunResult(
            run=str(run),
            state=ExperimentRun.ENDED,
            words=document.summary,
            began=told(began),
            ended=told(datetime.now(UTC)),
            audited=audited,
            document=document,
        )
    )
    results.keep_all()
