"""A demo's tables show rows of every service in one form."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from portfolio.demos.queries import table


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, ""),
        (True, "true"),
        (17, "17"),
        ("tok_ok", "tok_ok"),
        (UUID("0193664e-0d2e-7c43-8f52-3c1d6a5b4e21"), "6a5b4e21"),
        (datetime(2026, 11, 30, 1, 2, 3, 45678, timezone(timedelta(hours=2))), "23:02:03.045"),
    ],
)
def test_a_cell_is_shown_by_its_kind(cell: object, shown: str) -> None:
    assert table("orders", "The orders", ["cell"], [(cell,)]).rows == ((shown,),)
