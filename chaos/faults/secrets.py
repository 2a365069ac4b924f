"""Faults of secrets: credentials revoked, keys of the provider rotated, and the vault sealed."""

from __future__ import annotations

from typing import Final

from chaos.drivers.driver import Driver, DriverError
from chaos.faults.fault import FaultWords, HardFault, MomentaryFault, clients_of
from cluster.health.armed_faults import ArmedFault
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import PUBLISHED, fulfilled_wish, wish_path
from config.environment import DATABASES
from config.waiting import wait_until

UNSEALER: Final = "unsealer"
UNSEALED_WITHIN: Final = 3.0  # seconds: the unsealer checks four times a second
LOOK: Final = 0.1  # seconds
ROTATED_WITHIN: Final = 15.0  # seconds: the gateway looks for a wish every few seconds
LOOK_AT_VAULT: Final = 0.5  # seconds; each look logs in


class RevokeLeases(MomentaryFault):
    """All database credentials of a service stop working, and its sessions end."""

    name = "revoke-leases"
    words = FaultWords(
        title="Revoke a service's credentials",
        verb="revoked",
        what="Every leased login of the service is dropped, with the sessions that use it.",
    )
    afterwards = "the service leases new credentials by itself"

    def targets(self) -> tuple[str, ...]:
        return DATABASES

    def reaches(self, target: str) -> tuple[str, ...]:
        return clients_of(target)

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        driver.secrets("PUT", f"sys/leases/revoke-prefix/database/creds/{armed.target}")
        return f"every database login of {armed.target} was revoked"


class RotateProviderKey(MomentaryFault):
    """The gateway and the payment provider take another key, at a moment of full load."""

    name = "rotate-provider-key"
    words = FaultWords(
        title="Rotate a key of the payment provider",
        verb="rotated",
        what="The gateway has the key replaced, and the one before ends after the overlap.",
    )
    afterwards = "the key before ends by itself"

    def targets(self) -> tuple[str, ...]:
        return tuple(kind.slug for kind in KeyKind)

    def reaches(self, target: str) -> tuple[str, ...]:  # noqa: ARG002  (each key is of both)
        return ("payments-gateway", "provider")

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        """Wish it, and wait until it is done.

        Raises DriverError when it is not done within ROTATED_WITHIN seconds.
        """
        kind = KeyKind.of_slug(armed.target)
        asked = driver.secrets("POST", wish_path(kind), {"data": {"by": armed.actor}})
        wish = int(asked["data"]["version"])
        wait_until(
            lambda: fulfilled_wish(driver.secrets("GET", PUBLISHED), kind) >= wish,
            within=ROTATED_WITHIN,
            every=LOOK_AT_VAULT,
            failure=DriverError(f"the gateway has not rotated the {kind.words} yet"),
        )
        return f"the {kind.words} of the provider was rotated"


class SealSecrets(HardFault):
    """The vault answers no requests until it is unsealed. The unsealer is paused first."""

    name = "seal-secrets"
    words = FaultWords(
        title="Seal the secrets server",
        verb="sealed",
        what="OpenBao forgets its key and answers nothing until it is unsealed.",
    )

    def targets(self) -> tuple[str, ...]:
        return ("openbao",)

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        paused = driver.pause(UNSEALER)
        driver.secrets("PUT", "sys/seal")
        return f"{armed.target} is sealed, and nobody unseals it ({paused})"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Resume the unsealer.

        Raises DriverError when the vault is still sealed after UNSEALED_WITHIN seconds.
        """
        driver.resume(UNSEALER)
        wait_until(
            lambda: not driver.secrets("GET", "sys/seal-status")["sealed"],
            within=UNSEALED_WITHIN,
            every=LOOK,
            failure=DriverError("the unsealer runs again and OpenBao is still sealed"),
        )
        return f"{armed.target} is unsealed"
