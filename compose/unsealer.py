"""Unseal OpenBao whenever it is sealed: at its first start, and after each restart.

Run as `python -m compose.unsealer ADDRESS KEYS-FILE`. Standard library only, so that
it is up before anything that needs a secret.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from compose.run_directory import write_private

POLL: Final = 0.25  # seconds between checks; a sealed Vault stops every new lease
log = logging.getLogger("unsealer")


def main() -> None:
    address, keys = sys.argv[1], Path(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    while True:
        try:
            open_if_sealed(address=address, keys=keys)
        except (OSError, ValueError) as error:  # it starts, or has just died: try again
            log.debug("%s", error)
        time.sleep(POLL)


def open_if_sealed(*, address: str, keys: Path) -> None:
    """Check once: initialise OpenBao if it is new, unseal it if it is sealed."""
    status = _call("GET", f"{address}/v1/sys/seal-status")
    if not status["initialized"]:
        made = _call("PUT", f"{address}/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
        text = {"unseal_key": made["keys_base64"][0], "root_token": made["root_token"]}
        write_private(keys, json.dumps(text))
        log.info("initialised")
    elif status["sealed"]:
        key = json.loads(keys.read_text())["unseal_key"]
        _call("PUT", f"{address}/v1/sys/unseal", {"key": key})
        log.info("unsealed")


def _call(method: str, url: str, body: object = None) -> dict[str, Any]:
    """Return the answer to one request to the API, or raise OSError without a good one."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310  (our own address)
    # No proxy from the environment between two processes of one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:  # the first initialisation takes 7 s
        decoded: dict[str, Any] = json.loads(answer.read())
    return decoded


if __name__ == "__main__":
    main()
