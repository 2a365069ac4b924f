"""The first page of the admin: the state of the cluster, and the owner's pending work.

Each part is read by itself: while its source is away it says so, and the others are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from articles.models import DRAFT, PUBLISHED, Article
from chaos.experiments.models import AuditEntry, FaultSwitch, Incident
from cluster.health.observer.client import latest
from cluster.health.observer.models import Outage
from cluster.health.observer.snapshot import Snapshot
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.contact.models import ContactMessage, MessageState
from cluster.storefront.models import CHECKOUT_STATUSES, CheckoutRequest
from compose.backups.status import BackupStatus, backup_status, backup_troubles
from config.retention import windows

SHOWN: Final = 5  # rows of each list
DATABASE_AWAY: Final = "The site’s database is away, so this cannot be read at this moment."
OBSERVER_AWAY: Final = (
    "The observer is away, so nobody looks at the cluster at this moment. It is started again "
    "by itself; the cluster does not need it."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page: the rows that were read, or a sentence that says why not."""

    found: Any = None
    away: str = ""


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return the parts of the first page that this user may see."""
    may = request.user.has_perm
    parts: dict[str, Any] = {"drawn_at": timezone.now()}
    if request.user.is_superuser or may("messaging.view_deadletter"):
        parts["cluster"] = cluster(latest())
        parts["checkouts"] = read(checkouts_today)
    if request.user.is_superuser:
        parts["backups"] = backups(backup_status())
        parts["windows"] = windows()
    if may("chaos.view_outage"):
        parts["outages"] = read(lambda: list(Outage.objects.order_by("-began")[:SHOWN]))
    if may("chaos.view_incident"):
        parts["incidents"] = read(last_incidents)
    if may("chaos.view_auditentry"):
        parts["audit"] = read(lambda: list(AuditEntry.objects.all()[:SHOWN]))
    if may("chaos.view_faultswitch"):
        parts["switch"] = read(lambda: FaultSwitch.objects.filter(pk=FaultSwitch.ONLY).first())
    if may("portfolio.view_contactmessage"):
        parts["messages_in"] = read(unread_messages)
    if may("articles.view_article"):
        parts["writing"] = read(unfinished_articles)
    return {"dashboard": parts}


def read(source: Callable[[], Any]) -> Part:
    """Return what `source` reads from the site's database, or that the database is away."""
    return read_or(Part(away=DATABASE_AWAY), lambda: Part(source()))


def cluster(snapshot: Snapshot | None) -> Part:
    """Return the cluster's state and unhealthy processes, or that the observer is away."""
    if snapshot is None:
        return Part(away=OBSERVER_AWAY)
    return Part(
        {
            "state": snapshot.state,
            "words": snapshot.words,
            "troubles": snapshot.troubles,
            "services": snapshot.services,
            "unwell": [found for found in snapshot.processes if found.healthy is False],
            "unknown": [found for found in snapshot.processes if found.healthy is None],
            "processes": len(snapshot.processes),
            "dead_letters": [found for found in snapshot.services if found.dead_letters],
            "at": datetime.fromisoformat(snapshot.at),
        }
    )


def backups(status: BackupStatus | None) -> Part:
    """Return the last backup and what is wrong with it, for the owner: it names a directory."""
    return Part({"status": status, "troubles": backup_troubles(status)})


def checkouts_today() -> dict[str, Any]:
    """Return how many checkouts accepted since midnight (UTC) are in each state."""
    since = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    counted = dict(
        CheckoutRequest.objects.filter(accepted_at__gte=since)
        .values_list("status")
        .annotate(Count("id"))
    )
    words = {"accepted": "in flight"}
    rows = [(words.get(name, name), counted.get(name, 0)) for name in CHECKOUT_STATUSES]
    return {"rows": rows, "total": sum(counted.values())}


def last_incidents() -> list[Incident]:
    return list(Incident.objects.defer("document").order_by("-recorded_at")[:SHOWN])


def unread_messages() -> dict[str, Any]:
    """Return the newest unread contact messages, and how many there are."""
    new = ContactMessage.objects.filter(state=MessageState.NEW)
    return {"count": new.count(), "newest": list(new[:SHOWN])}


def unfinished_articles() -> dict[str, Any]:
    """Return drafts, scheduled articles, and the count of those published in 30 days."""
    now = timezone.now()
    fields = ("id", "title", "updated_at", "published_at")
    articles = Article.objects.only(*fields)
    drafts = articles.filter(state=DRAFT).order_by("-updated_at")
    scheduled = articles.filter(state=PUBLISHED, published_at__gt=now).order_by("published_at")
    published = Article.objects.filter(
        state=PUBLISHED, published_at__lte=now, published_at__gt=now - timedelta(days=30)
    )
    return {
        "drafts": list(drafts[:SHOWN]),
        "scheduled": list(scheduled[:SHOWN]),
        "published_lately": published.count(),
    }
