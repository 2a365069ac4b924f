"""The checker's client of the provider: reads its books, payment by payment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener
from uuid import UUID

import msgspec

from cluster.payments.provider_api import BOOKS_PATH, Balance, BooksPage

PAGE: Final = 5000
TIMEOUT: Final = 10.0  # seconds a page
AT_ONCE: Final = 100  # payments named in one address, which may have 8,190 bytes


class ProviderUnavailableError(Exception):
    """The provider does not answer, or not as its contract says."""


def read_total(provider_url: str, *, api_key: Callable[[], str]) -> Balance:
    """Return the pence that the provider holds authorised and captured of all payments.

    Raises ProviderUnavailableError.
    """
    page = _read(provider_url, api_key, [])
    return Balance(page.authorised, page.captured)


def read_books(
    provider_url: str, *, api_key: Callable[[], str], payments: Iterable[UUID] | None = None
) -> dict[UUID, Balance]:
    """Return the pence that the provider holds authorised and captured of each payment it knows.

    With `payments`, of these only. `api_key` is called for each page, since the key may be rotated
    meanwhile. Raises ProviderUnavailableError.
    """
    balances: dict[UUID, Balance] = {}
    if payments is not None:
        wanted = list(payments)
        for start in range(0, len(wanted), AT_ONCE):
            named = [("payment", str(payment)) for payment in wanted[start : start + AT_ONCE]]
            balances |= _read(provider_url, api_key, [("limit", str(PAGE)), *named]).balances
        return balances
    after: UUID | None = None
    while True:
        following = [] if after is None else [("after", str(after))]
        page = _read(provider_url, api_key, [("limit", str(PAGE)), *following])
        balances |= page.balances
        after = page.next
        if after is None:
            return balances


def _read(
    provider_url: str, api_key: Callable[[], str], query: Sequence[tuple[str, str]]
) -> BooksPage:
    # No proxy of the environment may come between two processes of one platform.
    opener = build_opener(ProxyHandler({}))
    request = Request(  # noqa: S310 - the address is a setting of ours
        f"{provider_url.rstrip('/')}{BOOKS_PATH}?{urlencode(query)}",
        headers={"Authorization": f"Bearer {api_key()}"},
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return msgspec.json.decode(answer.read(), type=BooksPage)
    except (HTTPError, URLError, OSError, msgspec.MsgspecError) as error:
        raise ProviderUnavailableError(f"the provider's books: {error}") from error
