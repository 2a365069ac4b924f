"""Each refresh secret of a family of tokens is good for one exchange."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity.domain.tokens import FAMILY_LIFE, new_family

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SECRETS = st.sampled_from([f"hash-{number}" for number in range(6)])


def test_a_secret_that_nobody_was_given_ends_nothing() -> None:
    """The ids of families are in the public journal, so guesses must not sign visitors out."""
    family = new_family("visitor", "first", NOW)

    after, refusal = family.refresh("guessed", "other", NOW)

    assert (after, refusal) == (family, "the refresh token is unknown")


def test_a_family_is_not_exchanged_for_ever() -> None:
    family = new_family("visitor", "first", NOW)

    later = NOW + FAMILY_LIFE
    assert family.refresh("first", "second", later)[1] == "the refresh token has expired"
    assert family.refresh("first", "second", later - timedelta(seconds=1))[1] == ""


@given(st.lists(st.tuples(SECRETS, SECRETS), max_size=20))
def test_no_secret_is_ever_exchanged_twice(exchanges: list[tuple[str, str]]) -> None:
    family = new_family("visitor", "hash-0", NOW)
    granted: list[str] = []
    for presented, new in exchanges:
        family, refusal = family.refresh(presented, new, NOW)
        if not refusal:
            granted.append(presented)

    assert len(granted) == len(set(granted))


@given(st.lists(st.tuples(SECRETS, SECRETS), max_size=20))
def test_nothing_is_granted_after_a_revocation(exchanges: list[tuple[str, str]]) -> None:
    family = new_family("visitor", "hash-0", NOW).revoke()
    for presented, new in exchanges:
        family, refusal = family.refresh(presented, new, NOW)
        assert refusal
