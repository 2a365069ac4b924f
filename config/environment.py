"""The one module that reads the environment.

Each setting is looked up in the process environment first, then in the file
`platform.json` that `manage.py up` writes into the run directory, then in the
default given here. So a second terminal finds the running platform without
exporting anything, and one environment variable points any part elsewhere.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Final

from config import fault_routes

ROOT: Final = Path(__file__).resolve().parent.parent
SERVICES: Final = fault_routes.SERVICES
DATABASES: Final = ("site", *SERVICES)


# Django reads this variable. It is the only reference to the site in the layers below it.
SETTINGS: Final = ("DJANGO_SETTINGS_MODULE", "portfolio.settings")


def name_settings() -> None:
    """Set the variable that names Django's settings, unless the surroundings set it."""
    os.environ.setdefault(*SETTINGS)


class MissingSetting(LookupError):
    """A setting has neither an environment variable nor a value in platform.json."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not set, and {platform_file()} does not name it. "
            "Start the platform with `python3 manage.py up`, or set the variable."
        )


def run_directory() -> Path:
    """Return the git-ignored directory that holds data, logs and secrets of this platform."""
    return Path(os.environ.get("PORTFOLIO_RUN_DIR") or ROOT / ".run").resolve()


def static_directory() -> Path:
    """Return the folder of the static files, in the run directory unless an image has them."""
    return Path(setting("STATIC_DIRECTORY", str(run_directory() / "static")))


def platform_file() -> Path:
    """Return the file in which `manage.py up` records the addresses it chose."""
    return run_directory() / "platform.json"


@cache
def _recorded(path: Path, _modified: int) -> dict[str, str]:
    recorded: dict[str, str] = json.loads(path.read_text())
    return recorded


def setting(name: str, default: str | None = None) -> str:
    """Return the value of one setting, or raise MissingSetting when it is set nowhere."""
    value = os.environ.get(name)
    if value:
        return value
    path = platform_file()
    try:
        recorded = _recorded(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        recorded = {}
    value = recorded.get(name, default)
    if value is None:
        raise MissingSetting(name)
    return value


def database_url(database: str) -> str:
    """Return a database's URL: DATABASE_URL for the site, <SERVICE>_DATABASE_URL otherwise.

    A URL without a user means that credentials are leased from Vault. Call it for each connection.
    """
    url = setting("DATABASE_URL" if database == "site" else f"{database.upper()}_DATABASE_URL")
    return _led(url, f"{database}-database")


def vault_address() -> str:
    return setting("VAULT_ADDR")


def vault_identity() -> str:
    """Return the AppRole identity of this process: a service's name, `web` or another's."""
    return setting("VAULT_IDENTITY", "web")


def own_service() -> str:
    """Return the service that this process belongs to, or its identity when it has none."""
    identity = vault_identity()
    return "site" if identity == "web" else identity


def acting_identity(usual: str) -> str:
    """Return `usual`, or `runner` if that is this process's identity, since it may do the same."""
    own = setting("VAULT_IDENTITY", "")
    return own if own == "runner" else usual


def approle_file(identity: str) -> Path:
    """Return the file, mode 0600, with the role id and secret id of one identity."""
    folder = Path(setting("APPROLE_DIR", str(run_directory() / "secrets" / "approle")))
    return folder / f"{identity}.json"


def broker_url() -> str:
    """Return the broker's URL, whose credentials come from Vault unless the URL carries them.

    Call it for each connection: a network fault leads one service's connections elsewhere.
    """
    return _led(setting("BROKER_URL"), f"{own_service()}-broker")


def broker_users() -> str:
    """Return `own` when each kind of process has a user of its own at the broker."""
    return setting("BROKER_USERS", "")


def broker_admin_url() -> str:
    """Return the URL of the broker's management API, by which users are made, or nothing."""
    return setting("BROKER_ADMIN_URL", "")


def redis_url() -> str:
    """Return the cache's URL without its password. Call it for each connection."""
    return _led(setting("REDIS_URL"), f"{own_service()}-cache")


def provider_url() -> str:
    """Return the payment provider's URL. Call it for each request."""
    return _led(setting("PROVIDER_URL"), f"{own_service()}-provider")


def _led(url: str, link: str) -> str:
    """Return `url`, or the fault proxy's while a network fault breaks this process's link."""
    return fault_routes.detoured(url, routes_file(), link, own_service())


def routes_file() -> Path:
    """Return the file of the links that lead through the fault proxy now. It need not exist."""
    return run_directory() / "chaos" / "routes.json"


def link_ports() -> dict[str, int]:
    """Return the fault proxy's port for each link, from LINK_PORTS=orders-broker=41001,…."""
    pairs = (pair.partition("=") for pair in setting("LINK_PORTS", "").split(",") if pair)
    return {link: int(port) for link, _, port in pairs}


def link_proxy() -> str:
    """Return the host at which the fault proxy listens, as its clients name it."""
    return setting("LINK_PROXY", "127.0.0.1")


def observer_url() -> str:
    """Return the URL at which the observer answers with its measurements."""
    return setting("OBSERVER_URL")


def load_trace_ratio() -> float:
    """Return the part of an experiment's or a large command's checkouts to trace, from 0 to 1.

    A traced checkout costs 1.5 times the processor time of another one.
    """
    return float(setting("LOAD_TRACE_RATIO", "0.01"))


def chaos_driver() -> str:
    """Return the name of the engine that injects faults: `local`, `docker` or `kubernetes`."""
    return setting("CHAOS_DRIVER", "local")


def compose_project() -> str:
    """Return the Compose project whose containers are this platform, for the Docker driver."""
    return setting("COMPOSE_PROJECT_NAME", "working-timetable")


def kubernetes_namespace() -> str:
    """Return the namespace that this platform has on Kubernetes to itself."""
    return setting("KUBERNETES_NAMESPACE", "working-timetable")


def revision() -> str:
    """Return the revision that an image was built from, empty in a checkout, where git has it."""
    return setting("REVISION", "")


def site_url() -> str:
    """Return the URL at which other processes of the platform reach the site."""
    return setting("SITE_URL", f"http://127.0.0.1:{web_port()}")


def behind_tls() -> bool:
    """Return whether a proxy in front ends TLS and names the scheme in X-Forwarded-Proto."""
    return setting("BEHIND_TLS", "") == "yes"


def allowed_hosts() -> list[str]:
    """Return the names, beside loopback's, under which the site answers."""
    return setting("ALLOWED_HOSTS", "").split()


def canonical_origin() -> str:
    """Return the origin by which the public knows the site, for what must not follow `Host`.

    CANONICAL_ORIGIN, or the first full name of ALLOWED_HOSTS, or the site's own address.
    """
    names = (name for name in allowed_hosts() if "." in name.strip(".") and name[0] not in "*.")
    scheme = "https" if behind_tls() else "http"
    public = next((f"{scheme}://{name}" for name in names), site_url())
    return setting("CANONICAL_ORIGIN", public).rstrip("/")


def web_interface() -> str:
    """Return the address the site listens on: loopback, unless a container says otherwise."""
    return setting("PORTFOLIO_INTERFACE", "127.0.0.1")


def web_port() -> int:
    return int(setting("PORTFOLIO_PORT", "8000"))


def web_trial_port() -> int | None:
    """Return the port at which a web server is tried before it serves the public, or None."""
    number = setting("WEB_TRIAL_PORT", "")
    return int(number) if number else None
