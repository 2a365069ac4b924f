"""Which cases of a long list every run tries, and which only `manage.py test --full`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def only_in_full(*case: Any) -> Any:
    """The parameters of one case that only `--full` tries."""
    return pytest.param(*case, marks=pytest.mark.full)


def all_in_full(cases: Iterable[str], *, always: Collection[str]) -> list[Any]:
    """Parameters for every case, those not in `always` marked `full`."""
    known = list(cases)
    unknown = set(always) - set(known)
    assert not unknown, f"not among the cases: {unknown}"
    return [case if case in always else only_in_full(case) for case in known]
