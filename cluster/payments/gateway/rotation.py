"""The rotation of the provider's keys: on a schedule, and when somebody wishes it.

Three steps: the provider makes another key, Vault stores it as the one in use, and the provider
lets those before it end after the overlap. A gateway that is killed between two of them has a valid
key in Vault: the third is repeated by the next gateway, and a key that was made and not stored ends
with the next rotation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from cluster.payments import provider_keys
from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.gateway.provider import (
    ProviderClient,
    ProviderRefused,
    ProviderUnavailable,
)
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import HeldKeys, Wish
from cluster.secrets.vault import SecretsError, VaultClient

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 3.0  # seconds: the longest that a wish waits

Announce = Callable[[KeyKind, HeldKeys], Awaitable[None]]


class KeyRotation:
    """Rotates the keys of one gateway in Vault and at the provider.

    `announce` is told of each rotation that is done.
    """

    def __init__(
        self,
        vault: VaultClient,
        provider: ProviderClient,
        keys: ProviderKeys,
        *,
        announce: Announce,
    ) -> None:
        self._vault = vault
        self._provider = provider
        self._keys = keys
        self._announce = announce
        # Of these the third step, or the publication, may be missing: a gateway may have been
        # killed.
        self._unsettled = set(KeyKind)

    async def run(self) -> None:
        """Look every few seconds, for ever, waiting out failures of Vault and the provider."""
        while True:
            try:
                await self.look()
            except (SecretsError, ProviderUnavailable, ProviderRefused) as error:
                logger.warning("the rotation of the provider's keys is postponed: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Take the newest keys, finish what was begun, and rotate what is due.

        Raises SecretsError, ProviderUnavailable or ProviderRefused.
        """
        await self._keys.read_again()
        for kind in sorted(self._unsettled):
            await self._settle(kind)
        wishes = await asyncio.to_thread(provider_keys.read_wishes, self._vault)
        for kind, wish in wishes.items():
            key, now = self._keys.held[kind], datetime.now(UTC)
            if key.is_due(wish=wish, now=now, life=provider_keys.life()):
                await self._rotate(kind, wish)

    async def _rotate(self, kind: KeyKind, wish: Wish) -> None:
        made = await self._provider.make_key(kind)
        held = self._keys.held
        key = held[kind].followed_by(made, wish=wish, now=datetime.now(UTC))
        # First, since an answer of Vault that is lost may have stored it.
        self._unsettled.add(kind)
        self._keys.held = await asyncio.to_thread(
            provider_keys.store_keys, self._vault, held.having(kind, key)
        )
        await self._settle(kind)
        logger.info("the %s was rotated: version %d", kind.words, self._keys.held.version)
        await self._announce(kind, self._keys.held)

    async def _settle(self, kind: KeyKind) -> None:
        """Publish the age of the key in use, and let those before it end."""
        held = self._keys.held
        await asyncio.to_thread(provider_keys.publish_rotations, self._vault, held)
        if held[kind].id:
            try:
                left = held[kind].overlap_left(datetime.now(UTC))
                await self._provider.retire_earlier_keys(UUID(held[kind].id), after=left)
            except ProviderRefused as error:  # a provider that has lost its books
                logger.warning("the provider does not know its %s: %s", kind.words, error)
        self._unsettled.discard(kind)
