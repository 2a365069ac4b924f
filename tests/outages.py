"""An outage of the database, as Django raises it in the middle of a request."""

from __future__ import annotations

from django.db import OperationalError
from psycopg.errors import AdminShutdown


def outage() -> OperationalError:
    """Return the error of a session that the server has ended."""
    error = OperationalError("terminating connection due to administrator command")
    error.__cause__ = AdminShutdown(str(error))
    return error
