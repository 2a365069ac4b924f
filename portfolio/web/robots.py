"""`/robots.txt`: crawlers may read all pages but those for one visitor or for programs."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

# Sagas and the journal's table change every second and are of no use in an index.
CLOSED: Final = ("/admin/", "/sagas/", "/checkouts/", "/search/", "/palette.json", "/status.json")
MAX_AGE: Final = 3600  # seconds


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Return robots.txt (RFC 9309) with the address of the site map."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED), ""]
    lines.append(f"Sitemap: {request.build_absolute_uri('/sitemap.xml')}")
    return HttpResponse(
        "\n".join(lines) + "\n",
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": f"max-age={MAX_AGE}"},
    )
