"""Checkers that stock is conserved: each listed item is available, reserved or sold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster.health.checkers.compare import Comparison
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude


@dataclass(frozen=True, slots=True)
class ProductBooks:
    """One product's columns beside the sums of the rows they summarise (items)."""

    sku: str
    listed: int
    available: int
    reserved: int
    sold: int
    reservations: int
    sales: int
    returns: int


def stock_conserved(products: Sequence[ProductBooks]) -> Finding:
    return conclude(
        "stock conserved",
        checked=len(products),
        violations=(Counterexample(text) for books in products for text in _product_faults(books)),
    )


def _product_faults(books: ProductBooks) -> Iterable[str]:
    accounted = books.available + books.reserved + books.sold
    if books.listed != accounted:
        yield (
            f"{books.sku}: {books.listed} came in, but {books.available} available "
            f"+ {books.reserved} reserved + {books.sold} sold = {accounted}"
        )
    if books.reserved != books.reservations:
        yield (
            f"{books.sku}: {books.reserved} counted as reserved, "
            f"its open reservations hold {books.reservations}"
        )
    if books.sold != books.sales - books.returns:
        yield (
            f"{books.sku}: {books.sold} counted as sold, its rows say "
            f"{books.sales} sold - {books.returns} returned"
        )
    if min(books.available, books.reserved, books.sold) < 0:
        yield (
            f"{books.sku}: oversold (available {books.available}, "
            f"reserved {books.reserved}, sold {books.sold})"
        )


def sales_match_checkouts(comparison: Comparison) -> Finding:
    """Check that each completed saga's `quantity x sku` (left) equals its sale (right)."""
    return agree(
        "sales match checkouts",
        comparison,
        lambda d: (
            f"{d.key}: the checkout says {d.left or 'nothing sold'}, "
            f"catalog sold {d.right or 'nothing'}"
        ),
    )
