"""The names of processes in the sentences of the catalogue."""

from __future__ import annotations

from typing import Final

from config.environment import DATABASES

# Shared by all services: an outage of one affects every service.
SHARED: Final = {
    "rabbitmq": "the broker",
    "redis": "the cache",
    "openbao": "the secrets server",
}
SITE: Final = {
    "web": "the web server",
    "payments-gateway": "the payments gateway",
    "provider": "the sandbox payment provider",
    "beat": "the scheduler",
}
COMES_THROUGH: Final = (
    "every accepted checkout still completes or is compensated, "
    "and no money, stock or message is lost."
)
WORKERS: Final = tuple(f"worker-{name}" for name in DATABASES)
RELAYS: Final = tuple(f"relay-{name}" for name in DATABASES)
# Those that wait for a broker that runs and does nothing.
EVERYBODY: Final = (*WORKERS, *RELAYS, "payments-gateway", "beat", "web")


def owner_of(database: str) -> str:
    """Return the owner of a database, worker or relay, in words."""
    return "the site" if database == "site" else database


def dependents(database: str) -> tuple[str, ...]:
    """Return the processes that cannot work while a database is away."""
    others = {"site": ("web", "beat"), "payments": ("payments-gateway",)}
    return (f"worker-{database}", f"relay-{database}", *others.get(database, ()))
