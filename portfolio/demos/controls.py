"""The settings of a demo that a visitor may change: a choice, or a bounded number. No free text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Value: TypeAlias = str | int
Values: TypeAlias = Mapping[str, Value]


class InvalidChoice(ValueError):
    """A setting that the demo does not have. The message lists what it has, in one sentence."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values. `options` are (value, words), the first is the default."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]

    @property
    def default(self) -> str:
        return self.options[0][0]

    def read(self, raw: object) -> str:
        for value, _ in self.options:
            if raw == value:
                return value
        known = ", ".join(value for value, _ in self.options)
        raise InvalidChoice(f"{self.name} must be one of {known}.")

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "type": "string",
            "enum": [value for value, _ in self.options],
            "default": self.default,
            "description": f"{self.label}.",
        }


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between `least` and `most`."""

    name: str
    label: str
    least: int
    most: int
    default: int

    def read(self, raw: object) -> int:
        number = _whole(raw)
        if number is None or not self.least <= number <= self.most:
            raise InvalidChoice(
                f"{self.name} must be a whole number between {self.least} and {self.most}."
            )
        return number

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "type": "integer",
            "minimum": self.least,
            "maximum": self.most,
            "default": self.default,
            "description": f"{self.label}.",
        }


Control: TypeAlias = Choice | Number
LONGEST_NUMBER: Final = 9  # digits


def read_values(controls: Sequence[Control], raw: Mapping[str, object]) -> dict[str, Value]:
    """Return the chosen values, with defaults for the rest.

    Raises InvalidChoice, for unknown names too.
    """
    names = {control.name for control in controls}
    unknown = sorted(set(raw) - names)
    if unknown:
        known = f"there are {', '.join(sorted(names))}" if names else "there is nothing to set"
        raise InvalidChoice(f"There is no setting {unknown[0]!r}; {known}.")
    return {
        control.name: control.read(raw[control.name]) if control.name in raw else control.default
        for control in controls
    }


def _whole(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= LONGEST_NUMBER:
        return int(raw)
    return None
