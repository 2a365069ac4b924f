"""The SHA-256 of some columns of a row, computed by PostgreSQL where they are written.

It is recorded for facts that no other row holds. A statement that changes such a fact records a new
digest in the same transaction, and only over a row whose old one is right, so that a change from
elsewhere stays visible. The journal keeps one of each entry. See docs/adr/0030.
"""

from __future__ import annotations


def digest_of(*columns: str, body: str = "''") -> str:
    """Return the SQL expression of the digest of these SQL expressions.

    A JSON array keeps neighbours and nulls apart. Times are to be given as seconds of the epoch,
    since their text depends on the session's time zone. `body` is long JSON, appended as it is:
    taking it apart for the array would cost more than the hash.
    """
    array = f"jsonb_build_array({', '.join(columns)})"
    return f"sha256(convert_to({array}::text || ({body})::text, 'UTF8'))"


def renewed(column: str, *, before: str, after: str) -> str:
    """Return the SQL expression that replaces a digest that is right, and keeps any other.

    A row from before digests were recorded still gets none.
    """
    return f"CASE WHEN {column} = {before} THEN {after} ELSE {column} END"


def entry_digest(*, envelope: str) -> str:
    """Return the SQL expression of the digest of all columns of a journal entry."""
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
