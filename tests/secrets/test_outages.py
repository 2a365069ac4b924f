"""An error of the server is an outage of the database, and an error of the values is not."""

from __future__ import annotations

import django.db
import psycopg
import pytest
from psycopg import errors

from cluster.secrets.postgres import DatabaseUnavailable, is_outage


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("away"),
        psycopg.OperationalError("connection refused"),
        psycopg.InterfaceError("the connection is closed"),
        errors.ConnectionFailure(),
        errors.TooManyConnections(),
        errors.DiskFull(),
        errors.AdminShutdown(),
        errors.CannotConnectNow(),
        errors.QueryCanceled(),
        errors.IoError(),
        errors.ReadOnlySqlTransaction(),
        errors.LockNotAvailable(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_server_is_an_outage(error: psycopg.Error) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
        errors.NumericValueOutOfRange(),
        errors.UntranslatableCharacter(),
        errors.StringDataRightTruncation(),
        errors.UniqueViolation(),
        errors.UndefinedColumn(),
        errors.StatementTooComplex(),
        errors.ProgramLimitExceeded(),
        errors.DeadlockDetected(),
        errors.InternalError_(),
        OverflowError("date value out of range"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_values_is_none(error: Exception) -> None:
    assert not is_outage(error)


@pytest.mark.parametrize(
    ("cause", "outage"),
    [(errors.AdminShutdown(), True), (errors.StatementTooComplex(), False), (None, False)],
)
def test_an_error_of_django_is_judged_by_its_cause(
    cause: Exception | None, *, outage: bool
) -> None:
    wrapped = django.db.OperationalError("as Django says it")
    wrapped.__cause__ = cause

    assert is_outage(wrapped) is outage
