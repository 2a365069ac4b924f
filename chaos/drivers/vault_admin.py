"""Requests that break the secrets server on purpose, under any engine, as the runner may."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from chaos.drivers.driver import DriverError
from config.environment import MissingSetting, vault_address

IDENTITY: Final = "runner"  # its policy allows what the faults need: cluster/secrets/policies.py
STATUS: Final = "sys/seal-status"  # asks for no token: a sealed server could not check one
PATIENCE: Final = 5.0  # seconds: a paused server accepts the connection and does not answer
# No proxy from the environment between two processes of one platform.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method: str, path: str, body: dict[str, Any] | None = None, *, approle: Path) -> Any:
    """Send one request with a token of its own, which ends with it, as `Driver.secrets` needs it.

    `approle` is the file with the runner's role id and secret id.
    """
    try:
        address = f"{vault_address()}/v1/"
    except MissingSetting as error:
        raise DriverError(f"OpenBao, {path}: {error}") from error
    if path == STATUS:
        return _send(method, path, body, address=address)
    login = _send("POST", "auth/approle/login", _credentials(approle), address=address)
    token = login["auth"]["client_token"]
    try:
        return _send(method, path, body, address=address, token=token)
    finally:
        with suppress(DriverError):  # a server that is sealed now; the token expires by itself
            _send("POST", "auth/token/revoke-self", {}, address=address, token=token)


def _credentials(approle: Path) -> dict[str, str]:
    """Return the role id and secret id.

    Raises DriverError when this process cannot read them.
    """
    try:
        found: dict[str, str] = json.loads(approle.read_text())
        return {name: found[name] for name in ("role_id", "secret_id")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DriverError(
            f"OpenBao's login of the {IDENTITY} is not at hand: {approle} ({type(error).__name__})"
        ) from error


def _send(
    method: str, path: str, body: dict[str, Any] | None, *, address: str, token: str | None = None
) -> Any:
    """Return the API's answer at `path`, such as `sys/seal`, or None for an empty one.

    Raises DriverError with the server's own message when it refuses.
    """
    asked = urllib.request.Request(  # noqa: S310  (the platform's own address)
        f"{address}{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json", **({"X-Vault-Token": token} if token else {})},
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
    """Return the messages of `{"errors": [...]}` as one line in brackets, or "" for none."""
    try:
        reasons = json.loads(error.read())["errors"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({'; '.join(' '.join(str(each).split()) for each in reasons)})" if reasons else ""
