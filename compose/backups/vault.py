"""OpenBao's raft snapshot: taken from the running server, and restored into a new one."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from compose.errors import PlainError
from compose.run_directory import RunDirectory
from compose.servers.openbao import KEYS, OpenBao
from config.waiting import wait_until

PIECE: Final = 1 << 20  # bytes
ANSWER_WITHIN: Final = 60.0  # seconds
LOOK_EVERY: Final = 0.2  # seconds
# No proxy from the environment between two processes of one machine.
OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def snapshot(run: RunDirectory, address: str) -> Iterator[bytes]:
    """Yield the snapshot of a running, unsealed OpenBao."""
    token = json.loads((run.secrets / KEYS).read_text())["root_token"]
    request = urllib.request.Request(  # noqa: S310  (our own address)
        f"{address}/v1/sys/storage/raft/snapshot", headers={"X-Vault-Token": token}
    )
    try:
        with OPENER.open(request, timeout=ANSWER_WITHIN) as answer:
            yield from iter(lambda: answer.read(PIECE), b"")
    except OSError as error:
        raise PlainError(f"OpenBao gives no snapshot: {error}") from error


def restore(bao: OpenBao, snapshot: bytes) -> None:
    """Make OpenBao's data from a snapshot, and end every database login that it had leased.

    `secrets/openbao.json` holds the unseal key and the root token of the snapshot.
    """
    keys = json.loads((bao.run.secrets / KEYS).read_text())
    bao.prepare()
    try:
        with _running(bao):
            made = _call(bao, "PUT", "init", {"secret_shares": 1, "secret_threshold": 1})
            _call(bao, "PUT", "unseal", {"key": made["keys_base64"][0]})
            _await_ready(bao)
            # By force, since the snapshot's keys are not those of this new server.
            _call(bao, "POST", "storage/raft/snapshot-force", snapshot, made["root_token"])
        with _running(bao):
            _call(bao, "PUT", "unseal", {"key": keys["unseal_key"]})
            _await_ready(bao)
            token = keys["root_token"]
            _call(bao, "PUT", "leases/revoke-force/database/creds", {}, token)
    except OSError as error:
        shutil.rmtree(bao.run.data("openbao"), ignore_errors=True)
        raise PlainError(f"OpenBao could not be restored: {error}") from error


@contextmanager
def _running(bao: OpenBao) -> Iterator[None]:
    with bao.run.log("restore-openbao").open("ab") as log:
        process = subprocess.Popen(bao.process().command, stdout=log, stderr=log)
    try:
        wait_until(
            lambda: _call(bao, "GET", "seal-status"),
            despite=OSError,
            within=ANSWER_WITHIN,
            every=LOOK_EVERY,
        )
        yield
    finally:
        process.terminate()
        try:
            process.wait(ANSWER_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(bao: OpenBao) -> None:
    failure = OSError("it does not become active; see its log")
    wait_until(bao.is_ready, within=ANSWER_WITHIN, every=LOOK_EVERY, failure=failure)


def _call(
    bao: OpenBao, method: str, path: str, body: object = None, token: str = ""
) -> dict[str, Any]:
    """Return the answer below /v1/sys/, or raise OSError. Bytes are sent as they are."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310  (our own address)
        f"{bao.url}/v1/sys/{path}", data=data, method=method, headers={"X-Vault-Token": token}
    )
    with OPENER.open(request, timeout=ANSWER_WITHIN) as answer:
        text = answer.read()
    decoded: dict[str, Any] = json.loads(text) if text else {}
    return decoded
