"""The metrics of the web server, and the registry that /metrics exposes.

Names and labels follow OpenTelemetry's conventions for HTTP servers, in Prometheus' spelling. No
label takes its values from visitors: routes are templates, methods and statuses are few.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

# From a page in memory (under a millisecond) to more than a visitor waits.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REGISTRY: Final = CollectorRegistry(auto_describe=True)

REQUESTS: Final = Histogram(
    "http_server_request_duration_seconds",
    "Time from a request to the end of its answer; its count is the number of requests.",
    ("http_request_method", "http_route", "http_response_status_code"),
    buckets=BUCKETS,
    registry=REGISTRY,
)

PRODUCT_CACHE: Final = Counter(
    "site_product_cache",
    "How reads of products were served: from a copy, computed, after another's, past Redis.",
    ("kind", "served"),
    registry=REGISTRY,
)

ProcessCollector(registry=REGISTRY)
