"""An operator finds a poisoned message in the admin and replays it, and it is applied once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from cluster.messaging.queries import KeptDeadLetter
from config import environment
from portfolio.admin_site.dead_letter_client import content_of
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.databases import refusing_orders
from tests.portfolio.admin_visit import Visit, owner_visit

LIST = "/admin/cluster/dead-letters/"
REPLAY = "/admin/cluster/dead-letters/replay/"


def letter_with(body: bytes) -> KeptDeadLetter:
    return KeptDeadLetter(
        service="orders",
        number=7,
        message_id=None,
        source="",
        type="",
        subject="",
        sequence=None,
        reason="invalid",
        detail="not an envelope",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        replayed_at=None,
        replays=0,
        body=body,
    )


class TestWhatALetterHolds:
    def test_bytes_that_are_no_envelope_are_shown_and_called_hopeless(self) -> None:
        content = content_of(letter_with(b"\x00\xff not json"))
        assert content.attributes == []
        assert content.body == "\x00\\xff not json"
        assert "not a CloudEvents envelope" in (content.hopeless or "")

    def test_an_envelope_is_taken_apart(self) -> None:
        content = content_of(letter_with(b'{"type": "x.y.v1", "data": {"a": 1}}'))
        assert content.attributes == [("type", "x.y.v1")]
        assert content.data == '{\n  "a": 1\n}'


@pytest.mark.platform
class TestAPoisonedMessage:
    def test_it_is_seen_sent_again_and_applied_once(
        self, platform_url: str, cluster: Cluster
    ) -> None:
        visitor = f"poisoned-{uuid4().hex[:8]}"
        came = owner_visit(platform_url)
        with refusing_orders(f"visitor <> '{visitor}'"):
            [saga] = cluster.start_for(visitor)
            eventually(lambda: letters(cluster, saga), within=60.0)
            [(number, _)] = letters(cluster, saga)
            name = f"orders:{number}"

            listed = came.get(LIST, service="orders")
            assert name in listed.text
            page = came.get(f"{LIST}orders/{number}/").text
            assert f"order/{saga}" in page
            assert "CheckViolation" in page

        confirm = came.post(REPLAY, {"letter": f"{name}:0"}, form=LIST)
        assert "Send again?" in confirm.text
        assert letters(cluster, saga) == [(number, 0)]  # the question alone sends nothing

        done = came.post(REPLAY, {"letter": f"{name}:0", "confirmed": "yes"}, form=LIST)
        assert f"Asked for: {name}." in done.text
        eventually(lambda: ended(cluster, saga), within=60.0)
        assert letters(cluster, saga) == [(number, 1)]
        assert applied(cluster, saga) == 1

        again = came.post(REPLAY, {"letter": f"{name}:0", "confirmed": "yes"}, form=LIST)
        assert f"The dead letter {name} was sent again meanwhile. Nothing was sent." in again.text

    def test_a_letter_that_is_not_there_is_told_plainly(self, platform_url: str) -> None:
        came = owner_visit(platform_url)
        assert came.get(f"{LIST}orders/999999999/").status_code == 404
        answer = came.post(REPLAY, {"letter": "orders:999999999"}, form=LIST)
        assert "there is no dead letter orders:999999999".lower() in answer.text.lower()

    def test_only_who_has_the_observers_key_reads_them_from_it(self, platform: Any) -> None:
        answer = requests.get(f"{environment.observer_url()}/dead-letters", timeout=10)
        assert answer.status_code == 403

    def test_a_stranger_is_led_to_the_login(self, platform_url: str) -> None:
        assert "/admin/login/" in Visit(platform_url).get(LIST).url


def letters(cluster: Cluster, saga: UUID) -> list[tuple[int, int]]:
    query = "SELECT id, replays FROM dead_letter WHERE subject = %s"
    return [(number, replays) for number, replays in cluster.rows("orders", query, f"order/{saga}")]


def applied(cluster: Cluster, saga: UUID) -> int:
    """Return the number of orders of this saga."""
    return int(cluster.rows("orders", "SELECT count(*) FROM orders WHERE id = %s", saga)[0][0])


def ended(cluster: Cluster, saga: UUID) -> bool:
    query = "SELECT 1 FROM checkout_request WHERE id = %s AND status <> 'accepted'"
    return bool(cluster.rows("site", query, saga))
