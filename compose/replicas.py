"""The number of workers of each service: the setting REPLICAS, such as `orders=2,catalog=3`.

`up` records it in platform.json, so that `prepare`, the workers, `cluster status` and
`cluster verify` of a second terminal all count the same.
"""

from __future__ import annotations

from typing import Final

from compose.errors import Misuse
from config import environment

# Every partition is a quorum queue, and each of those makes the broker slower to stop.
MOST: Final = 8


def replicas() -> dict[str, int]:
    """Return the number of workers of every service, the site's included, or raise Misuse."""
    return parse_replicas(environment.setting("REPLICAS", ""))


def parse_replicas(text: str) -> dict[str, int]:
    """Return the counts of `orders=2,catalog=3`, with 1 for a service that is not named.

    Raises Misuse.
    """
    counts = dict.fromkeys(environment.DATABASES, 1)
    named = [part.strip() for part in text.split(",") if part.strip()]
    for part in named:
        service, _, number = (word.strip() for word in part.partition("="))
        if service == "site":
            raise Misuse("REPLICAS cannot name the site: its journal is one gapless sequence.")
        if service not in environment.SERVICES:
            raise Misuse(
                f"REPLICAS names {service!r}, which is no service; it looks like "
                f"orders=2,catalog=3, and the services are {', '.join(environment.SERVICES)}."
            )
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST):
            raise Misuse(f"REPLICAS wants {number!r} workers of {service}; it takes 1 to {MOST}.")
        counts[service] = int(number)
    return counts


def worker_names(service: str) -> list[str]:
    """Return the names of a service's workers: `worker-orders`, or `worker-orders-1` and so on."""
    count = replicas()[service]
    if count == 1:
        return [f"worker-{service}"]
    return [f"worker-{service}-{number}" for number in range(1, count + 1)]
