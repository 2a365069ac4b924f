"""The checkout service: its table of handlers and its scheduled work."""

from __future__ import annotations

from typing import Final

from cluster.checkout.definition import CHECKOUT
from cluster.checkout.handlers import HANDLERS, erase_visitors, sweep_deadlines
from cluster.identity.contract import ErasureCompleted, ErasureRefused, ErasureRequested
from cluster.messaging.history import History
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore

# Seconds by which a deadline may be overrun before the saga compensates.
SWEEP_EVERY: Final = 1.0

HISTORY: Final = History(
    tables={"saga": "id"},
    moving="""
        SELECT id::text FROM saga
         WHERE id < %(first_kept)s::uuid
           AND (state IN ('running', 'compensating') OR ended_at >= %(before)s)""",
)

SERVICE: Final = Service(
    name="checkout",
    code="CHK",
    handlers={
        **HANDLERS,
        ErasureRequested: erase_visitors,
        ErasureRefused: ignore,
        ErasureCompleted: ignore,
    },
    commands=tuple(
        command for step in CHECKOUT.steps for command in (step.command, step.compensation.command)
    ),
    schedule=(Scheduled(name="checkout.sweep_deadlines", every=SWEEP_EVERY, run=sweep_deadlines),),
    history=HISTORY,
)
