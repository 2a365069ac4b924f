"""The provider's HTTP API from the client's side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

import aiohttp
import msgspec

from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.provider_api import (
    KEYS_PATH,
    OPERATIONS_PATH,
    PAYMENTS_PATH,
    RETIRE_EARLIER,
    KeyKind,
    KeyRequest,
    MadeKey,
    Operation,
    OperationsRequest,
    PaymentStatement,
    ProviderEvent,
    RetireRequest,
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
    """One kept-alive connection to the provider, with `timeout` for each request.

    A request whose key is refused is sent once more if Vault has another one.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: Callable[[], str],
        keys: ProviderKeys,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._session = session
        self._url = url
        self._timeout = timeout
        self._keys = keys

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

    async def make_key(self, kind: KeyKind) -> MadeKey:
        """Have one more key made.

        Raises ProviderUnavailable, after which it may have been made, or ProviderRefused.
        """
        answer = await self._request("POST", KEYS_PATH, msgspec.json.encode(KeyRequest(kind)))
        try:
            return msgspec.json.decode(answer or b"", type=MadeKey)
        except msgspec.MsgspecError as error:
            raise ProviderRefused(f"an answer that is not in the contract: {error}") from error

    async def retire_earlier_keys(self, id_: UUID, *, after: timedelta) -> None:
        """Let every key of its kind that is earlier than this one end after a time.

        Raises ProviderUnavailable, or ProviderRefused for a key that the provider does not know.
        """
        body = msgspec.json.encode(RetireRequest(after.total_seconds()))
        await self._request("POST", f"{KEYS_PATH}/{id_}/{RETIRE_EARLIER}", body)

    async def _request(self, method: str, path: str, body: bytes | None) -> bytes | None:
        """Send a request and return the body of a 2xx answer, or None for 404."""
        tried = self._keys.held
        status, content = await self._answer(method, path, body)
        if status == HTTPStatus.UNAUTHORIZED and await self._keys.differ_now(tried):
            status, content = await self._answer(method, path, body)
        if method == "GET" and status == HTTPStatus.NOT_FOUND:
            return None
        if status >= HTTPStatus.BAD_REQUEST:
            detail = content[:300].decode(errors="replace")
            kind = ProviderRefused if status in REFUSALS else ProviderUnavailable
            raise kind(f"{method} {path}: {status} {detail}")
        return content

    async def _answer(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {
            "Authorization": f"Bearer {self._keys.api_key}",
            "Content-Type": "application/json",
        }
        try:
            async with self._session.request(
                method,
                self._url().rstrip("/") + path,
                data=body,
                headers=headers,
                timeout=self._timeout,
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnavailable(f"{method} {path}: {error!r}") from error
