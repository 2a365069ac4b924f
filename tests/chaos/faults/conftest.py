"""The engine of the running platform, and faults that never outlive their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from chaos.faults.armed import ArmedFault
from chaos.faults.engine import Engine
from compose.platform import Platform

Broken = Callable[..., AbstractContextManager[ArmedFault]]
LIFE = 30.0  # seconds; the watchdog's bound, should a test die


@pytest.fixture
def real_engine(platform: Platform) -> Engine:
    """The engine that visitors' faults go through."""
    return Engine()


@pytest.fixture
def broken(real_engine: Engine) -> Broken:
    """Break something for the length of a block; it is healed at its end."""

    @contextmanager
    def block(fault: str, target: str, **parameters: Any) -> Iterator[ArmedFault]:
        armed, _ = real_engine.inject(
            fault=fault, target=target, seconds=LIFE, actor="a test", parameters=parameters
        )
        try:
            yield armed
        finally:
            real_engine.heal(armed, patience=20)

    return block
