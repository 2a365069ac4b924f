"""Recorded measurements that articles print: one JSON file for each, beside this module.

A file is the output of a bench with `--json`, together with its provenance:
    "command"      the command line that measures it again
    "revision"     the git revision that was measured
    "machine"      the machine, in words or as the bench prints it
    "measured_on"  the day, as 2026-11-22
A file whose figures have another shape gives its table itself, as "columns" and "rows".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from articles.problems import Refused

FOLDER: Final = Path(__file__).resolve().parent
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROVENANCE: Final = ("command", "revision", "machine", "measured_on")
# Endings of figures' names, with the unit as it is printed. The longest come first.
_UNITS: Final = (
    ("_per_second", "/s"),
    ("_seconds", "s"),
    ("_percent", "%"),
    ("_mb", "MB"),
    ("_ms", "ms"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it is printed. Figures are aligned to the right."""

    text: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A table, and its provenance."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    command: str
    revision: str
    machine: str
    measured_on: str


def names() -> list[str]:
    """Return the names of all measurements."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str, *, show: tuple[str, ...] = (), folder: Path = FOLDER) -> Measurement:
    """Read a measurement.

    Raises Refused with a sentence when it cannot be printed. `show` picks groups of figures,
    in this order; without it all are printed.
    """
    path = folder / f"{name}.json"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(names()) or "none yet"
        raise Refused(f"There is no measurement “{name[:60]}”; recorded are: {known}.")
    try:
        recorded = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"The measurement “{name}” cannot be read: {error}.") from error
    missing = [field for field in _PROVENANCE if not recorded.get(field)]
    if missing:
        raise Refused(f"The measurement “{name}” does not say its {' and '.join(missing)}.")
    columns, rows = _table(recorded, name, show)
    return Measurement(
        columns=tuple(columns),
        rows=tuple(rows),
        command=str(recorded["command"]),
        revision=str(recorded["revision"]),
        machine=_machine(recorded["machine"]),
        measured_on=str(recorded["measured_on"]),
    )


def _table(
    recorded: Mapping[str, Any], name: str, show: tuple[str, ...]
) -> tuple[Sequence[str], list[tuple[Cell, ...]]]:
    if "rows" in recorded:
        columns = [str(column) for column in recorded.get("columns", [])]
        rows = [tuple(_cell(value) for value in row) for row in recorded["rows"]]
        if not columns or any(len(row) != len(columns) for row in rows):
            raise Refused(f"The rows of the measurement “{name}” do not fit its columns.")
        return columns, rows
    if not isinstance(recorded.get("medians"), Mapping):
        raise Refused(f"The measurement “{name}” has neither rows nor medians.")
    return _medians(recorded, name, show)


def _medians(
    recorded: Mapping[str, Any], name: str, show: tuple[str, ...]
) -> tuple[Sequence[str], list[tuple[Cell, ...]]]:
    """Return the bench's medians, with the least and most of the runs."""
    medians: Mapping[str, Any] = recorded["medians"]
    runs: Sequence[Mapping[str, Any]] = recorded.get("runs", [])
    groups = {key: value for key, value in medians.items() if isinstance(value, Mapping)}
    groups = groups or {"": medians}
    unknown = [group for group in show if group not in groups]
    if unknown:
        known = ", ".join(groups)
        raise Refused(f"The measurement “{name}” has no “{unknown[0][:60]}”; it has: {known}.")
    rows: list[tuple[Cell, ...]] = []
    for group in show or groups:
        for figure, median in groups[group].items():
            label, unit = _label(figure)
            found = [run.get(group, run).get(figure) for run in runs]
            known_values = [value for value in found if value is not None]
            spread = ""
            if known_values:
                spread = f"{_number(min(known_values))} to {_number(max(known_values))}"
            rows.append(
                (
                    Cell(group.replace("_", " ")),
                    Cell(label),
                    Cell(f"{_number(median)} {unit}".strip(), numeric=True),
                    Cell(spread, numeric=True),
                )
            )
    return ("What ran", "Figure", "Median", f"Range of {len(runs)} runs"), rows


def _label(figure: str) -> tuple[str, str]:
    for ending, unit in _UNITS:
        if figure.endswith(ending):
            return figure.removesuffix(ending).replace("_", " "), unit
    # Some benches write `cpu_ms_per_checkout`.
    if "_ms_" in figure:
        return figure.replace("_ms_", " ").replace("_", " "), "ms"
    return figure.replace("_", " "), ""


def _cell(value: Any) -> Cell:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(_number(value) if numeric or value is None else str(value), numeric=numeric)


def _number(value: Any) -> str:
    """Return a figure for people: thousands apart, and no more digits than were measured."""
    if value is None:
        return "not measured"
    if isinstance(value, float):
        text = f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"  # noqa: PLR2004
        return text.rstrip("0").rstrip(".")
    return f"{value:,}"


def _machine(told: Any) -> str:
    if not isinstance(told, Mapping):
        return str(told)
    memory = f", {told['memory_mb'] / 1024:.0f} GB" if told.get("memory_mb") else ""
    return f"{told.get('cores', '?')} cores of {told.get('cpu', 'an unnamed processor')}{memory}"
