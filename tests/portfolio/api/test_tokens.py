"""A program gets, uses, exchanges and revokes tokens, and cannot forge them."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
import requests

from cluster.secrets.policies import SIGNING_KEY
from cluster.secrets.vault import VaultClient
from config.environment import run_directory
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.conftest import Broken
from tests.portfolio.api.client import Client

pytestmark = pytest.mark.platform


def issued(client: Client) -> dict[str, Any]:
    answer = client.post("/tokens", {}, key=None)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


def issued_once_it_answers(client: Client) -> dict[str, Any] | None:
    try:
        return issued(client)
    except requests.ConnectionError:
        return None


def use(site: str, token: str) -> requests.Response:
    """Call an operation as the token's visitor, without cookies, and return the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{site}/api/v1/tokens/mine", headers=headers, timeout=30)


def refused(answer: requests.Response, sentence: str) -> None:
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert sentence in answer.json()["detail"]


def exchange(client: Client, token: str) -> requests.Response:
    return client.post("/tokens/refresh", {"refresh_token": token}, key=None)


def test_a_token_acts_for_the_visitor_of_the_session(client: Client, platform_url: str) -> None:
    tokens = issued(client)

    seen = use(platform_url, tokens["access_token"])

    assert seen.status_code == 200
    assert seen.json()["jti"] == tokens["jti"]
    begun = requests.get(
        f"{platform_url}/api/v1/checkouts",
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
        timeout=30,
    )
    assert begun.json()["items"] == client.get("/checkouts").json()["items"]


def test_anybody_can_verify_it_with_the_published_keys(client: Client, platform_url: str) -> None:
    token = issued(client)["access_token"]
    keys = requests.get(f"{platform_url}/.well-known/jwks.json", timeout=30).json()

    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="working-timetable-api")

    assert claims["exp"] - claims["iat"] == 300


def test_a_refresh_token_is_exchanged_once_and_used_twice_ends_its_family(
    client: Client, platform_url: str
) -> None:
    first = issued(client)
    second = exchange(client, first["refresh_token"])
    assert second.status_code == 201
    assert use(platform_url, second.json()["access_token"]).status_code == 200

    refused(exchange(client, first["refresh_token"]), "used twice")

    refused(exchange(client, second.json()["refresh_token"]), "revoked")
    refused(use(platform_url, second.json()["access_token"]), "revoked")


@pytest.mark.fault
def test_what_is_revoked_is_refused_at_once_while_the_broker_is_dead(
    client: Client, platform_url: str
) -> None:
    tokens = issued(client)
    cluster = Cluster()
    cluster.supervisor.kill("rabbitmq")

    revoked = client.post("/tokens/revoke", {"token": tokens["access_token"]}, key=None)

    assert revoked.json() == {"revoked": True}
    refused(use(platform_url, tokens["access_token"]), "revoked")
    # Once this ends, the broker is back, and identity has consumed the revocation.
    cluster.await_ended(cluster.start_checkouts(1))
    refused(exchange(client, tokens["refresh_token"]), "revoked")


@pytest.mark.fault
def test_after_a_new_key_the_old_tokens_are_good_and_the_new_ones_bear_its_name(
    client: Client, platform_url: str
) -> None:
    old = issued(client)["access_token"]
    keys = json.loads((run_directory() / "secrets" / "openbao.json").read_text())
    VaultClient(token=keys["root_token"]).write(f"transit/keys/{SIGNING_KEY}/rotate")
    Cluster().supervisor.restart("web")  # otherwise it reads the new key within a minute

    new = eventually(lambda: issued_once_it_answers(client))["access_token"]

    versions = [int(jwt.get_unverified_header(token)["kid"]) for token in (old, new)]
    assert versions[1] == versions[0] + 1
    assert [use(platform_url, token).status_code for token in (old, new)] == [200, 200]


@pytest.mark.fault
def test_while_openbao_is_away_tokens_are_verified_and_revoked(
    client: Client, platform_url: str, broken: Broken
) -> None:
    tokens = issued(client)
    token = tokens["access_token"]
    assert use(platform_url, token).status_code == 200  # the site has read the keys by now
    with broken("pause-process", "openbao"):
        assert use(platform_url, token).status_code == 200
        revoked = client.post("/tokens/revoke", {"token": token}, key=None)
        assert revoked.json() == {"revoked": True}
        refused(use(platform_url, token), "revoked")


def test_who_is_forgotten_exchanges_nothing(client: Client) -> None:
    tokens = issued(client)
    asked_for = client.post("/erasures", {"confirm": True})
    assert asked_for.status_code == 202, asked_for.text
    erasure = asked_for.headers["Location"].removeprefix("/api/v1")
    eventually(lambda: client.get(erasure).json()["status"] == "completed")

    refused(exchange(client, tokens["refresh_token"]), "")


def test_an_unknown_token_is_revoked_without_a_word(client: Client) -> None:
    for nonsense in ("nonsense", "0" * 32 + ".secret", "a.b.c"):
        answer = client.post("/tokens/revoke", {"token": nonsense}, key=None)
        assert (answer.status_code, answer.json()) == (200, {"revoked": True})


def test_who_knows_a_family_s_id_from_the_journal_cannot_end_it(
    client: Client, platform_url: str
) -> None:
    tokens = issued(client)
    family, secret, signature = tokens["refresh_token"].split(".")

    for guessed in (f"{family}.guess", f"{family}.guess.{signature}", f"{family}.{secret}.x"):
        client.post("/tokens/revoke", {"token": guessed}, key=None)
        refused(exchange(client, guessed), "not one of ours")

    assert use(platform_url, tokens["access_token"]).status_code == 200


def test_a_forged_token_gives_no_right(client: Client, platform_url: str) -> None:
    token = issued(client)["access_token"]
    head, claims, signature = token.split(".")

    def encoded(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    header = jwt.get_unverified_header(token)
    forged = (
        f"{encoded({**header, 'alg': 'none'})}.{claims}.",
        f"{encoded({**header, 'alg': 'HS256'})}.{claims}.{signature}",
        f"{encoded({**header, 'kid': '99'})}.{claims}.{signature}",
        f"{encoded({**header, 'kid': '../1'})}.{claims}.{signature}",
        f"{head}.{encoded({'sub': 'somebody else'})}.{signature}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        "nonsense",
        "a" * 5000,
    )
    for one in forged:
        refused(use(platform_url, one), "")
