"""A stand-in for the stages of a run, which breaks nothing and notes what is asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chaos.experiments.experiment import Profile
from chaos.experiments.load import Load
from chaos.experiments.steady import Judge, Judgement
from cluster.health.armed_faults import ArmedFault, new_armed_fault
from cluster.health.checkers.finding import Counterexample, conclude
from cluster.health.checkers.verify import Verdict
from cluster.storefront.checkout_intake import CheckoutOrder

HELD = conclude("money conserved", checked=3, violations=[], sentence="It is.")
BROKEN = conclude(
    "money conserved", checked=3, violations=[Counterexample("a penny is gone")], sentence="It is."
)


def verdict_of(*findings: Any) -> Verdict:
    return Verdict(findings, at_rest=True, moving="", seconds=1.0)


@dataclass
class Staged:
    """The stages of a run in memory. `verdicts` are given one after the other, the last for ever.

    `at` names a stage with what it does, such as raising an error.
    """

    run: str = "01a21590-0000-7000-8000-000000000002"
    actor: str = "a test"
    verdicts: list[Verdict] = field(default_factory=lambda: [verdict_of(HELD)])
    at: dict[str, Callable[[], object]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    load: Load | None = None
    accepted: list[UUID] = field(default_factory=list)
    began: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def is_off(self) -> bool:
        return self.stopped.is_set() and not self.began

    def note(self, stage: str) -> None:
        self.done.append(stage)
        self.at.get(stage, lambda: None)()

    def unsteady(self, *, within: float) -> str:
        self.note("steady")
        return ""

    def judged(self, judge: Judge, *, within: float) -> Judgement:
        return Judgement(ok=True, words=judge.__name__)

    def verdict(self, *, within: float, by: str) -> Verdict:
        self.note("verdict")
        return self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]

    def begin_load(self, profile: Profile, rate: float) -> Any:
        self.began = True
        self.note("begin load")
        planned = Load.__new__(Load)  # an unplanned load, since planning reads the shop
        planned.profile, planned.rate = profile, rate
        return planned

    def hand_in(self, order: CheckoutOrder) -> None:
        self.note(f"hand in {order.id}")

    def wait_for_load(self) -> None:
        self.note("wait for load")

    def end_load(self) -> None:
        self.note("end load")

    def inject(
        self, fault: str, target: str, seconds: float, parameters: Mapping[str, Any]
    ) -> tuple[ArmedFault, str]:
        self.note("inject")
        armed = new_armed_fault(
            fault=fault,
            target=target,
            seconds=seconds,
            actor=self.actor,
            parameters=dict(parameters),
            run=self.run,
        )
        return armed, f"{target}: {fault}"

    def heal(self, fault: str, target: str) -> list[tuple[ArmedFault, str]]:
        self.note("heal")
        return []

    def heal_everything(self) -> list[str]:
        self.note("heal everything")
        return []

    def roll_back(self) -> None:
        self.note("roll back")

    def recovered(self, *, within: float) -> bool:
        self.note("recovered")
        return True

    def checkouts_ended(self, *, within: float) -> bool:
        self.note("checkouts ended")
        return True
