"""The Grafana dashboard as code, and how Prometheus scrapes the platform."""
