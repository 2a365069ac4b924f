"""Experiments: runs as those of the button on `/chaos/`, asked for over the API.

`chaos/safety/permits.py` decides for both who may ask for a run, and how often.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from chaos.experiments import models
from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.composed import LOADS, LONGEST_FAULT, choose, compose
from chaos.experiments.exercised import not_exercised
from chaos.experiments.experiment import Experiment, Family, Profile
from chaos.experiments.incident import IncidentDocument, Label, Status
from chaos.experiments.repository import document_of
from chaos.experiments.storm import LARGEST_SEED
from chaos.faults.fault import Fault
from chaos.faults.registry import FAULTS
from chaos.safety.permits import Refused, enqueue, public_name
from cluster.kit.visitors import address_key
from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from compose.errors import Misuse
from portfolio.api.describe import told
from portfolio.api.idempotency import Answer, answer, once
from portfolio.api.problems import INVALID, TOO_MANY, Problem
from portfolio.api.schemas import USUAL, WHOLE, Asked, Cursor, Limit, Text, filled, page_of

router = Router(tags=["Experiments"])

LIMITS: Final = "The limits are those of the button on `/chaos/`, and count together with it."
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED), WHOLE]


class ExperimentKnown(Schema):
    """An experiment of the catalogue."""

    name: str = Field(examples=["kill-redis"])
    title: str
    family: Family
    hypothesis: str
    blast_radius: str
    targets: list[str] = Field(description="The processes that its faults reach.")
    load: Profile
    seeded: bool = Field(description="Whether its faults are drawn from a seed.")
    page: str


class FaultKnown(Schema):
    """A fault, of which an experiment can be composed."""

    name: str = Field(examples=["pause-process"])
    title: str
    targets: list[str]
    lasts: bool = Field(description="Whether it takes seconds; the others are over at once.")


class ExperimentList(Schema):
    """Every experiment of the catalogue, and what others can be composed of."""

    items: list[ExperimentKnown]
    faults: list[FaultKnown]
    loads: list[Profile]


class ExperimentAsked(Asked):
    """A run of an experiment of the catalogue."""

    seed: Seed | None = Field(None, description="Of a storm; without it one is drawn.")


class ComposedAsked(Asked):
    """A run of an experiment of your own: one fault on one of its targets."""

    fault: Text = Field(description="The name of a fault.", examples=["pause-process"])
    target: Text = Field(description="One of that fault's targets.", examples=["redis"])
    seconds: Annotated[int, Field(ge=0, le=LONGEST_FAULT), WHOLE] | None = Field(
        None, description="For a fault that lasts; without it, ten."
    )
    load: Text = Field(LOADS[0], description="One of the loads.")


class ExperimentRun(Schema):
    """A run, from the queue to its incident. Moments are null until the incident is recorded."""

    id: UUID
    experiment: str
    status: str = Field(description="queued, running, ended, withdrawn, failed.")
    words: str = Field(description="How it ended.")
    seed: int | None
    asked_by: str = Field(description="The public name of the visitor.")
    asked_at: datetime
    began_at: datetime | None
    injected_at: datetime | None
    detected_at: datetime | None
    recovered_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    verdict: Status | None = Field(description="Of the incident; null without one.")
    not_exercised: list[str] = Field(description="Checks of it that had nothing to look at.")
    page: str
    incident: str | None = Field(description="The page of the incident; null without one.")

    @classmethod
    def of(cls, run: models.ExperimentRun) -> ExperimentRun:
        """Return the run that a row holds, with the moments of its incident."""
        document = None if run.incident is None else document_of(run.incident)
        return filled(
            cls,
            run,
            status=run.state,
            injected_at=_moment(document, "injected"),
            detected_at=_moment(document, "detected"),
            recovered_at=_moment(document, "recovered"),
            verified_at=_moment(document, "verified"),
            verdict=None if document is None else document.status,
            not_exercised=[] if document is None else not_exercised(document),
            page=reverse("chaos:run", args=[run.id]),
            incident=None if run.incident is None else _page_of(run.incident),
        )


class Incident(Schema):
    """The record of a run. Its page has the whole, also as JSON (`?format=json`)."""

    id: UUID
    experiment: str
    title: str
    summary: str
    process: str
    recorded_at: datetime
    revision: str
    passed: bool
    recover_seconds: float | None
    origin: str = Field(description="Where it was recorded; empty for here.")
    page: str


class IncidentPage(Schema):
    """One page of the incidents, newest first."""

    items: list[Incident]
    next: UUID | None = Field(description="The cursor of the next page; null on the last.")


@router.get(
    "/experiments",
    response=ExperimentList,
    summary="Every experiment",
    openapi_extra=told(personal=False),
)
def list_experiments(request: HttpRequest) -> ExperimentList:  # noqa: ARG001  # the API asks for it
    """Return the catalogue, and the faults and loads that an experiment can be composed of."""
    return ExperimentList(
        items=[_known(one) for one in EXPERIMENTS.values()],
        faults=[_fault(fault) for fault in FAULTS.values()],
        loads=[*LOADS],
    )


# Before the operation whose path would match it too.
@router.post(
    "/experiments/composed/runs",
    response={202: ExperimentRun},
    summary="Compose an experiment and run it",
    description=f"One fault on one of its targets, for at most {LONGEST_FAULT} s. {LIMITS}",
    openapi_extra=told(
        errors=(429,),
        idempotent=True,
        located=True,
        request_example={"fault": "pause-process", "target": "redis", "seconds": 10},
    ),
)
def run_composed_experiment(request: HttpRequest, composed: ComposedAsked) -> HttpResponse:
    """Put a run of a composed experiment into the queue."""
    try:
        chosen = choose(composed.fault, composed.target, composed.seconds, composed.load)
        name = compose(chosen).name
    except Misuse as error:
        raise INVALID.problem(str(error)) from error
    return _queued(request, composed, name, None)


@router.post(
    "/experiments/{name}/runs",
    response={202: ExperimentRun},
    summary="Run an experiment",
    description=f"Under load, on the live cluster. {LIMITS}",
    openapi_extra=told(errors=(404, 429), idempotent=True, located=True, request_example={}),
)
def run_experiment(
    request: HttpRequest,
    name: Annotated[str, Path(description="The experiment's name.", examples=["kill-redis"])],
    asked: ExperimentAsked,
) -> HttpResponse:
    """Put a run of an experiment into the queue."""
    return _queued(request, asked, name, asked.seed)


@router.get(
    "/runs/{uuid:run_id}",
    response=ExperimentRun,
    summary="A run of an experiment",
    openapi_extra=told(personal=False, errors=(404,)),
)
def get_experiment_run(
    request: HttpRequest,  # noqa: ARG001  # the API asks for it
    run_id: Annotated[UUID, Path(description="From the answer that accepted it.")],
) -> ExperimentRun:
    """Return a run, which everybody may read."""
    runs = models.ExperimentRun.objects.select_related("incident")
    found = retry_on_disconnect(runs.filter(id=run_id).first)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no run {run_id}.")
    return ExperimentRun.of(found)


@router.get(
    "/incidents",
    response=IncidentPage,
    summary="The incidents",
    openapi_extra=told(personal=False),
)
def list_incidents(
    request: HttpRequest,  # noqa: ARG001  # the API asks for it
    limit: Limit = USUAL,
    cursor: Cursor = None,  # type: ignore[assignment]
) -> IncidentPage:
    """Return the incidents that are kept here, newest first, a page at a time."""
    kept = models.Incident.objects.defer("document")
    rows, following = retry_on_disconnect(lambda: page_of(kept, limit, cursor))
    items = [filled(Incident, row, page=_page_of(row)) for row in rows]
    return IncidentPage(items=items, next=following)


def _queued(request: HttpRequest, asked: Asked, name: str, seed: int | None) -> HttpResponse:
    """Put a run into the queue in the transaction of its idempotency key, and return 202."""

    def accept(work: UnitOfWork, visitor: str) -> Answer:
        run = enqueue(
            work.cursor,
            experiment=name,
            visitor=visitor,
            asked_by=public_name(visitor),
            remote=address_key(request),
            seed=seed,
        )
        location = reverse("api:get_experiment_run", args=[run.id])
        return answer(HTTPStatus.ACCEPTED, ExperimentRun.of(run), location=location)

    try:
        return once(request, asked, accept)
    except Refused as refusal:
        raise _problem(refusal) from refusal


def _problem(refusal: Refused) -> Problem:
    types = {kind.status: kind for kind in (INVALID, TOO_MANY)}
    wait = refusal.retry_after
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Problem(refusal.status, refusal.sentence, types.get(refusal.status), headers=headers)


def _moment(document: IncidentDocument | None, label: Label) -> datetime | None:
    marks = [] if document is None else document.marks
    return next((datetime.fromisoformat(mark.at) for mark in marks if mark.label == label), None)


def _known(one: Experiment) -> ExperimentKnown:
    page = reverse("chaos:experiment", args=[one.name])
    return filled(ExperimentKnown, one, targets=[*one.targets], page=page)


def _fault(fault: Fault) -> FaultKnown:
    return filled(FaultKnown, fault, title=fault.words.title, targets=[*fault.targets()])


def _page_of(incident: models.Incident) -> str:
    return reverse("chaos:incident", args=[incident.id])
