"""The provider's HTTP API from the client's side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

import aiohttp
import msgspec

from cluster.payments.provider_api import (
    OPERATIONS_PATH,
    PAYMENTS_PATH,
    Operation,
    OperationsRequest,
    PaymentStatement,
    ProviderEvent,
)

# The provider's answers to a request that is itself at fault. Any other refusal (of the key, the
# address, the rate) concerns every request.
REFUSALS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0, connect=2.0)


class ProviderUnavailable(Exception):
    """The provider did not answer with 2xx, so the request may have been carried out or not."""


class ProviderRefused(Exception):
    """The provider refused this request, or its answer is outside the contract.

    Nothing was done, and the same request again is of no use.
    """


class ProviderClient:
    """One kept-alive connection to the provider, with `timeout` for each request."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: Callable[[], str],
        api_key: str,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._session = session
        self._url = url
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    async def send(self, operations: Sequence[Operation]) -> None:
        """Send operations, in order, which may be sent again.

        Raises ProviderUnavailable, or ProviderRefused when one of them is not acceptable.
        """
        body = msgspec.json.encode(OperationsRequest(list(operations)))
        await self._request("POST", OPERATIONS_PATH, body)

    async def events(self, payment: UUID) -> list[ProviderEvent]:
        """Return all events that the provider has about a payment.

        Raises ProviderUnavailable or ProviderRefused.
        """
        answer = await self._request("GET", f"{PAYMENTS_PATH}/{payment}", None)
        if answer is None:
            return []
        try:
            return msgspec.json.decode(answer, type=PaymentStatement).events
        except msgspec.MsgspecError as error:
            raise ProviderRefused(f"an answer that is not in the contract: {error}") from error

    async def _request(self, method: str, path: str, body: bytes | None) -> bytes | None:
        """Send a request and return the body of a 2xx answer, or None for 404."""
        try:
            async with self._session.request(
                method,
                self._url().rstrip("/") + path,
                data=body,
                headers=self._headers,
                timeout=self._timeout,
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnavailable(f"{method} {path}: {error!r}") from error
        if method == "GET" and answer.status == HTTPStatus.NOT_FOUND:
            return None
        if not answer.ok:
            detail = content[:300].decode(errors="replace")
            kind = ProviderRefused if answer.status in REFUSALS else ProviderUnavailable
            raise kind(f"{method} {path}: {answer.status} {detail}")
        return content
