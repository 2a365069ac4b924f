"""Whether the site can serve, and what is in trouble behind it: for `/readyz` and the API.

What it cannot serve without makes it unready. A stall elsewhere in the cluster is named and
leaves it ready: without this server its visitors would not even see the trouble. See
docs/adr/0025-health-is-progress.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from django.db import Error

from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Snapshot
from cluster.health.progress import SILENT_AFTER, alarm_words
from cluster.messaging.models import Heartbeat
from cluster.secrets.django.reconnect import retry_on_disconnect

OWN: Final = "site"


def readiness() -> dict[str, str]:
    """What keeps the site from serving, by part; empty when it is ready."""
    return _unwritten() or dict(_unmoved(latest()))


def troubles() -> dict[str, str]:
    """What is in trouble and does not keep the site from serving, by part."""
    snapshot = latest()
    if snapshot is None:
        return {}
    found = {one.queue: one.words for one in snapshot.stalls if one.service != OWN}
    if snapshot.broker_alarm is not None:
        found["rabbitmq"] = alarm_words(snapshot.broker_alarm)
    return found


def _unwritten() -> dict[str, str]:
    """Why the journal is not being written, as its worker tells."""
    try:
        beat = retry_on_disconnect(Heartbeat.objects.filter(process="worker-site").first)
    except Error as error:
        return {"database": f"cannot be read: {type(error).__name__}"}
    if beat is None:
        return {"journal": "its worker has never reported"}
    silence = (datetime.now(UTC) - beat.beat_at).total_seconds()
    if silence > SILENT_AFTER:
        return {"journal": f"its worker has been silent for {silence:.0f} s"}
    if not beat.consuming:
        return {"journal": "its worker receives nothing from the broker"}
    return {}


def _unmoved(snapshot: Snapshot | None) -> Iterator[tuple[str, str]]:
    """What does not move on the way to this site's pages."""
    if snapshot is None:
        return
    for stall in snapshot.stalls:
        if stall.service == OWN:
            yield stall.queue, stall.words
    if snapshot.unreadable:
        yield "stream", f"it cannot be read: {snapshot.unreadable}"
