"""The checker's client of the provider: reads its books, payment by payment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener
from uuid import UUID

import msgspec

from cluster.payments.provider_api import BOOKS_PATH, Balance, BooksPage

PAGE: Final = 5000
TIMEOUT: Final = 10.0  # seconds a page


class ProviderUnavailableError(Exception):
    """The provider does not answer, or not as its contract says."""


def read_books(provider_url: str, *, api_key: Callable[[], str]) -> dict[UUID, Balance]:
    """Return the pence that the provider holds authorised and captured of each payment it knows.

    `api_key` is called for each page, since the key may be rotated meanwhile. Raises
    ProviderUnavailableError.
    """
    # No proxy of the environment may come between two processes of one platform.
    opener = build_opener(ProxyHandler({}))
    balances: dict[UUID, Balance] = {}
    after: UUID | None = None
    while True:
        query = {"limit": PAGE} | ({} if after is None else {"after": str(after)})
        request = Request(  # noqa: S310 - the address is a setting of ours
            f"{provider_url.rstrip('/')}{BOOKS_PATH}?{urlencode(query)}",
            headers={"Authorization": f"Bearer {api_key()}"},
        )
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                page = msgspec.json.decode(answer.read(), type=BooksPage)
        except (HTTPError, URLError, OSError, msgspec.MsgspecError) as error:
            raise ProviderUnavailableError(f"the provider's books: {error}") from error
        balances |= page.balances
        after = page.next
        if after is None:
            return balances
