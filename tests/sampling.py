"""The choice of cases that every run tries, or that only `manage.py test --full` tries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def only_in_full(*case: Any) -> Any:
    """Return the parameters of one case that only `--full` tries."""
    return pytest.param(*case, marks=pytest.mark.full)


def all_in_full(cases: Iterable[str], *, always: Collection[str]) -> list[Any]:
    """Return parameters for every case, with those not in `always` marked `full`."""
    known = list(cases)
    unknown = set(always) - set(known)
    assert not unknown, f"not among the cases: {unknown}"
    return [case if case in always else only_in_full(case) for case in known]
