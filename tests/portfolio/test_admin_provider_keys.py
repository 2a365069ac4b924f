"""The owner has a key of the payment provider rotated in the admin, and sees when it was."""

from __future__ import annotations

import pytest

from cluster.operations.provider_keys import rotations
from cluster.payments.provider_api import KeyKind
from tests.conditions import eventually
from tests.portfolio.admin_visit import owner_visit

PAGE = "/admin/cluster/provider-keys/"
KIND = KeyKind.WEBHOOK_SECRET

pytestmark = pytest.mark.platform


def test_the_owner_confirms_a_rotation_and_sees_its_time(platform_url: str) -> None:
    before = rotations()[KIND]
    came = owner_visit(platform_url)
    assert "Rotate the webhook secret" in came.get(PAGE).text
    asked = came.post(f"{PAGE}{KIND.slug}/rotate/", {}, form=PAGE)
    assert asked.status_code == 200
    assert "Asked for: the gateway rotates the webhook secret" in asked.text
    eventually(lambda: rotations()[KIND].fulfilled > before.fulfilled)
    since = rotations()[KIND].since
    assert since is not None
    assert f"{since:%Y-%m-%d %H:%M:%S}" in came.get(PAGE).text


def test_there_is_no_other_key_and_no_rotation_without_a_form(platform_url: str) -> None:
    came = owner_visit(platform_url)
    assert came.post(f"{PAGE}any/rotate/", {}, form=PAGE).status_code == 404
    assert came.get(f"{PAGE}{KIND.slug}/rotate/").status_code == 405
