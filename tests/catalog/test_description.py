"""The first of two editors of a product's description wins."""

from __future__ import annotations

from cluster.catalog.domain.product import Description

SEEN = Description("OWN-1", "Ticket", 20, 3)


def test_who_has_seen_the_current_version_amends_it() -> None:
    assert SEEN.amend(expected_version=3, name="Day ticket", price=50) == Description(
        "OWN-1", "Day ticket", 50, 4
    )


def test_the_second_editor_of_a_version_changes_nothing() -> None:
    after = SEEN.amend(expected_version=3, name="Day ticket", price=50)
    assert after is not None
    assert after.amend(expected_version=3, name="Night ticket", price=90) is None
