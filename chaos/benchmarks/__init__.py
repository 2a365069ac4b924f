"""Benchmarks of the running platform: `manage.py bench NAME [--json]` (docs/adr/0008)."""
