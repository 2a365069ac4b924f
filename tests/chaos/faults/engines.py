"""An engine over a temporary folder, and a fault and a driver that record their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.drivers.driver import Driver, DriverError
from chaos.faults.engine import Engine
from chaos.faults.fault import FaultWords
from chaos.faults.healed import HealedLog
from cluster.health.armed_faults import ArmedFault, ArmedFaults
from compose.errors import Misuse


class RecordingDriver:
    """A driver that records every call, and fails in the methods that `refuses` names."""

    name = "recording"

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.refuses: set[str] = set()

    def processes(self) -> list[str]:
        return []

    def kill(self, process: str) -> str:
        return self._note("kill", process)

    def pause(self, process: str) -> str:
        return self._note("pause", process)

    def resume(self, process: str) -> str:
        return self._note("resume", process)

    def restart(self, process: str) -> str:
        return self._note("restart", process)

    def ensure_running(self, process: str) -> str:
        return self._note("ensure_running", process)

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        self._note("sql", database, within, *statements)
        return [(0,)]

    def broker(self, *arguments: str) -> str:
        return self._note("broker", *arguments)

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        self._note("secrets", method, path)
        return {"sealed": False}

    def _note(self, *call: str) -> str:
        self.calls.append(call)
        if call[0] in self.refuses:
            raise DriverError(f"{call[0]} is refused for now")
        return " ".join(call)


class Toy:
    """A fault that records whether it was armed when injected, and that fails on demand."""

    name = "toy"
    lasts = True
    words = FaultWords(title="Toy", verb="toyed with", what="Nothing.")

    def __init__(self, armed: ArmedFaults) -> None:
        self.armed = armed
        self.armed_when_injected: list[bool] = []
        self.heals = 0
        self.failing_injections = 0
        self.failing_heals = 0
        self.healed_during_injection = False

    def targets(self) -> tuple[str, ...]:
        return ("toy", "other")

    def reaches(self, target: str) -> tuple[str, ...]:
        return (target,)

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        if target not in self.targets() or parameters:
            raise Misuse(f"not {target!r}")

    def inject(self, _driver: Driver, armed: ArmedFault) -> str:
        self.armed_when_injected.append(self.armed.has(armed.id))
        if self.healed_during_injection:
            self.armed.disarm(armed.id)
        if self.failing_injections:
            self.failing_injections -= 1
            raise DriverError("half done")
        return "broken"

    def heal(self, _driver: Driver, armed: ArmedFault) -> str:
        if self.failing_heals:
            self.failing_heals -= 1
            raise DriverError("the server starts")
        self.heals += 1
        return f"mended {armed.target}"


def toy_engine(folder: Path) -> tuple[Engine, Toy]:
    """Return an engine that knows only the toy fault, and that fault.

    The engine's records are below `folder`.
    """
    armed = ArmedFaults(folder / "armed")
    toy = Toy(armed)
    engine = Engine(
        driver=RecordingDriver(),
        armed=armed,
        healed=HealedLog(folder / "healed.jsonl"),
        faults={"toy": toy},
    )
    return engine, toy
