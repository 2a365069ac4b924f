"""The description by which the supervisor runs one process."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.environment import ROOT


@dataclass(frozen=True)
class Process:
    """One supervised process.

    `patience` is how many seconds it gets between its stop signal and SIGKILL.
    Processes stop in rising `stop_phase`, all of one phase at once. One that is
    `slow_to_stop` gets its signal before the first phase, and no phase waits for it.
    The whole stop has ten seconds.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 3.0
    stop_phase: int = 0
    slow_to_stop: bool = False
    is_server: bool = False
