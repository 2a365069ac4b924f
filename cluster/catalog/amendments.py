"""Amending products: the first of several editors wins, the others get the present product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.catalog.contract import AmendProduct, ProductAmended, ProductAmendmentRefused
from cluster.catalog.domain.product import Description
from cluster.catalog.repository import product_digest_renewed
from cluster.messaging.envelope import Message
from cluster.messaging.work import UnitOfWork

# In the same order in which stock is locked.
LOCK: Final = """
    SELECT id, sku, name, price, version FROM product
     WHERE id = ANY(%s) ORDER BY sku FOR UPDATE
"""
_DIGEST: Final = product_digest_renewed(name="t.name", price="t.price", version="t.version")
SAVE: Final = f"""
    UPDATE product SET name = t.name, price = t.price, version = t.version, digest = {_DIGEST}
      FROM (SELECT %s::text AS name, %s::bigint AS price, %s::int AS version, %s::uuid AS id) AS t
     WHERE product.id = t.id
"""  # noqa: S608


def amend_product(work: UnitOfWork, messages: Sequence[Message[AmendProduct]], /) -> None:
    """Change a product for an editor who knows its present version, and refuse others.

    A refusal carries the present product.
    """
    work.cursor.execute(LOCK, ([message.subject_id for message in messages],))
    known = {id_: Description(*described) for id_, *described in work.cursor.fetchall()}
    for message in messages:
        asked = message.payload
        before = known.get(message.subject_id)
        after = before and before.amend(
            expected_version=asked.expected_version, name=asked.name, price=asked.price
        )
        if after is None:
            _refuse(work, message, before)
            continue
        work.cursor.execute(
            SAVE.encode(), (after.name, after.price, after.version, message.subject_id)
        )
        amended = ProductAmended(
            sku=after.sku, version=after.version, name=after.name, price=after.price
        )
        work.reply(message, amended)


def _refuse(work: UnitOfWork, message: Message[AmendProduct], current: Description | None) -> None:
    asked = message.payload
    if current is None:
        current = Description(asked.sku, "", 0, 0)
        reason = f"there is no product {asked.sku}"
    else:
        reason = f"version {asked.expected_version} was expected, it is {current.version}"
    refused = ProductAmendmentRefused(
        sku=current.sku,
        version=current.version,
        name=current.name,
        price=current.price,
        reason=reason,
    )
    work.send(
        refused, subject_id=message.correlation, correlation=message.correlation, cause=message
    )
