"""The checkers: pure functions that decide whether the recorded history keeps its promises.

`audit.py` reads the databases; each topic's module decides over what was read.
"""
