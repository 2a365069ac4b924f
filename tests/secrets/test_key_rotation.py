"""The provider's keys are rotated in a real OpenBao and at a real provider, whatever is cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from cluster.payments import provider_keys
from cluster.payments.gateway import keys as gateway_keys
from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.gateway.provider import ProviderClient, ProviderUnavailable
from cluster.payments.gateway.rotation import KeyRotation
from cluster.payments.provider_api import BOOKS_PATH, KeyKind, MadeKey
from cluster.payments.provider_keys import (
    HeldKeys,
    read_keys,
    read_rotations,
    wish_rotation,
)
from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.server import Keys, Provider
from cluster.secrets.policies import PROVIDER_KEYS
from cluster.secrets.provisioning import provision
from cluster.secrets.vault import SecretsDenied, SecretsError, SecretsUnavailable, VaultClient
from tests.conditions import eventually_async
from tests.payments.conftest import served
from tests.secrets.conftest import Servers
from tests.servers import free_port

OVERLAP = 0.5  # seconds
WITHIN = 20.0  # seconds


class Killed(BaseException):
    """The end of a gateway, in the middle of a rotation."""


def held(kind: KeyKind) -> str:
    """Return the key that Vault has, as the provider may read it."""
    with closing(VaultClient(identity="provider")) as vault:
        return read_keys(vault)[kind].secret


@dataclass
class Gateway:
    """What a gateway has of the rotation, from its start on."""

    keys: ProviderKeys
    provider: ProviderClient
    rotation: KeyRotation
    announced: list[KeyKind]


@dataclass
class Company:
    """The provider, and the address at which it is served."""

    url: str
    books: Books

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve it, as its process does: with the keys that Vault has when it starts."""
        keys = Keys(held(KeyKind.API_KEY), held(KeyKind.WEBHOOK_SECRET))
        provider = Provider(self.books, keys, webhook_url="http://127.0.0.1:9/")
        async with served(provider.application(), self.url):
            yield

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        vault = VaultClient(identity="payments")
        keys = ProviderKeys(lambda: read_keys(vault))
        announced: list[KeyKind] = []

        async def announce(kind: KeyKind, _keys: HeldKeys) -> None:
            announced.append(kind)

        async with aiohttp.ClientSession() as session:
            client = ProviderClient(session, url=lambda: self.url, keys=keys)
            rotating = KeyRotation(vault, client, keys, announce=announce)
            yield Gateway(keys, client, rotating, announced)
        vault.close()

    async def accepts(self, kind: KeyKind, secret: str) -> bool:
        """Return whether the provider takes this API key, or signs with this webhook secret."""
        if kind is KeyKind.WEBHOOK_SECRET:
            return secret in self.books.keys.webhook_secrets(now=time.time())
        headers = {"Authorization": f"Bearer {secret}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + BOOKS_PATH, headers=headers) as answer,
        ):
            assert answer.status in (200, 401)
            return answer.status == 200

    async def await_refusal(self, kind: KeyKind, secret: str) -> None:
        while True:
            if not await self.accepts(kind, secret):
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def company(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Company]:
    monkeypatch.setattr(gateway_keys, "READ_EVERY", 0.0)
    books = Books(tmp_path / "provider.sqlite3")
    yield Company(f"http://127.0.0.1:{free_port()}", books)
    books.close()


@pytest.fixture(params=list(KeyKind))
def kind(request: pytest.FixtureRequest) -> KeyKind:
    found: KeyKind = request.param
    return found


@pytest.fixture
def site(servers: Servers) -> Iterator[VaultClient]:
    """Vault as the site sees it, which wishes rotations and reads no key."""
    with closing(VaultClient(identity="web")) as vault:
        yield vault


async def test_a_wish_rotates_a_key_once_and_the_one_before_is_refused_after_the_overlap(
    company: Company, site: VaultClient, kind: KeyKind
) -> None:
    async with company.open(), company.gateway() as gateway:
        await gateway.rotation.look()
        before = gateway.keys.held[kind].secret
        wish = wish_rotation(site, kind, by="a test", overlap=OVERLAP)
        assert read_rotations(site)[kind].is_wanted
        await gateway.rotation.look()
        new = gateway.keys.held[kind].secret
        assert new != before
        assert await company.accepts(kind, new)
        assert await company.accepts(kind, before)
        found = read_rotations(site)[kind]
        assert (found.fulfilled, found.is_wanted) == (wish, False)
        assert found.since == gateway.keys.held[kind].since
        await gateway.rotation.look()
        assert gateway.keys.held[kind].secret == new
        assert gateway.announced == [kind]
        await asyncio.wait_for(company.await_refusal(kind, before), WITHIN)
        assert await company.accepts(kind, new)


async def test_an_old_key_is_rotated_without_a_wish(
    company: Company, kind: KeyKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with company.open(), company.gateway() as gateway:
        await gateway.rotation.look()
        before = gateway.keys.held
        monkeypatch.setenv("PROVIDER_KEY_LIFE", "0")
        await gateway.rotation.look()
        assert gateway.keys.held[kind].secret != before[kind].secret


@pytest.mark.parametrize("step", ["nothing", "made", "stored"])
async def test_what_a_killed_gateway_has_begun_the_next_one_completes(
    company: Company,
    site: VaultClient,
    kind: KeyKind,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with company.open():
        async with company.gateway() as killed:
            await killed.rotation.look()
            before = killed.keys.held[kind].secret
            wish_rotation(site, kind, by="a test", overlap=OVERLAP)
            with monkeypatch.context() as patch:
                _kill_after(step, patch)
                with pytest.raises(Killed):
                    await killed.rotation.look()
        assert await company.accepts(kind, held(kind))
        async with company.gateway() as gateway:
            await gateway.rotation.look()
            assert gateway.keys.held[kind].secret == held(kind) != before
            assert not read_rotations(site)[kind].is_wanted
            await asyncio.wait_for(company.await_refusal(kind, before), WITHIN)
            assert company.books.keys.webhook_secrets(now=time.time()) == [
                held(KeyKind.WEBHOOK_SECRET)
            ]
            assert await company.accepts(kind, held(kind))


def _kill_after(step: str, patch: pytest.MonkeyPatch) -> None:
    """Let the next gateway die when it has done a step of a rotation."""
    real_make, real_store = ProviderClient.make_key, provider_keys.store_keys

    async def make(self: ProviderClient, kind: KeyKind) -> MadeKey:
        if step == "made":
            await real_make(self, kind)
        raise Killed

    def store(vault: VaultClient, keys: HeldKeys) -> HeldKeys:
        real_store(vault, keys)
        raise Killed

    if step == "stored":
        patch.setattr(provider_keys, "store_keys", store)
    else:
        patch.setattr(ProviderClient, "make_key", make)


async def test_a_sealed_vault_only_postpones_a_rotation(
    company: Company, servers: Servers, site: VaultClient, kind: KeyKind
) -> None:
    async with company.open(), company.gateway() as gateway:
        await gateway.rotation.look()
        before = gateway.keys.held[kind].secret
        wish_rotation(site, kind, by="a test", overlap=OVERLAP)
        servers.seal()
        try:
            with pytest.raises(SecretsUnavailable):
                await gateway.rotation.look()
            assert await company.accepts(kind, before)
        finally:
            servers.unseal()
        await eventually_async(lambda: _is_open(site))
        await gateway.rotation.look()
        assert gateway.keys.held[kind].secret != before


def _is_open(vault: VaultClient) -> bool:
    try:
        read_rotations(vault)
    except SecretsUnavailable:
        return False
    return True


async def test_a_request_with_a_key_of_yesterday_is_sent_again_with_the_one_in_vault(
    company: Company, site: VaultClient
) -> None:
    """Another gateway has rotated it, and the overlap has passed: nothing waits, nothing fails."""
    async with company.open(), company.gateway() as asleep:
        before = asleep.keys.api_key
        async with company.gateway() as gateway:
            wish_rotation(site, KeyKind.API_KEY, by="a test", overlap=OVERLAP)
            await gateway.rotation.look()
            await asyncio.wait_for(company.await_refusal(KeyKind.API_KEY, before), WITHIN)
        assert await asleep.provider.events(uuid4()) == []
        assert asleep.keys.api_key != before


async def test_a_key_that_vault_does_not_have_either_is_an_outage_and_no_decline(
    company: Company, kind: KeyKind
) -> None:
    async with company.open(), company.gateway() as gateway:
        made = company.books.keys.make(KeyKind.API_KEY, now=time.time())
        company.books.keys.retire_before(made.id, end=time.time(), now=time.time())
        with pytest.raises(ProviderUnavailable, match="401"):
            await gateway.provider.events(uuid4())
    async with company.open(), company.gateway() as gateway:  # started anew, it takes Vault's
        assert await gateway.provider.events(uuid4()) == []


async def test_a_key_that_is_to_end_manages_no_keys(company: Company, site: VaultClient) -> None:
    async with company.open(), company.gateway() as gateway, company.gateway() as thief:
        wish_rotation(site, KeyKind.API_KEY, by="a test", overlap=OVERLAP)
        await gateway.rotation.look()
        with pytest.raises(ProviderUnavailable, match="403"):
            await thief.provider.make_key(KeyKind.API_KEY)


async def test_of_two_gateways_that_rotate_at_once_each_goes_on_with_a_valid_key(
    company: Company, site: VaultClient, kind: KeyKind
) -> None:
    async with company.open(), company.gateway() as one, company.gateway() as other:
        wish_rotation(site, kind, by="a test", overlap=OVERLAP)
        found = await asyncio.gather(
            one.rotation.look(), other.rotation.look(), return_exceptions=True
        )
        assert all(error is None or isinstance(error, SecretsError) for error in found)
        for gateway in (one, other):
            await gateway.rotation.look()
            assert gateway.keys.held[kind].secret == held(kind)
        assert await company.accepts(kind, held(kind))
        assert len(one.announced) + len(other.announced) >= 1


def test_provisioning_dates_the_keys_of_an_earlier_revision_and_keeps_them(
    servers: Servers,
) -> None:
    root = servers.root()
    held_before = read_keys(root)
    fields = {kind: held_before[kind].secret for kind in KeyKind}
    root.write("kv/data/provider", {"data": fields})
    provision(lambda step: None, databases=())
    found = read_keys(root)
    assert {kind: found[kind].secret for kind in KeyKind} == fields
    assert all(found[kind].since is not None for kind in KeyKind)


def test_who_wishes_a_rotation_reads_no_key_and_changes_none(site: VaultClient) -> None:
    for forbidden in (
        lambda: read_keys(site),
        lambda: site.write("kv/data/provider", {"data": {}}),
        lambda: site.write("kv/metadata/provider", {"custom_metadata": {}}),
    ):
        with pytest.raises(SecretsDenied):
            forbidden()


def test_the_policies_name_the_kinds_of_keys() -> None:
    assert tuple(KeyKind) == PROVIDER_KEYS
