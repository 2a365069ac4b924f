"""The actions of our experiments, each of which returns what it did in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chaos.experiments.load import Load
from chaos.experiments.method import Profile
from chaos.faults.engine import ROLLBACK_PATIENCE, Engine, heal_all
from chaos.toolkit.session import current
from cluster.health.armed_faults import ArmedFaults

SPENT_WITHIN: Final = 60.0  # seconds for a burst of checkouts to be started
CUT_SHORT: Final = "nothing: the run is being cut short"


def begin_load(profile: str, rate: float) -> str:
    """Begin the load, which goes on until `end_load`."""
    session = current()
    load = session.load = Load(Profile(profile), rate)
    session.witness.load_began(load)
    load.begin()
    return f"checkouts are handed in: {profile}, {rate:g} a second"


def wait_for_load() -> str:
    """Wait until all checkouts of a burst have been started.

    Raises TimeoutError after SPENT_WITHIN seconds.
    """
    load = current().load
    if load is not None and not load.wait(within=SPENT_WITHIN):
        raise TimeoutError(f"The load was not handed in within {SPENT_WITHIN:.0f} s.")
    return "all of it has been handed in"


def end_load() -> str:
    """End the load."""
    load = current().load
    if load is None:
        return "no load had begun"
    load.end()
    return f"{len(load.accepted)} checkouts were accepted"


def inject(
    fault: str, target: str, seconds: float, parameters: Mapping[str, Any] | None = None
) -> str:
    """Inject a fault of the catalogue.

    The watchdog heals it after `seconds` at the latest.
    """
    session = current()
    if session.stopped.is_set():
        return CUT_SHORT
    armed, words = Engine().inject(
        fault=fault,
        target=target,
        seconds=seconds,
        actor=session.actor,
        parameters=dict(parameters or {}),
        run=session.run,
    )
    session.witness.injected(armed, words)
    return words


def heal(fault: str, target: str) -> str:
    """Heal a fault of this run, by the fault's name and its target."""
    session = current()
    said = []
    for armed in ArmedFaults().all():
        if (armed.run, armed.fault, armed.target) == (session.run, fault, target):
            words = Engine().heal(armed, patience=ROLLBACK_PATIENCE)
            session.witness.healed(armed, words)
            said.append(words)
    return "; ".join(said) or "it was healed already"


def heal_everything() -> str:
    """Heal all faults of this run that are still armed."""
    return "; ".join(heal_all(run=current().run)) or "nothing was broken any more"
