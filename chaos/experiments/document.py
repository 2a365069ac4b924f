"""An experiment in Chaos Toolkit's format, as `chaos run` reads it (chaostoolkit.org).

Facts for which the format has no field are under `extensions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chaos.experiments.experiment import (
    CALM_AFTER,
    CALM_BEFORE,
    ENDED_WITHIN,
    RATE,
    REST_WITHIN,
    STEADY_WITHIN,
    Experiment,
    Step,
    timed,
)
from chaos.experiments.steady import STEADY_STATE
from chaos.experiments.storm import steps_of

EXTENSION: Final = "working-timetable"
ACTIONS: Final = "chaos.toolkit.actions"
PROBES: Final = "chaos.toolkit.probes"


def as_document(experiment: Experiment, seed: int | None = None) -> dict[str, Any]:
    """Return the document, as JSON's types.

    A seeded experiment without a seed has seed 0.
    """
    if experiment.seeded:
        seed = seed or 0
    steps = steps_of(experiment, seed)
    return {
        "version": "1.0.0",
        "title": experiment.title,
        "description": f"{experiment.hypothesis} {experiment.blast_radius}",
        "tags": [str(experiment.family), *sorted({step.fault for step in steps})],
        "steady-state-hypothesis": {
            "title": experiment.hypothesis,
            "probes": [*_hypothesis()],
        },
        "method": [*_method(experiment, steps)],
        "rollbacks": [
            _activity("action", "heal whatever is still broken", "heal_everything"),
            _activity("action", "hand in no more checkouts", "end_load"),
        ],
        "extensions": [
            {
                "name": EXTENSION,
                "experiment": experiment.name,
                "family": str(experiment.family),
                "blast_radius": experiment.blast_radius,
                "watch": experiment.watch,
                "targets": list(experiment.targets),
                "load": {"profile": str(experiment.load), "rate": RATE},
                "abort": {
                    "unfinished_checkouts": experiment.abort.unfinished,
                    "degraded_seconds": experiment.abort.degraded_seconds,
                },
                "seed": seed if experiment.seeded else None,
            }
        ],
    }


def _hypothesis() -> Iterator[dict[str, Any]]:
    for name, judge in STEADY_STATE.items():
        probe = _activity("probe", name, judge.__name__, within=STEADY_WITHIN)
        yield probe | {"tolerance": True}
    probe = _activity("probe", "invariants hold", "invariants_hold", within=REST_WITHIN)
    yield probe | {"tolerance": True}


def _method(experiment: Experiment, steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    yield _activity(
        "action",
        f"hand in checkouts: {experiment.load}, {RATE:g} a second",
        "begin_load",
        profile=str(experiment.load),
        rate=RATE,
    )
    now = -CALM_BEFORE
    for at, act, step in timed(steps):
        activity = _inject(step) if act == "inject" else _heal(step)
        yield activity | {"pauses": {"before": round(at - now, 1)}} if at > now else activity
        now = max(now, at)
    if not steps:
        yield _activity("action", "wait until the load is spent", "wait_for_load")
    yield _activity("probe", "recovered", "recovered", within=experiment.abort.degraded_seconds)
    end = _activity("action", "hand in no more checkouts", "end_load")
    yield end | {"pauses": {"before": CALM_AFTER}}
    yield _activity("probe", "every checkout has ended", "checkouts_ended", within=ENDED_WITHIN)


def _inject(step: Step) -> dict[str, Any]:
    return _activity(
        "action",
        f"inject {step.fault} into {step.target}",
        "inject",
        fault=step.fault,
        target=step.target,
        seconds=step.life,
        parameters=dict(step.parameters),
    )


def _heal(step: Step) -> dict[str, Any]:
    name = f"heal {step.fault} of {step.target}"
    return _activity("action", name, "heal", fault=step.fault, target=step.target)


def _activity(kind: str, name: str, function: str, **arguments: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "provider": {
            "type": "python",
            "module": ACTIONS if kind == "action" else PROBES,
            "func": function,
            "arguments": arguments,
        },
    }
