"""Failures as data: the kind of an error decides what happens to the message."""

from __future__ import annotations

import enum
from typing import Final

from psycopg import errors

from cluster.messaging.work import PermanentError, TransientError
from cluster.secrets.postgres import is_outage


class Failure(enum.Enum):
    """The three kinds of failure that the inbox distinguishes."""

    CONFLICT = "conflict"  # lost a race in the database: apply again at once
    TRANSIENT = "transient"  # the surroundings are at fault: keep the message, apply later
    PERMANENT = "permanent"  # the message is at fault: dead letter


CONFLICT_ATTEMPTS: Final = 3  # of one message, which has lost each race so far
CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)


def classify(error: Exception) -> Failure:
    """Return the kind of one error that a handler raised.

    An unforeseen error is a defect in the handler or in the message. Trying it for ever would block
    its aggregate without any report, so it is permanent.
    """
    if isinstance(error, PermanentError):
        return Failure.PERMANENT
    if isinstance(error, TransientError) or is_outage(error):
        return Failure.TRANSIENT
    if isinstance(error, CONFLICTS):
        return Failure.CONFLICT
    return Failure.PERMANENT
