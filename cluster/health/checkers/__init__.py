"""The checkers: pure functions that decide whether the recorded history keeps its promises.

`audit.py` reads the databases, and each topic's module decides on the rows.
"""
