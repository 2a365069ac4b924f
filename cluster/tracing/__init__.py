"""Spans of the cluster's work, named by its messages and made after the commit (docs/adr/0022)."""
