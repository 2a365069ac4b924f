"""Demos: runs like those of the lab's pages, started over the API."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.kit.visitors import address_key
from cluster.messaging.envelope import new_message_id
from portfolio.api.describe import told
from portfolio.api.problems import INVALID, TOO_MANY, Problem, not_found
from portfolio.api.schemas import Asked, Text, filled
from portfolio.api.visitor import visitor_of
from portfolio.demos.controls import InvalidChoice, Value, read_values
from portfolio.demos.demo import Demo
from portfolio.demos.models import DemoRun
from portfolio.demos.registry import DEMOS
from portfolio.demos.runs import RunRefused, kept, result_of, run_demo, standing
from portfolio.demos.views import visitors_cookies

router = Router(tags=["Demos"])

Slug = Annotated[str, Path(description="The demo's name.", examples=["checkout"])]


class DemoKnown(Schema):
    """A demo, with the settings that a run accepts."""

    name: str
    title: str
    service: str
    lead: str
    page: str
    choices: dict[str, Any] = Field(description="Of each setting its JSON Schema.")


class DemoList(Schema):
    """Every demo there is."""

    items: list[DemoKnown]


class RunAsked(Asked):
    """The settings of a run. A setting that is left out has its default."""

    choices: dict[Text, Text | int] = Field(default_factory=dict)


class Run(Schema):
    """A run and its result. It can be read for seven days."""

    id: UUID
    demo: str
    choices: dict[str, str | int]
    began: datetime
    ended: datetime | None
    standing: str = Field(description="Why there is no result; empty when there is one.")
    held: bool | None = Field(description="Whether every invariant held; null without a result.")
    result: dict[str, Any] | None
    page: str

    @classmethod
    def of(cls, run: DemoRun) -> Run:
        """Return the run that a row holds."""
        result = result_of(run)
        return filled(
            cls,
            run,
            standing=standing(run),
            held=None if result is None else result.held,
            result=None if result is None else msgspec.to_builtins(result),
            page=f"/lab/demos/{run.demo}/runs/{run.id}/",
        )


@router.get("/demos", response=DemoList, summary="Every demo", openapi_extra=told(personal=False))
def list_demos(request: HttpRequest) -> DemoList:  # noqa: ARG001  # the API asks for it
    """Return every demo with the settings that it accepts."""
    return DemoList(items=[_known(demo) for demo in DEMOS.values()])


@router.post(
    "/demos/{slug}/runs",
    response={201: Run},
    operation_id="runDemo",
    summary="Run a demo",
    description="On the live cluster, for who you are; the answer comes when it has ended, which "
    "takes a few seconds. At most twenty a minute.",
    openapi_extra=told(errors=(404, 429), request_example={"choices": {"outcome": "success"}}),
)
def run(request: HttpRequest, slug: Slug, asked: RunAsked) -> tuple[int, Run]:
    """Run a demo as the button of its page does, and return the run."""
    demo = _demo(slug)
    choices: dict[str, Value]
    try:
        choices = read_values(demo.controls, dict(asked.choices))
        ran = run_demo(
            demo,
            choices,
            run_id=new_message_id(),
            cookies=visitors_cookies(request),
            visitor=visitor_of(request),
            address=address_key(request),
        )
    except InvalidChoice as error:
        raise INVALID.problem(str(error)) from error
    except RunRefused as error:
        quota = TOO_MANY if error.status is HTTPStatus.TOO_MANY_REQUESTS else None
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        raise Problem(error.status, str(error), quota, headers=headers) from error
    return HTTPStatus.CREATED, Run.of(ran)


@router.get(
    "/demos/{slug}/runs/{uuid:run_id}",
    response=Run,
    summary="A run of a demo",
    openapi_extra=told(personal=False, errors=(404,)),
)
def get_demo_run(
    request: HttpRequest,  # noqa: ARG001  # the API asks for it
    slug: Slug,
    run_id: Annotated[UUID, Path(description="From the answer that ran it.")],
) -> Run:
    """Return a run, which every caller that knows its address may read."""
    try:
        return Run.of(kept(run_id, _demo(slug)))
    except DemoRun.DoesNotExist as error:
        raise not_found(f"run {run_id} of this demo") from error


def _demo(slug: str) -> Demo:
    found: Demo | None = DEMOS.get(slug)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no demo {slug!r}; /api/v1/demos lists all.")
    return found


def _known(demo: Demo) -> DemoKnown:
    choices = {control.name: control.schema() for control in demo.controls}
    page = f"/lab/demos/{demo.slug}/"
    return filled(DemoKnown, demo, name=demo.slug, lead=demo.prose, page=page, choices=choices)
