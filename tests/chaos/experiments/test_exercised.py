"""A check that had nothing to look at is said not to have been exercised."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from chaos.experiments.exercised import EVIDENCE, not_exercised
from chaos.experiments.incident import (
    Deliveries,
    Followed,
    IncidentDocument,
    Injection,
    Invariant,
    Offered,
    read_incident,
)
from chaos.faults.registry import FAULTS
from config.environment import ROOT

RECORDED: Final = read_incident(
    (ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes()
)
NOTHING_ACCEPTED: Final = Offered(profile="steady", handed_in=9, accepted=0, refused=9)
NO_EVENT: Final = Followed(
    first_seq=1, last_seq=0, events=0, repeated=0, missing=0, reconnects=0, whole=True
)


def document(**changes: Any) -> IncidentDocument:
    return msgspec.structs.replace(RECORDED, **changes)


def deliveries(**counts: int) -> Deliveries:
    names = ("published", "confirmed", "deduplicated", "parked", "dead_lettered", "replayed")
    return Deliveries(**{name: counts.get(name, 0) for name in names})


def injection(fault: str) -> Injection:
    return Injection(fault=fault, target="relay-orders", injected_at=RECORDED.began, words="")


def test_a_run_that_has_exercised_all_of_it_says_nothing() -> None:
    assert not_exercised(document(invariants=[Invariant("a", "ok", 1, "It is.")])) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"offered": NOTHING_ACCEPTED}, "none was accepted"),
        ({"followed": NO_EVENT}, "saw no event"),
        (
            {"invariants": [Invariant("a", "ok", 0, "It is.")]},
            "Invariants with nothing to look at: a.",
        ),
    ],
)
def test_what_had_nothing_to_look_at_is_named(changes: dict[str, Any], words: str) -> None:
    found = not_exercised(document(**{"invariants": [], **changes}))
    assert len(found) == 1
    assert words in found[0]
    assert found[0].endswith(".")


def test_a_fault_under_which_no_checkout_completed_is_named() -> None:
    figures = msgspec.structs.replace(RECORDED.figures, first_success_seconds=None)
    one = document(invariants=[], figures=figures, injections=[injection("kill-process")])
    assert "after it has completed" in not_exercised(one)[0]


@pytest.mark.parametrize("fault", EVIDENCE)
def test_a_fault_of_messages_that_met_none_is_named(fault: str) -> None:
    assert fault in FAULTS

    def found(**counts: int) -> list[str]:
        return not_exercised(
            document(invariants=[], injections=[injection(fault)], deliveries=deliveries(**counts))
        )

    assert found() == [f"The fault {fault}: it met no message."]
    for name in EVIDENCE[fault]:
        assert found(**{name: 1}) == []
