"""Faults: what can be broken, how it is healed, and the record of what is broken now."""
