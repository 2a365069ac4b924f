"""A run that is cut short before its method has begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.run import NotBegun, Run


def test_a_run_that_is_cut_short_before_anything_broke_waits_for_no_steady_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No platform runs here, so a run that waited for the steady state would wait for minutes."""
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))
    run = Run(EXPERIMENTS["storm"], rate=1.0, actor="a test", seed=1)
    run.cut_short("its visitor wanted it to stop")

    with pytest.raises(NotBegun, match="Nothing was broken: its visitor wanted it to stop"):
        run.record()
