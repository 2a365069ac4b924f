"""One journey in one sentence, as a link of the graph is named."""

from __future__ import annotations

from cluster.kit.graph.draw import told
from cluster.kit.graph.model import Journey, read_traffic
from tests.kit.graph.checkouts import GOOD, events


def only(*steps: tuple[int, str, str]) -> Journey:
    [journey] = read_traffic(events(*steps)).journeys
    return journey


def test_a_checkout_that_has_ended_says_its_outcome_and_its_time() -> None:
    assert told(only(*GOOD)).startswith("2C08. Completed in 855 ms: IDN held, CAT reserved,")


def test_one_whose_beginning_was_not_seen_has_ended_all_the_same() -> None:
    assert told(only(*GOOD[1:])).startswith("2C08. Completed: IDN held, CAT reserved,")


def test_one_that_has_not_ended_is_under_way() -> None:
    assert told(only(*GOOD[:5])) == "2C08. Under way: IDN held, CAT reserved."
