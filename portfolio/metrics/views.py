"""GET /metrics, in Prometheus' text format or in OpenMetrics, as the scraper asks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from portfolio.metrics.observed import ObservedMetrics
from portfolio.metrics.registry import REGISTRY

REGISTRY.register(ObservedMetrics())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return every metric of this web process and of the observer's last snapshot."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(
        encode(REGISTRY), content_type=content_type, headers={"Cache-Control": "no-store"}
    )
