"""The document that every bench prints: its figures, the machine, and the versions."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

# Figures by name; a group of figures is a mapping again.
Figures: TypeAlias = Mapping[str, Any]

PACKAGES: Final = ("django", "celery", "kombu", "amqp", "psycopg")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one bench, whose `ratios` compare medians of the same runs."""

    bench: str
    versions: Mapping[str, str]  # versions of the servers, as they report them
    runs: Sequence[Figures]
    medians: Figures
    ratios: Mapping[str, float]

    @classmethod
    def of(
        cls,
        bench: str,
        runs: Sequence[Figures],
        *,
        versions: Mapping[str, str],
        ratios: Mapping[str, tuple[str, str]],
    ) -> Self:
        """Return the result of these runs. `ratios` name two figures each, as `group.figure`."""
        middle = medians(runs)
        return cls(
            bench=bench,
            versions=versions,
            runs=runs,
            medians=middle,
            ratios={
                name: round(_figure(middle, one) / _figure(middle, other), 2)
                for name, (one, other) in ratios.items()
            },
        )

    def as_json(self) -> dict[str, Any]:
        """Return the document, in the one shape that all benches share."""
        return {
            "bench": self.bench,
            "machine": machine(),
            "versions": {**library_versions(), **self.versions},
            "runs": list(self.runs),
            "medians": self.medians,
            "ratios": self.ratios,
        }


def medians(runs: Sequence[Figures]) -> dict[str, Any]:
    """Return the median of each figure over the runs, group by group."""
    return {
        name: medians([run[name] for run in runs])
        if isinstance(figure, Mapping)
        else _median([run[name] for run in runs])
        for name, figure in runs[0].items()
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value not exceeded by at least `percent` of the values (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def machine() -> dict[str, Any]:
    """Return the processor, the number of its cores, the memory in MB and the kernel."""
    return {
        "cpu": _proc_field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_mb": int((_proc_field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "kernel": platform.release(),
    }


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages on the hot path."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _figure(figures: Figures, name: str) -> float:
    """Return the figure of a name such as `group.figure`."""
    found: Any = figures
    for part in name.split("."):
        found = found[part]
    return float(found)


def _median(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return round(statistics.median(known), 3) if known else None


def _proc_field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
