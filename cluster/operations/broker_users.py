"""Making the users of the broker, each with the rights of one kind of process.

AMQP can make no user. A broker that `up` has started is told by `rabbitmqctl`, one elsewhere by its
management API, as the administrator whose address BROKER_ADMIN_URL gives.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from cluster.messaging.broker_permissions import definitions, rights
from cluster.secrets.broker_accounts import IDENTITY_OF, OPERATOR, has_own_users, secret_of
from cluster.secrets.vault import VaultClient
from cluster.services import load_all
from compose.errors import PlainError
from compose.run_directory import RunDirectory
from compose.servers.rabbitmq import BrokerCommandFailed, local_broker, password_hash
from config import environment

PATIENCE: Final = 30.0  # seconds


def make_users() -> int:
    """Make the user of each account or bring it up to date, and return how many there are.

    None where the broker cannot be administered: each account is then the operator's user. Raises
    PlainError.
    """
    broker = urlsplit(environment.setting("BROKER_URL"))
    if broker.username or not has_own_users():
        return 0
    vault = VaultClient.for_identity(OPERATOR)
    accounts = {account: vault.read_kv(secret_of(account)) for account in (OPERATOR, *IDENTITY_OF)}
    document = definitions(
        rights(load_all()),
        {
            account: password_hash(found["password"], salt=secrets.token_bytes(4))
            for account, found in accounts.items()
        },
        unquote(broker.path.removeprefix("/")) or "/",
    )
    if address := environment.broker_admin_url():
        send_definitions(address, accounts[OPERATOR], document)
    else:
        _import(document)
    return len(IDENTITY_OF)


def _import(document: Mapping[str, Any]) -> None:
    run = RunDirectory(environment.run_directory())
    node = local_broker(run)
    if node is None:
        raise PlainError("The broker's users cannot be made: no RabbitMQ of ours is here.")
    with NamedTemporaryFile("w", dir=node.data, suffix=".json") as file:  # of mode 0600
        file.write(json.dumps(document))
        file.flush()
        try:
            node.control("import_definitions", file.name, patience=PATIENCE)
        except BrokerCommandFailed as error:
            raise PlainError(f"The broker's users cannot be made: {error}") from error


def send_definitions(address: str, account: Mapping[str, str], document: Mapping[str, Any]) -> None:
    """Post the document to the management API, as the operator unless the address names a user."""
    parts = urlsplit(address)
    login = (account["username"], account["password"])
    if parts.username is not None:
        login = (unquote(parts.username), unquote(parts.password or ""))
    place = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, place, f"{parts.path.rstrip('/')}/api/definitions", "", ""))
    with requests.Session() as session:
        # A proxy from the environment must not come between two processes of one machine.
        session.trust_env = parts.hostname not in ("127.0.0.1", "localhost", "::1")
        session.auth = login
        try:
            answer = session.post(url, json=document, timeout=PATIENCE)
        except requests.RequestException as error:
            raise PlainError(f"The broker's management API at {place}: {error}") from error
    if not answer.ok:
        raise PlainError(
            f"The broker's management API at {place} makes no users for {login[0]}: "
            f"{answer.status_code} {' '.join(answer.text.split())[:200]}"
        )
