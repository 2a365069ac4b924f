"""Unseal OpenBao whenever it is sealed, and renew the secret ids of the processes' AppRoles.

Run as `python -m compose.unsealer ADDRESS KEYS-FILE [APPROLE-FOLDER SECONDS]`. With a folder, each
of its secret ids is replaced when it is SECONDS old. Standard library only, so that it is up before
anything that needs a secret. It alone of all processes reads the root token.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from compose.run_directory import write_private

POLL: Final = 0.25  # seconds between checks; a sealed Vault stops every new lease
LOOK_AT_SECRET_IDS: Final = 5.0  # seconds; soon after a start, when they may have expired
log = logging.getLogger("unsealer")


def main() -> None:
    address, keys, *renewed = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    looked_at = -math.inf
    while True:
        try:
            open_if_sealed(address=address, keys=keys)
            if renewed and time.monotonic() - looked_at >= LOOK_AT_SECRET_IDS:
                folder, age = Path(renewed[0]), float(renewed[1])
                renew_secret_ids(address=address, keys=keys, folder=folder, age=age)
                looked_at = time.monotonic()
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


def renew_secret_ids(*, address: str, keys: Path, folder: Path, age: float) -> None:
    """Replace the secret ids of the AppRole files in `folder` that are `age` seconds old.

    The replaced one expires by itself, so that a process that has just read it can log in.
    """
    now = time.time()
    due = [file for file in folder.glob("*.json") if abs(now - file.stat().st_mtime) >= age]
    if not due:
        return
    token = json.loads(keys.read_text())["root_token"]
    for file in due:
        role = f"{address}/v1/auth/approle/role/{file.stem}"
        try:
            role_id = json.loads(file.read_text())["role_id"]
            made = _call("POST", f"{role}/secret-id", {}, token=token)["data"]
        # An identity that only an earlier revision had, or a file that is none of ours.
        except (urllib.error.HTTPError, ValueError, KeyError, TypeError) as error:
            log.debug("the secret id of %s cannot be renewed: %s", file.stem, error)
            continue
        write_private(file, json.dumps({"role_id": role_id, "secret_id": made["secret_id"]}))
        log.info("renewed the secret id of %s", file.stem)


def _call(
    method: str, url: str, body: object = None, *, token: str | None = None
) -> dict[str, Any]:
    """Return the answer to one request to the API, or raise OSError without a good one."""
    data = None if body is None else json.dumps(body).encode()
    headers = {} if token is None else {"X-Vault-Token": token}
    request = urllib.request.Request(  # noqa: S310  (our own address)
        url, data=data, headers=headers, method=method
    )
    # No proxy from the environment between two processes of one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:  # the first initialisation takes 7 s
        decoded: dict[str, Any] = json.loads(answer.read())
    return decoded


if __name__ == "__main__":
    main()
