"""Faults: the things that can be broken, their heals, and the record of heals."""
