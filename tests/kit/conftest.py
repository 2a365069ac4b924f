"""The page cache with a store of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.kit import page_cache, page_memory
from tests.kit.pages import MemoryStore


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryStore]:
    replaced = MemoryStore()
    monkeypatch.setattr(page_cache, "_store", replaced)
    page_memory.forget()
    yield replaced
    page_memory.forget()
