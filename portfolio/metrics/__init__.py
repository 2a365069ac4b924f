"""The metrics that Prometheus scrapes at /metrics."""
