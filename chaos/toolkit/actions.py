"""The actions of an exported experiment, each of which returns what it did in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos.experiments.experiment import Profile
from chaos.toolkit import stages


def begin_load(profile: str, rate: float) -> str:
    stages().begin_load(Profile(profile), rate)
    return f"checkouts are handed in: {profile}, {rate:g} a second"


def wait_for_load() -> str:
    stages().wait_for_load()
    return "all of it has been handed in"


def end_load() -> str:
    stages().end_load()
    return f"{len(stages().accepted)} checkouts were accepted"


def inject(
    fault: str, target: str, seconds: float, parameters: Mapping[str, Any] | None = None
) -> str:
    _, words = stages().inject(fault, target, seconds, parameters or {})
    return words


def heal(fault: str, target: str) -> str:
    said = [words for _, words in stages().heal(fault, target)]
    return "; ".join(said) or "it was healed already"


def heal_everything() -> str:
    return "; ".join(stages().heal_everything()) or "nothing was broken any more"
