"""Requests to the secrets server with its root token, under any engine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from chaos.drivers.driver import DriverError
from config.environment import MissingSetting, vault_address, vault_root_file

PATIENCE: Final = 5.0  # seconds: a paused server accepts the connection and does not answer
# No proxy from the environment between two processes of one platform.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request to this platform's secrets server as root, as `Driver.secrets` needs it."""
    try:
        address = vault_address()
    except MissingSetting as error:
        raise DriverError(f"OpenBao, {path}: {error}") from error
    token = root_token(vault_root_file())
    return request(address=address, token=token, method=method, path=path, body=body)


def root_token(file: Path) -> str:
    """Return the root token from the output of `operator init`, the file that the set-up reads.

    Raises DriverError when this process cannot read the file.
    """
    try:
        token: str = json.loads(file.read_text())["root_token"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DriverError(
            f"OpenBao's root token is not at hand: {file} ({type(error).__name__})"
        ) from error
    return token


def request(
    *, address: str, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> Any:
    """Return the API's answer at `path`, such as `sys/seal`, or None for an empty one.

    Raises DriverError with the server's own message when it refuses.
    """
    asked = urllib.request.Request(  # noqa: S310  (the platform's own address)
        f"{address}/v1/{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"X-Vault-Token": token, "Content-Type": "application/json"},
    )
    try:
        with _OPENER.open(asked, timeout=PATIENCE) as answer:
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        raise DriverError(f"OpenBao, {path}: {error}{_reasons(error)}") from error
    except (OSError, ValueError) as error:
        raise DriverError(f"OpenBao, {path}: {error}") from error


def _reasons(error: urllib.error.HTTPError) -> str:
    """Return the messages of `{"errors": [...]}` in brackets, or "" when there are none."""
    try:
        reasons = json.loads(error.read())["errors"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({'; '.join(map(str, reasons))})" if reasons else ""
