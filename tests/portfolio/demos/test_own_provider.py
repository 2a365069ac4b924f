"""A stopped provider answers nothing, and carries out its requests once it continues."""

from __future__ import annotations

import asyncio
import os
from uuid import UUID, uuid4

import aiohttp
import pytest

from cluster.payments.gateway.keys import fixed_keys
from cluster.payments.gateway.provider import ProviderClient, ProviderUnavailable
from cluster.payments.provider_api import EventType, Operation, OperationKind
from portfolio.demos.own_provider import API_KEY, OwnProvider, own_provider


def test_a_time_out_is_no_answer() -> None:
    payment = uuid4()
    with own_provider() as provider:
        told = asyncio.run(_asked_while_silent(provider, payment))

    assert told == [EventType.AUTHORISED]


def test_it_ends_with_its_block() -> None:
    with own_provider() as provider:
        provider.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(provider.pid, 0)


async def _asked_while_silent(provider: OwnProvider, payment: UUID) -> list[EventType]:
    async with aiohttp.ClientSession() as session:
        hasty = ProviderClient(
            session,
            url=lambda: provider.url,
            keys=fixed_keys(API_KEY),
            timeout=aiohttp.ClientTimeout(total=0.2),
        )
        patient = ProviderClient(session, url=lambda: provider.url, keys=fixed_keys(API_KEY))
        operation = Operation(payment, payment, OperationKind.AUTHORISE, 100, "tok_ok")
        provider.stop()
        with pytest.raises(ProviderUnavailable):
            await hasty.send([operation])
        provider.go_on()
        await patient.send([operation])
        return [event.type for event in await patient.events(payment)]
