"""A client of the API that keeps cookies, as any program may write one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import requests

PURCHASE = {"sku": "FLAG-GREEN", "quantity": 1, "outcome": "success"}


class Client:
    """One visitor, whom the site knows by the session of the first write."""

    def __init__(self, site: str) -> None:
        self.session = requests.Session()
        self.site = site
        self._api = f"{site}/api/v1"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(f"{self._api}{path}", headers=headers, timeout=30)

    def post(
        self, path: str, body: Any, *, key: str | None = "", **headers: str
    ) -> requests.Response:
        """Post with a new idempotency key, or with `key`, or without one if that is None."""
        if key is not None:
            headers["Idempotency-Key"] = key or str(uuid4())
        return self.session.post(f"{self._api}{path}", json=body, headers=headers, timeout=30)

    def patch(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.session.patch(f"{self._api}{path}", json=body, headers=headers, timeout=30)
