"""The keys that Vault holds say which secrets are accepted, and when they are to be rotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.payments.provider_api import KeyKind, MadeKey
from cluster.payments.provider_keys import HeldKey, Wish, fields_of, keys_of

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LIFE, OVERLAP = timedelta(days=1), timedelta(seconds=7)
TIMES = st.datetimes(timezones=st.just(UTC))
HELD = st.builds(
    HeldKey,
    secret=st.text(min_size=1),
    id=st.uuids().map(str),
    since=TIMES,
    wish=st.integers(min_value=0),
    before=st.text(),
    before_ends=TIMES,
)


def followed(key: HeldKey, *, wish: int = 1) -> HeldKey:
    made = MadeKey(uuid4(), KeyKind.API_KEY, "new")
    return key.followed_by(made, wish=Wish(wish, OVERLAP), now=NOW)


@given(api_key=HELD, webhook_secret=HELD)
def test_keys_are_read_as_they_were_stored(api_key: HeldKey, webhook_secret: HeldKey) -> None:
    by_kind = {KeyKind.API_KEY: api_key, KeyKind.WEBHOOK_SECRET: webhook_secret}
    first = keys_of({"api_key": "any", "webhook_secret": "any"})
    keys = first.having(KeyKind.API_KEY, api_key).having(KeyKind.WEBHOOK_SECRET, webhook_secret)
    assert keys_of(fields_of(keys)).by_kind == by_kind


def test_keys_of_an_earlier_revision_are_in_use_and_not_due() -> None:
    keys = keys_of({"api_key": "a", "webhook_secret": "w"})
    assert (keys[KeyKind.API_KEY].secret, keys[KeyKind.WEBHOOK_SECRET].secret) == ("a", "w")
    assert not any(keys[kind].is_due(wish=Wish(), now=NOW, life=LIFE) for kind in KeyKind)


def test_the_key_before_is_accepted_until_the_overlap_has_passed() -> None:
    key = followed(HeldKey("old"))
    assert key.accepted(NOW) == ("new", "old")
    assert key.accepted(NOW + OVERLAP - timedelta(seconds=1)) == ("new", "old")
    assert key.accepted(NOW + OVERLAP) == ("new",)
    assert key.overlap_left(NOW) == OVERLAP
    assert key.overlap_left(NOW + 2 * OVERLAP) == timedelta(0)


def test_a_rotation_by_age_has_the_usual_overlap_whatever_the_last_wish_was() -> None:
    key = followed(followed(HeldKey("old")))
    assert key.overlap_left(NOW) == Wish().overlap


@pytest.mark.parametrize(
    ("age", "wish", "due"),
    [
        (timedelta(0), 0, False),
        (LIFE - timedelta(seconds=1), 0, False),
        (LIFE, 0, True),
        (timedelta(0), 3, False),  # fulfilled
        (timedelta(0), 4, True),
        (timedelta(0), 1, True),  # the wishes were deleted, and begin again
    ],
)
def test_a_key_is_due_by_its_age_or_by_a_wish_that_it_does_not_fulfil(
    age: timedelta, wish: int, due: bool
) -> None:
    key = followed(HeldKey("old"), wish=3)
    assert key.is_due(wish=Wish(wish), now=NOW + age, life=LIFE) is due


def test_no_secret_is_in_what_a_log_shows_of_a_key() -> None:
    key = followed(HeldKey("old"))
    assert "new" not in repr(key)
    assert "old" not in repr(key)
    assert "hidden" not in repr(MadeKey(uuid4(), KeyKind.API_KEY, "hidden"))
