"""Debian packages that the platform needs, installed without starting anything.

Standard library only. On an ordinary Debian machine, installing RabbitMQ, Redis or
PostgreSQL starts them on their standard ports; a temporary `policy-rc.d` forbids
that, PostgreSQL's default cluster is not made, and what was there before is put back.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from compose.errors import PlainError


def postgres_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server, which Debian keeps off the PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda path: _number(path.parent.name), default=None)


def rabbitmq_server() -> Path | None:
    """Return the server's own script. The wrapper in /usr/sbin switches user and directory."""
    found = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server")]
    found += sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))
    return next((path for path in found if path.exists()), None)


def installed(program: Path | None, name: str, package: str) -> Path:
    """Return the program, or raise PlainError with the command that installs it."""
    if program is None:
        raise PlainError(f"{name} is missing: apt-get install --no-install-recommends {package}")
    return program


def redis_server() -> Path | None:
    return _program("redis-server")


def epmd() -> Path | None:
    return _program("epmd")


def curl() -> Path | None:
    return _program("curl")


def headless_browser() -> Path | None:
    """Return Chromium's headless shell, or else the whole browser, which draws a hidden toolbar."""
    return _program("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


# The program that each package must provide, by apt's name of the package. The tests need all.
NEEDED: Final[Mapping[str, Callable[[], Path | None]]] = {
    "rabbitmq-server": rabbitmq_server,
    "redis-server": redis_server,
    "postgresql": postgres_binaries,
    "chromium-headless-shell": headless_browser,
    "curl": curl,
}

# The units that these packages enable for the next boot. They would take the standard ports.
UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "rabbitmq-server": ("rabbitmq-server.service", "epmd.service", "epmd.socket"),
    "redis-server": ("redis-server.service",),
    "postgresql": ("postgresql.service",),
}

# Run as root. A `trap` puts everything back even when apt fails or is interrupted.
INSTALL: Final = """
set -e
policy=/usr/sbin/policy-rc.d
kept=/usr/sbin/policy-rc.d.before-working-timetable
cluster=/etc/postgresql-common/createcluster.d/working-timetable.conf
put_back() {
  rm -f "$policy" "$cluster"
  rmdir --ignore-fail-on-non-empty "${cluster%/*}" 2>/dev/null || true
  if [ -e "$kept" ]; then mv "$kept" "$policy"; fi
}
trap put_back EXIT
trap 'exit 130' INT TERM HUP
if [ -e "$policy" ] && [ ! -e "$kept" ]; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\\nexit 101\\n' > "$policy"
chmod 755 "$policy"
mkdir -p "${cluster%/*}"
echo 'create_main_cluster = false' > "$cluster"
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get update || true  # a broken list of something else; the installation decides
apt-get install --yes --no-install-recommends $PACKAGES
if [ -d /run/systemd/system ]; then
  for unit in $UNITS; do systemctl disable "$unit" || true; done
fi
"""


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of the packages whose programs are not on this machine."""
    return [package for package in packages if NEEDED[package]() is None]


def require(packages: Iterable[str]) -> None:
    """Install what is missing, or raise PlainError with the exact command that does."""
    absent = missing(packages)
    if absent:
        print(f"Installing the system packages {', '.join(absent)} …", flush=True)
        install(absent)
    still = missing(absent)
    if still:
        raise PlainError(f"{', '.join(still)} was installed, but its programs cannot be found.")


def require_venv() -> None:
    """Install `venv` if it is missing, since Debian keeps it in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    print(f"Installing the system package {package} …", flush=True)
    install([package])


def install(packages: Sequence[str]) -> None:
    """Install Debian packages as root or with sudo, starting nothing."""
    mend = f"apt-get update && apt-get install --no-install-recommends {' '.join(packages)}"
    names = " and ".join(packages)
    if shutil.which("apt-get") is None:
        raise PlainError(
            f"{names} is missing, and this machine has no apt-get: install it by other means."
        )
    units = " ".join(unit for package in packages for unit in UNITS.get(package, ()))
    command = ["sh", "-c", INSTALL]
    settings = [f"PACKAGES={' '.join(packages)}", f"UNITS={units}"]
    if os.geteuid() == 0:
        command = ["env", *settings, *command]
    elif shutil.which("sudo") is not None:
        quiet = [] if sys.stdin.isatty() else ["-n"]  # a password can be typed only at a terminal
        command = ["sudo", *quiet, "env", *settings, *command]
    else:
        raise PlainError(f"{names} is missing; run this as root, then try again: {mend}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        errors = [line for line in lines if line.startswith("E:")] or lines[-1:]
        raise PlainError(
            f"{names} could not be installed; see that the network is up and run this as root: "
            f"{mend} (it said: {' '.join(errors)})."
        )


def _program(*names: str) -> Path | None:
    # Debian keeps some servers in /usr/sbin, which an ordinary user's PATH may lack.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/usr/local/bin"
    found = next((program for name in names if (program := shutil.which(name, path=path))), None)
    return Path(found) if found else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
