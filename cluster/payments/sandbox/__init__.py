"""A sandbox payment provider: an outside company, as far as the cluster can tell.

It speaks HTTP only, keeps its own books in its own SQLite file, and misbehaves as
the card asks it to.
"""
