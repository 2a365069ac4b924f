"""The rate in messages a second, from readings at irregular moments."""

from __future__ import annotations

from cluster.health.observer.rates import GrowingTotal, Tally


def test_one_reading_is_no_rate() -> None:
    total = GrowingTotal()
    assert total.per_second() is None
    total.note(0.0, 100)
    assert total.per_second() is None


def test_a_rate_is_the_growth_over_the_time_between() -> None:
    total = GrowingTotal()
    total.note(0.0, 100)
    total.note(4.0, 120)
    assert total.per_second() == 5.0


def test_only_the_last_ten_seconds_count() -> None:
    total = GrowingTotal()
    for at, value in ((0.0, 0), (5.0, 1000), (10.0, 1000), (15.0, 1010)):
        total.note(at, value)
    assert total.per_second() == 1.0


def test_a_total_that_falls_begins_anew() -> None:
    total = GrowingTotal()
    total.note(0.0, 100)
    total.note(5.0, 3)
    assert total.per_second() is None


def test_a_clock_that_was_set_back_begins_anew() -> None:
    total, tally = GrowingTotal(), Tally()
    for at, value in ((3600.0, 100), (3605.0, 110), (1.0, 120), (3.0, 130)):
        total.note(at, value)
        tally.note(at, {"sold": 10})
    assert total.per_second() == 5.0
    assert tally.per_second() == {"sold": 5.0}


def test_what_happened_before_the_first_look_is_nobodys() -> None:
    tally = Tally()
    tally.note(0.0, {"sold": 500})
    assert tally.per_second() is None
    tally.note(2.0, {"sold": 4})
    assert tally.per_second() == {"sold": 2.0}


def test_old_looks_are_forgotten_and_the_time_with_them() -> None:
    tally = Tally()
    tally.note(0.0, {})
    tally.note(5.0, {"sold": 100})
    tally.note(10.0, {"sold": 10})
    tally.note(16.0, {"sold": 12})
    assert tally.per_second() == {"sold": 2.0}
