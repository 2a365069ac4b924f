"""Django in a worker of the baseline: the services' models over the databases `bench`."""

from __future__ import annotations

from typing import Any, Final

from chaos.benchmarks.scratch import address
from config.environment import SERVICES


def _database(service: str) -> dict[str, Any]:
    server = address(service)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": server["host"],
        "PORT": server["port"],
        "NAME": server["dbname"],
        "USER": server["user"],
        "PASSWORD": server["password"],
        "CONN_MAX_AGE": None,  # one connection for the life of the worker
    }


SECRET_KEY: Final = "signs nothing"  # noqa: S105 - and protects nothing
INSTALLED_APPS = [f"cluster.{service}" for service in SERVICES]
DATABASES = {"default": {}, **{service: _database(service) for service in SERVICES}}
DATABASE_ROUTERS = ["cluster.database_router.ServiceRouter"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
