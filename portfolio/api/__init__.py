"""The public HTTP API below `/api/v1/` (docs/adr/0020-http-api.md)."""
