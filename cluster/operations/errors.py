"""The errors of servers beneath a command, each as one plain sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import amqp
import psycopg

from cluster.secrets.vault import SecretsError
from compose.errors import PlainError
from config.environment import MissingSetting

MEND: Final = "Does the platform run? `python3 manage.py cluster status` says more."


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors of servers that are away into PlainError, exit status 1."""
    # The lease renewers log each attempt. Here the one sentence at the end is enough.
    renewers = logging.getLogger("cluster")
    before = renewers.level
    renewers.setLevel(logging.CRITICAL)
    try:
        yield
    except MissingSetting as error:
        raise PlainError(str(error)) from error
    except (psycopg.OperationalError, SecretsError, amqp.AMQPError, OSError) as error:
        raise PlainError(f"{_sentence(error)} {MEND}") from error
    finally:
        renewers.setLevel(before)


def reason(error: BaseException) -> str:
    """Return the first line of an error's message, or its class name when it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _sentence(error: BaseException) -> str:
    told = reason(error)
    return f"{told[:1].upper()}{told[1:].rstrip('.')}."
