"""The site refuses checkouts beyond the limit in words, and those that it accepts complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests

from cluster.health.vitals import read_vitals
from cluster.messaging.work import UnitOfWork
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.storefront.admission import MOST, read_room
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.transactions import run_in_transaction
from tests.conditions import eventually
from tests.portfolio.api.client import PURCHASE, Client
from tests.problems import problem

pytestmark = [pytest.mark.platform, pytest.mark.fault]

# The window begins in the future and so does not end, which keeps the limit as it is set.
SET_LIMIT = """
    INSERT INTO admission (id, checkout_limit, ended, window_began)
    VALUES (1, %s, 0, now() + interval '1 h')
    ON CONFLICT (id) DO UPDATE
       SET checkout_limit = EXCLUDED.checkout_limit, window_began = EXCLUDED.window_began
"""
FORGET = "DELETE FROM admission"


@pytest.fixture
def full(platform_url: str) -> Iterator[str]:
    """The site's address, while the limit leaves no room for a checkout."""
    run_in_transaction(lambda work: work.cursor.execute(SET_LIMIT, (0,)))
    yield platform_url
    run_in_transaction(lambda work: work.cursor.execute(FORGET))


def refused_so_far() -> int:
    stream = read_vitals("site").stream or {}
    return int(stream["refused_checkouts"] or 0)


def test_the_api_and_the_form_refuse_in_words_and_say_when_to_come_again(full: str) -> None:
    before = refused_so_far()
    client = Client(full)
    answer = client.post("/checkouts", PURCHASE)
    told = problem(answer, 503)
    assert told["type"] == "/api/#overloaded"
    assert "have not ended yet" in told["detail"]
    assert int(answer.headers["Retry-After"]) >= 1
    assert '"checkouts"' in answer.headers["RateLimit-Policy"]

    client.session.get(f"{full}/events/", timeout=30).raise_for_status()
    headers = {"Accept": "text/html", "X-CSRFToken": str(client.session.cookies["csrftoken"])}
    form = {"sku": PURCHASE["sku"], "outcome": "success"}
    page = client.session.post(f"{full}/checkouts/", data=form, headers=headers, timeout=30)
    assert page.status_code == 503
    assert "have not ended yet" in page.text
    assert int(page.headers["Retry-After"]) >= 1

    assert client.get("/checkouts").json()["items"] == []
    assert refused_so_far() == before + 2
    counter = "cluster_checkouts_refused_total"
    eventually(lambda: counter in requests.get(f"{full}/metrics", timeout=30).text)


def test_a_command_waits_for_room_and_goes_on(full: str) -> None:
    with closing(CheckoutClient()) as counter:
        orders = counter.order(Wanted.SUCCESS, count=3, sku=None, quantity=1)
        handing_in = counter.accept(orders)
        assert [next(handing_in), next(handing_in)] == [0, 0]
        run_in_transaction(lambda work: work.cursor.execute(FORGET))
        assert list(handing_in)[-1] == len(orders)


def test_a_burst_beyond_the_limit_is_cut_and_all_that_was_accepted_completes(
    platform_url: str,
) -> None:
    run_in_transaction(lambda work: work.cursor.execute(FORGET))
    with closing(CheckoutClient(trace_ratio=0.0)) as counter:
        orders = counter.order(Wanted.SUCCESS, count=MOST + 1, sku=None, quantity=1)
        accepted: list[CheckoutOrder] = []
        room = True
        while room:
            rest = orders[len(accepted) :]
            room = bool(taken := counter.accept_now(rest[:500]))
            accepted += rest[:taken]
        assert 0 < len(accepted) < len(orders)
        assert run_in_transaction(_is_bounded)
        ids = [order.id for order in accepted]

        def all_ended() -> Counter[str]:
            states = Counter(state.status for state in counter.states(ids).values())
            return states if not states["accepted"] else Counter()

        assert eventually(all_ended, within=120.0) == {"completed": len(accepted)}


def _is_bounded(work: UnitOfWork) -> bool:
    room = read_room(work)
    return room.open <= room.limit <= MOST
