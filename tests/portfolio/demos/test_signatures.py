"""The demo's verdicts on webhooks are those of the gateway's own check."""

from __future__ import annotations

from portfolio.demos.scenarios.webhooks import signature_table


def test_only_what_is_fresh_and_unchanged_is_believed() -> None:
    verdicts = {row[0]: row[1] for row in signature_table().rows}

    assert verdicts.pop("as it was sent") == "believed"
    assert verdicts.pop("signed with two secrets, as while one is changed") == "believed"
    assert "301 s away" in verdicts.pop("recorded, and sent again later")
    assert "does not match the body" in verdicts.pop("with another body")
    assert not verdicts
