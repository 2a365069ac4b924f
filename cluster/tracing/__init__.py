"""Spans of what the cluster does: named by its messages, made after the commit (docs/adr/0022)."""
