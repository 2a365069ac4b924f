"""The document by which strangers who found a weakness find its owner (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from articles.owner.models import Profile
from cluster.secrets.django.reconnect import read_or
from config.environment import canonical_origin

# Below the year that the RFC recommends, and computed, so that no forgotten date runs out.
VALID_FOR: Final = timedelta(days=180)
MAX_AGE: Final = 24 * 3600  # seconds
POLICY: Final = "SECURITY.md"  # in the source, which the site shows


@require_safe
def security_txt(_request: HttpRequest) -> HttpResponse:
    """Return security.txt, whose addresses do not follow the name of the host."""
    return HttpResponse(
        document(read_or("", _email), datetime.now(UTC)),
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": f"max-age={MAX_AGE}"},
    )


def document(email: str, now: datetime) -> str:
    """Return the text, with the owner's address first where there is one."""
    origin = canonical_origin()
    expires = (now + VALID_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        *([f"Contact: mailto:{email}"] if email else []),
        f"Contact: {origin}{reverse('contact')}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {origin}{reverse('security-txt')}",
        f"Policy: {origin}{reverse('source', args=[POLICY])}",
    ]
    return "\n".join(lines) + "\n"


def _email() -> str:
    """Return the address that the owner shows on the page Contact, empty where there is none."""
    profile = Profile.objects.first()
    return profile.email if profile else ""
