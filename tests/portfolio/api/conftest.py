"""A client of the running site's API."""

from __future__ import annotations

import pytest

from tests.portfolio.api.client import Client


@pytest.fixture
def client(platform_url: str) -> Client:
    return Client(platform_url)
