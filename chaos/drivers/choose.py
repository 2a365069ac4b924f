"""The choice of the driver by the setting CHAOS_DRIVER, by default the local supervisor."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from typing import Final

from chaos.drivers.driver import Driver
from compose.errors import Misuse
from config.environment import chaos_driver

# By name, not imported: a container engine's client is loaded only where it is used.
DRIVERS: Final[Mapping[str, str]] = {
    "local": "chaos.drivers.local:LocalDriver",
    "docker": "chaos.drivers.docker:DockerDriver",
    "kubernetes": "chaos.drivers.kubernetes:KubernetesDriver",
}


def choose_driver() -> Driver:
    """Return the driver that the settings name.

    Raises Misuse for an unknown name.
    """
    name = chaos_driver()
    if name not in DRIVERS:
        raise Misuse(f"CHAOS_DRIVER is {name!r}; there is: {', '.join(DRIVERS)}.")
    make: Callable[[], Driver] = pkgutil.resolve_name(DRIVERS[name])
    return make()
