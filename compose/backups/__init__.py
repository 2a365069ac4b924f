"""Backups of a running platform, and their restore (docs/adr/0037-backups.md)."""
