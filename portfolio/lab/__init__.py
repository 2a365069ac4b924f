"""The lab: each service, what it owns, the patterns behind it, its numbers and its demo."""
