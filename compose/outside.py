"""The surroundings of the platform: addresses that are set in the process environment.

An address that is set there points a part elsewhere, so its local server is not
started. `config.environment` cannot decide this: it also reads what `up` recorded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

# Variables with rights that no process of the platform needs.
SET_UP_ONLY: Final = frozenset({"BROKER_ADMIN_URL"})


def environment() -> dict[str, str]:
    """Return a copy of this process's environment, for the processes it starts."""
    return dict(os.environ)


def withdraw(*names: str) -> None:
    """Remove variables, for this process and those that it starts."""
    for name in names:
        os.environ.pop(name, None)


def for_processes(surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return what the platform's processes may know of the surroundings."""
    return {name: value for name, value in surroundings.items() if name not in SET_UP_ONLY}


def named(name: str, surroundings: Mapping[str, str] | None = None) -> str | None:
    """Return the value of one variable, or None when it is unset or empty."""
    return (os.environ if surroundings is None else surroundings).get(name) or None
