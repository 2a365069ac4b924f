"""Many requests with one key have one effect, while the web server is killed twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from uuid import uuid4

import pytest
import requests

from cluster.secrets.postgres import database
from compose.supervisor import Supervisor
from tests.conditions import eventually
from tests.portfolio.api.client import PURCHASE, Client

pytestmark = [pytest.mark.platform, pytest.mark.fault, pytest.mark.slow, pytest.mark.timeout(300)]

CONNECTIONS, CONNECTIONS_IN_FULL = 20, 50
REQUESTS, REQUESTS_IN_FULL = 100, 1_000
ORDERS = "SELECT count(*) FROM orders WHERE id = %s"


def test_it_is_done_once_and_every_answer_is_the_first(platform_url: str, in_full: bool) -> None:
    count = REQUESTS_IN_FULL if in_full else REQUESTS
    width = CONNECTIONS_IN_FULL if in_full else CONNECTIONS
    client = Client(platform_url)
    client.post("/checkouts", PURCHASE, key=None)  # refused, but it makes the session
    cookies = client.session.cookies.get_dict()
    key = str(uuid4())
    answers: Counter[tuple[int, str, bytes]] = Counter()
    counted = Lock()
    halfway = Event()

    def storm(_connection: int) -> None:
        with requests.Session() as session:
            session.cookies.update(cookies)
            for _ in range(count // width):
                answer = answered(session)
                with counted:
                    answers[answer.status_code, answer.headers["Location"], answer.content] += 1
                    if answers.total() > count // 3:
                        halfway.set()

    def answered(session: requests.Session) -> requests.Response:
        """Send one request until it has a final answer, and return that."""

        def sent() -> requests.Response | None:
            try:
                answer = session.post(
                    f"{platform_url}/api/v1/checkouts",
                    json=PURCHASE,
                    headers={"Idempotency-Key": key},
                    timeout=10,
                )
            except requests.RequestException:
                return None  # the server was killed during the request
            assert answer.status_code in {202, 409, 503}, answer.text
            return answer if answer.status_code == 202 else None

        return eventually(sent, within=60)

    supervisor = Supervisor.connect()
    with ThreadPoolExecutor(width) as pool:
        connections = pool.map(storm, range(width))
        supervisor.kill("web")
        assert halfway.wait(90)
        supervisor.kill("web")
        list(connections)

    assert answers.total() == count
    [(status, location, body)] = answers
    assert status == 202
    checkout = location.rpartition("/")[2]
    assert client.get(f"/checkouts/{checkout}").content
    assert [item["id"] for item in client.get("/checkouts").json()["items"]] == [checkout]
    assert checkout.encode() in body
    eventually(lambda: client.get(f"/checkouts/{checkout}").json()["status"] == "completed")
    with database("orders", auditor=True).connect(autocommit=True) as connection:
        assert connection.execute(ORDERS, (checkout,)).fetchone() == (1,)
