"""An experiment in Chaos Toolkit's format, as `chaos run` reads it (chaostoolkit.org).

Facts for which the format has no field are under `extensions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from chaos.experiments.method import Step
from chaos.experiments.storm import storm_steps

if TYPE_CHECKING:
    from chaos.experiments.experiment import Experiment

EXTENSION: Final = "working-timetable"
ACTIONS: Final = "chaos.toolkit.actions"
PROBES: Final = "chaos.toolkit.probes"

RATE: Final = 3.0  # checkouts a second: enough to be in flight, few enough to be drawn
CALM_BEFORE: Final = 3.0  # seconds of load before the first fault
CALM_AFTER: Final = 3.0  # seconds of load after the recovery
STEADY_WITHIN: Final = 45.0  # seconds for the platform to be steady before anything breaks
ENDED_WITHIN: Final = 150.0  # seconds: the longest deadline, and the compensation after it
REST_WITHIN: Final = 60.0  # seconds for the checkers to find the platform at rest

# The steady state: the probe's name and its function in `chaos/toolkit/probes.py`.
STEADY_STATE: Final = (
    ("every process works", "every_process_works"),
    ("every queue is consumed", "every_queue_is_consumed"),
    ("outboxes drain", "outboxes_drain"),
    ("checkouts complete", "checkouts_complete"),
    ("the stream moves", "stream_moves"),
)
INVARIANTS_HOLD: Final = ("invariants hold", "invariants_hold")


def write(experiment: Experiment, *, seed: int | None, rate: float | None) -> dict[str, Any]:
    """Return the document, as JSON's types.

    A seeded experiment without a seed has seed 0.
    """
    if experiment.seeded:
        seed = seed or 0
    rate = RATE if rate is None else rate
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
        "method": [*_method(experiment, steps, rate)],
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
                "load": {"profile": str(experiment.load), "rate": rate},
                "abort": {
                    "unfinished_checkouts": experiment.abort.unfinished,
                    "degraded_seconds": experiment.abort.degraded_seconds,
                },
                "seed": seed if experiment.seeded else None,
            }
        ],
    }


def steps_of(experiment: Experiment, seed: int | None) -> tuple[Step, ...]:
    """Return the faults of the method, which a seeded experiment draws from its seed."""
    return storm_steps(seed or 0) if experiment.seeded else experiment.steps


def _hypothesis() -> Iterator[dict[str, Any]]:
    for name, function in STEADY_STATE:
        probe = _activity("probe", name, function, within=STEADY_WITHIN)
        yield probe | {"tolerance": True}
    probe = _activity("probe", INVARIANTS_HOLD[0], INVARIANTS_HOLD[1], within=REST_WITHIN)
    yield probe | {"tolerance": True}


def _method(experiment: Experiment, steps: Sequence[Step], rate: float) -> Iterator[dict[str, Any]]:
    yield _activity(
        "action",
        f"hand in checkouts: {experiment.load}, {rate:g} a second",
        "begin_load",
        profile=str(experiment.load),
        rate=rate,
    )
    now = -CALM_BEFORE
    for at, activity in _timed(steps):
        yield activity | {"pauses": {"before": round(at - now, 1)}} if at > now else activity
        now = max(now, at)
    if not steps:
        yield _activity("action", "wait until the load is spent", "wait_for_load")
    yield _activity("probe", "recovered", "recovered", within=experiment.abort.degraded_seconds)
    end = _activity("action", "hand in no more checkouts", "end_load")
    yield end | {"pauses": {"before": CALM_AFTER}}
    yield _activity("probe", "every checkout has ended", "checkouts_ended", within=ENDED_WITHIN)


def _timed(steps: Sequence[Step]) -> list[tuple[float, dict[str, Any]]]:
    """Return every injection and every heal with its moment, heals first at equal moments."""
    found = []
    for step in steps:
        inject = _activity(
            "action",
            f"inject {step.fault} into {step.target}",
            "inject",
            fault=step.fault,
            target=step.target,
            seconds=step.life,
            parameters=dict(step.parameters),
        )
        found.append((step.at, 1, inject))
        if step.seconds is not None:
            heal = _activity(
                "action",
                f"heal {step.fault} of {step.target}",
                "heal",
                fault=step.fault,
                target=step.target,
            )
            found.append((step.ends, 0, heal))
    found.sort(key=lambda one: one[:2])
    return [(at, activity) for at, _, activity in found]


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
