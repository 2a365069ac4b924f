"""The endpoints `/healthz` and `/readyz`, and the site's readiness, for them and the API.

The site is unready only without a part that it needs to serve. A stall elsewhere in the cluster
is listed and leaves it ready, since without this server visitors could not see the trouble. See
docs/adr/0025-health-is-progress.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Snapshot
from cluster.health.progress import SILENT_AFTER, alarm_words
from cluster.messaging.models import Heartbeat
from cluster.secrets.django.reconnect import retry_on_disconnect

OWN: Final = "site"


async def healthz(_request: HttpRequest) -> HttpResponse:
    """Return `ok` while the process answers. It asks no other process."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Return 200 when the database answers and the journal is written and readable, else 503.

    Troubles elsewhere in the cluster are listed in the answer, and leave the site ready.
    """
    missing, others = readiness(), troubles()
    return JsonResponse(
        {"ready": not missing, "missing": missing} | ({"troubles": others} if others else {}),
        status=HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK,
        headers={"Cache-Control": "no-store"},
    )


def readiness() -> dict[str, str]:
    """Return by part why the site cannot serve, an empty dict when it is ready."""
    return _unwritten() or dict(_unmoved(latest()))


def troubles() -> dict[str, str]:
    """Return by part the troubles with which the site can still serve."""
    snapshot = latest()
    if snapshot is None:
        return {}
    found = {one.queue: one.words for one in snapshot.stalls if one.service != OWN}
    if snapshot.broker_alarm is not None:
        found["rabbitmq"] = alarm_words(snapshot.broker_alarm)
    if snapshot.backups is not None and snapshot.backups.troubles:
        found["backups"] = " ".join(snapshot.backups.troubles)
    return found


def _unwritten() -> dict[str, str]:
    """Return why the journal is not being written, by its worker's heartbeat."""
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
    """Yield the site's stalled queues, and the stream when it cannot be read."""
    if snapshot is None:
        return
    for stall in snapshot.stalls:
        if stall.service == OWN:
            yield stall.queue, stall.words
    if snapshot.unreadable:
        yield "stream", f"it cannot be read: {snapshot.unreadable}"
