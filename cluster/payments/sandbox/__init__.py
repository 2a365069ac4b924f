"""A sandbox payment provider, which stands in for an outside company.

It speaks HTTP only, keeps its own books in its own SQLite file, and misbehaves as the card asks it
to.
"""
