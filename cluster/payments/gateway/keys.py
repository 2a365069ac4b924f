"""The keys with which the gateway and the provider know each other, as the gateway last read them.

Vault has the newest ones. They are read again at each look of the rotation, and at once when the
provider refuses a request or a webhook bears no known signature.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import HeldKeys, keys_of
from cluster.secrets.vault import SecretsError

logger = logging.getLogger(__name__)

# Seconds between two reads on behalf of a refusal: a stranger's webhooks must not load Vault.
READ_EVERY: Final = 1.0


class ProviderKeys:
    """The keys in use. `read` asks Vault for them, and may raise SecretsError."""

    def __init__(self, read: Callable[[], HeldKeys]) -> None:
        self._read = read
        self._reading = asyncio.Lock()
        self.read_at = time.monotonic()
        self.held = read()  # other parts compare it by identity: it is replaced and never changed

    @property
    def api_key(self) -> str:
        """The key for the next request."""
        return self.held[KeyKind.API_KEY].secret

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets with which a webhook may be signed now."""
        return self.held[KeyKind.WEBHOOK_SECRET].accepted(datetime.now(UTC))

    async def read_again(self) -> None:
        """Take what Vault has now. Raises SecretsError."""
        self.read_at = time.monotonic()
        self.held = await asyncio.to_thread(self._read)

    async def differ_now(self, refused: HeldKeys) -> bool:
        """Read again after a refusal of `refused`, and return whether there are other keys now.

        While Vault is away, or was asked within the last READ_EVERY seconds, what is known counts.
        """
        async with self._reading:
            asked_lately = time.monotonic() - self.read_at < READ_EVERY
            if self.held is refused and not asked_lately:
                try:
                    await self.read_again()
                except SecretsError as error:
                    logger.warning("the provider's keys cannot be read again: %s", error)
        return self.held.by_kind != refused.by_kind


def fixed_keys(api_key: str, webhook_secret: str = "") -> ProviderKeys:
    """Return keys that nobody rotates."""
    keys = keys_of({KeyKind.API_KEY: api_key, KeyKind.WEBHOOK_SECRET: webhook_secret})
    return ProviderKeys(lambda: keys)
