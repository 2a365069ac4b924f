"""A client of Vault (or OpenBao): AppRole login, tokens kept alive, and few kinds of errors.

Every failure is a SecretsError or one of its four kinds, so that callers can distinguish "try
again" from "never". No other module uses hvac or requests for Vault.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import hvac
import requests
from hvac import exceptions

from config import environment

CONNECT_TIMEOUT: Final = 2.0  # seconds; the server is near, or it is not there
READ_TIMEOUT: Final = 5.0  # seconds; leasing creates a role in PostgreSQL, normally within 10 ms
REFRESH_AFTER: Final = 2 / 3  # of a token's life: two more tries fit before it ends

# 429 is a limit of requests, 5xx a server that is sealed, starting, or cannot reach PostgreSQL.
_TRANSIENT: Final = (
    exceptions.RateLimitExceeded,
    exceptions.InternalServerError,
    exceptions.VaultNotInitialized,
    exceptions.BadGateway,
    exceptions.VaultDown,
    exceptions.UnexpectedError,
)


class SecretsError(Exception):
    """Vault did not do what a request asked for."""


class SecretsUnavailable(SecretsError):
    """Vault is sealed, unreachable or failing, so that trying again later can succeed."""


class SecretsDenied(SecretsError):
    """Vault knows this identity and refuses, or does not accept this AppRole's secret id."""


class SecretNotFound(SecretsError):
    """There is nothing at this path."""


class LeaseNotFound(SecretsError):
    """The lease has expired or was revoked, and cannot be renewed."""


class VaultClient:
    """One identity's connection to Vault, safe to share between threads.

    `identity` names an AppRole whose file is read at each login, so that a new secret id is used
    without a restart. With `token` it uses that token as it is.
    """

    def __init__(
        self, *, identity: str | None = None, token: str | None = None, address: str | None = None
    ) -> None:
        self.address = address or environment.vault_address()
        self.identity = identity
        self._login_lock = threading.Lock()
        self._refresh_at = float("inf")  # monotonic seconds
        session = requests.Session()
        # A proxy from the environment must not come between two processes of one machine.
        session.trust_env = urlsplit(self.address).hostname not in ("127.0.0.1", "localhost", "::1")
        timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
        self._client = hvac.Client(url=self.address, token=token, session=session, timeout=timeout)
        self._client.token = token  # hvac would otherwise take one from the environment

    @classmethod
    def for_identity(cls, name: str | None = None) -> VaultClient:
        """Return a client that logs in with AppRole as `name` or as this process's identity."""
        return cls(identity=name or environment.vault_identity())

    def read(self, path: str) -> dict[str, Any]:
        """GET a path and return its answer.

        Raises SecretNotFound when nothing is there.
        """
        return self.request("get", path)

    def write(self, path: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """POST to a path and return its answer, or an empty dict for an answer without a body."""
        return self.request("post", path, data=data or {})

    def list_keys(self, path: str) -> list[str]:
        """Return the names under a path, or none when there are none."""
        try:
            keys: list[str] = self.request("list", path)["data"]["keys"]
        except SecretNotFound:
            return []
        return keys

    def read_kv(self, name: str) -> dict[str, str]:
        """Return the newest version of `kv/<name>`."""
        fields: dict[str, str] = self.read(f"kv/data/{name}")["data"]["data"]
        return fields

    def list_leases(self, role: str) -> list[str]:
        """Return the ids of the valid leases of one database role (operator only)."""
        prefix = f"database/creds/{role}"
        keys = self.list_keys(f"sys/leases/lookup/{prefix}")
        return [f"{prefix}/{key}" for key in keys]

    def revoke_lease(self, lease_id: str, *, timeout: float | None = None) -> None:
        """End a lease now.

        The answer comes after Vault has ordered the end of its sessions.
        """
        # The path form: a policy can bound it to one role's leases, which the body form does not
        # allow.
        self.request("post", f"sys/leases/revoke/{lease_id}", data={"sync": True}, timeout=timeout)

    def keep_alive(self) -> None:
        """Renew the token when most of its life has passed, or log in anew if that is refused."""
        if time.monotonic() < self._refresh_at or self.identity is None:
            return
        with self._login_lock:
            if time.monotonic() < self._refresh_at:
                return
            try:
                self._adopt(self._send("post", "auth/token/renew-self", {}, None)["auth"])
            except SecretsUnavailable:
                raise
            except SecretsError:
                self._login()

    def close(self, *, timeout: float = 1.0) -> None:
        """Revoke the token, and with it every lease taken through it, as far as Vault answers."""
        with self._login_lock:
            if self.identity is not None and self._client.token is not None:
                # If that fails, the token expires by itself when its period has passed.
                with contextlib.suppress(SecretsError):
                    self._send("post", "auth/token/revoke-self", {}, timeout)
                self._client.token = None
            self._client.adapter.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Send one request, logging in first when there is no token and again after a 403."""
        if self.identity is None:
            return self._send(method, path, data, timeout)
        token = self._client.token or self._login_instead_of(None)
        self.keep_alive()
        try:
            return self._send(method, path, data, timeout)
        except SecretsDenied:
            # A token that was revoked or has expired gets the same answer as one without the right.
            self._login_instead_of(token)
            return self._send(method, path, data, timeout)

    def _login_instead_of(self, token: str | None) -> str:
        with self._login_lock:
            if self._client.token is None or self._client.token == token:
                self._login()
            current: str = self._client.token
            return current

    def _login(self) -> None:
        assert self.identity is not None
        path = environment.approle_file(self.identity)
        try:
            approle = json.loads(path.read_text())
        except FileNotFoundError:
            raise SecretsDenied(f"{path} is missing: {self.identity} cannot log in") from None
        self._client.token = None
        try:
            answer = self._send("post", "auth/approle/login", approle, None)
        except SecretsUnavailable:
            raise
        except SecretsError as error:  # a bad secret id is answered with 400
            raise SecretsDenied(f"{self.identity} cannot log in: {error}") from error
        self._adopt(answer["auth"])

    def _adopt(self, auth: Mapping[str, Any]) -> None:
        self._client.token = auth["client_token"]
        self._refresh_at = time.monotonic() + REFRESH_AFTER * auth["lease_duration"]

    def _send(
        self, method: str, path: str, data: Mapping[str, Any] | None, timeout: float | None
    ) -> dict[str, Any]:
        options: dict[str, Any] = {} if data is None else {"json": data}
        if timeout is not None:
            options["timeout"] = timeout
        try:
            answer = self._client.adapter.request(method, f"/v1/{path}", **options)
        except requests.RequestException as error:
            raise SecretsUnavailable(f"Vault at {self.address} is unreachable: {error}") from error
        except _TRANSIENT as error:
            raise SecretsUnavailable(
                f"Vault cannot do {method} {path}: {_reason(error)}"
            ) from error
        except (exceptions.Forbidden, exceptions.Unauthorized) as error:
            raise SecretsDenied(f"Vault refuses {method} {path}: {_reason(error)}") from error
        except exceptions.InvalidPath as error:
            raise SecretNotFound(f"Vault has nothing at {path}") from error
        except exceptions.InvalidRequest as error:
            if path.startswith("sys/leases/"):
                raise LeaseNotFound(_reason(error)) from error
            raise SecretsError(f"Vault cannot do {method} {path}: {_reason(error)}") from error
        return answer if isinstance(answer, dict) else {}


def _reason(error: Exception) -> str:
    errors: Sequence[str] | None = getattr(error, "errors", None)
    text = ", ".join(errors) if errors else str(error)
    return " ".join(text.split())  # Vault lists several reasons on lines of their own
