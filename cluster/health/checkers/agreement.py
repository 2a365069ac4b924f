"""Checkers that rows agree with the saga, with other rows, and with their own digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude
from cluster.health.checkers.invariants import statement_of

# Facts that a counterexample does not repeat, since it is public.
PRIVATE: Final = frozenset({"visitor", "card"})


def facts_apart(left: str | None, right: str | None) -> str:
    """Return the facts in which two values differ, as `name: left, not right`.

    A value is a list of facts, one a line.
    """
    ours, theirs = _facts(left), _facts(right)
    return "; ".join(
        f"{name} differs"
        if name in PRIVATE
        else f"{name}: {ours.get(name, 'nothing')}, not {theirs.get(name, 'nothing')}"
        for name in dict.fromkeys((*ours, *theirs))
        if ours.get(name) != theirs.get(name)
    )


def _facts(value: str | None) -> dict[str, str]:
    lines = (line.partition(" ") for line in (value or "").split("\n"))
    return {name: fact for name, _, fact in lines if name}


def checkouts_agree(service: str, comparison: Comparison) -> Finding:
    """Check that a service's rows (right) are as the sagas that have ended expect (left).

    A row without a saga belongs to no checkout, and is not checked here but by `no_orphans`.
    """
    return agree(
        f"checkouts agree: {service}",
        comparison.only(lambda d: d.left is not None and not _tombstone(d)),
        lambda d: (
            f"{d.key}: "
            + (facts_apart(d.left, d.right) if d.right else f"{service} has no row of it")
        ),
    )


def _tombstone(difference: Difference) -> bool:
    """Return whether the row is only a compensation's, which came before its command."""
    facts = _facts(difference.right)
    blank = all(facts.get(name, "") in ("", "0") for name in ("visitor", "sku", "amount"))
    return blank and facts.get("state") in ("released", "cancelled")


def rows_consistent(service: str, checked: int, wrong: Sequence[tuple[str, str]]) -> Finding:
    """Check that no row contradicts itself. `wrong`: ids with the contradicting columns."""
    return conclude(
        f"rows consistent: {service}",
        checked=checked,
        violations=(
            Counterexample(f"{id_}: {columns} cannot be, by its other columns", id_)
            for id_, columns in wrong
        ),
        at_rest=True,
    )


def digests_hold(service: str, checked: int, unrecorded: int, wrong: Sequence[str]) -> Finding:
    """Check digests. `unrecorded`: rows from before digests, which cannot be checked."""
    name = f"digests hold: {service}"
    return conclude(
        name,
        checked=checked,
        violations=(Counterexample(f"{row}: changed since it was recorded") for row in wrong),
        sentence=statement_of(name)
        + (f" Not checked, older than digests: {unrecorded}." if unrecorded else ""),
    )


@dataclass(frozen=True, slots=True)
class Described:
    """A product as catalog or the site describes it. A `version` of None is unknown."""

    name: str
    price: int
    version: int | None
    restocked: bool


def catalogue_agrees(catalog: Mapping[str, Described], site: Mapping[str, Described]) -> Finding:
    """Check that the site's copy of the catalogue is what catalog has, both by SKU."""
    return conclude(
        "catalogue agrees",
        checked=len(catalog.keys() | site.keys()),
        violations=(
            Counterexample(f"{sku}: {text}")
            for sku in sorted(catalog.keys() | site.keys())
            for text in _apart(catalog.get(sku), site.get(sku))
        ),
        at_rest=True,
    )


def _apart(ours: Described | None, theirs: Described | None) -> Iterator[str]:
    if ours is None or theirs is None:
        yield "only the site has it" if ours is None else "the site does not have it"
        return
    for name in ("name", "price", "version"):
        left, right = getattr(ours, name), getattr(theirs, name)
        if left != right and None not in (left, right):
            yield f"{name} is {left} in catalog, {right} on the site"
    # The site may have missed that a product is restocked, but must not invent it.
    if theirs.restocked and not ours.restocked:
        yield "only the site has it as restocked"
