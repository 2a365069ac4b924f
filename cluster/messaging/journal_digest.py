"""The digest that the journal keeps of an entry, by which a change from elsewhere is detected."""

from __future__ import annotations

from cluster.messaging.row_digest import digest_of, renewed


def entry_digest(*, envelope: str) -> str:
    """Return the SQL expression of the digest of all columns of an entry."""
    return digest_of(
        "seq",
        "message_id",
        "source",
        "type",
        "subject",
        "sequence",
        "correlation",
        "causation",
        "extract(epoch FROM time)",
        "extract(epoch FROM recorded_at)",
        body=envelope,
    )


def rewritten(envelope: str) -> str:
    """Return the assignments that put this SQL expression in the place of an entry's envelope."""
    digest = renewed(
        "digest",
        before=entry_digest(envelope="envelope"),
        after=entry_digest(envelope=envelope),
    )
    return f"envelope = {envelope}, digest = {digest}"
