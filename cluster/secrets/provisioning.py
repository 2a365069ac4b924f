"""Make Vault and the database servers ready: `python -m cluster.secrets.provisioning`.

With `--beside-earlier` for processes of the revision before too, which still run.

Everything is compared first and written only when it differs, so that a second run changes nothing.
It needs, in the run directory's `secrets/`: `openbao.json` (root token), `postgres-superuser`,
`broker` and `redis` (passwords).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from cluster.secrets import broker_accounts, policies
from cluster.secrets import provisioning_postgres as server
from cluster.secrets.vault import (
    SecretNotFound,
    SecretsError,
    SecretsUnavailable,
    VaultClient,
)
from config import environment
from config.environment import DATABASES
from config.waiting import wait_until

UPGRADE_WITHIN: Final = 20.0  # seconds
UPGRADE_PAUSE: Final = 0.1  # seconds; the upgrade takes well under one

Progress = Callable[[str], None]


class ProvisioningError(Exception):
    """A step of the set-up could not be done, for the reason that the message gives."""


def provision(
    progress: Progress,
    *,
    databases: Sequence[str] = DATABASES,
    beside_earlier: bool = False,
) -> None:
    """Bring Vault and the servers of `databases` into the state that the services need.

    Databases whose URL carries a user are left alone. Raises ProvisioningError.
    """
    try:
        vault = VaultClient(token=_root_token())
        progress("Vault: engines and stored secrets")
        _enable_engines(vault)
        _store_secrets(vault, beside_earlier=beside_earlier)
        progress("Vault: policies and identities")
        for identity in policies.IDENTITIES:
            _admit(vault, identity, beside_earlier=beside_earlier)
        for database in databases:
            if "user" in _address(database):
                continue
            progress(f"{database}: database, roles and leases")
            _prepare_database(vault, database, beside_earlier=beside_earlier)
    except (SecretsError, psycopg.Error, OSError) as error:
        raise ProvisioningError(f"setting up secrets failed: {error}") from error


def _enable_engines(vault: VaultClient) -> None:
    mounts = vault.read("sys/mounts")["data"]
    if "kv/" not in mounts:
        vault.write("sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
    _await_versioned_store(vault)
    if "database/" not in mounts:
        vault.write("sys/mounts/database", {"type": "database"})
    if "transit/" not in mounts:
        vault.write("sys/mounts/transit", {"type": "transit"})
    if not _found(vault, f"transit/keys/{policies.SIGNING_KEY}"):
        key = {"type": "ecdsa-p256", "auto_rotate_period": policies.SIGNING_KEY_LIFE}
        vault.write(f"transit/keys/{policies.SIGNING_KEY}", key)
    if not _found(vault, f"transit/keys/{policies.VERDICT_KEY}"):
        vault.write(f"transit/keys/{policies.VERDICT_KEY}", {"type": "hmac", "key_size": 32})
    if "approle/" not in vault.read("sys/auth")["data"]:
        vault.write("sys/auth/approle", {"type": "approle"})


def _await_versioned_store(vault: VaultClient) -> None:
    """Wait until a new kv engine has turned itself into a versioned one.

    It refuses requests (400) until then. Raises ProvisioningError when it has not.
    """

    def is_versioned() -> bool:
        try:
            vault.read("kv/config")
        except SecretsUnavailable:
            raise
        except SecretsError as error:
            if "pgrading" not in str(error):
                raise
            return False
        return True

    wait_until(
        is_versioned,
        within=UPGRADE_WITHIN,
        every=UPGRADE_PAUSE,
        failure=ProvisioningError(
            f"the kv engine has not become a versioned one within {UPGRADE_WITHIN:.0f} s"
        ),
    )


def _store_secrets(vault: VaultClient, *, beside_earlier: bool) -> None:
    """Store the passwords of the servers as their files have them, and create missing keys."""
    _store_broker_accounts(vault)
    if not beside_earlier:
        vault.request("delete", policies.EARLIER_BROKER_USER.replace("/data/", "/metadata/"))
    _store(vault, "redis", {"password": _secret_file("redis")})
    for name, keys in (
        ("site", ("secret_key",)),
        ("provider", ("api_key", "webhook_secret")),
        ("observer", ("key",)),
    ):
        try:
            vault.read_kv(name)
        except SecretNotFound:
            _store(vault, name, {key: secrets.token_urlsafe(48) for key in keys})
    _date_provider_keys(vault)


def _date_provider_keys(vault: VaultClient) -> None:
    """Let the age of keys count from now that have none: new ones, or an earlier revision's."""
    found = vault.read("kv/data/provider")["data"]
    now = datetime.now(UTC).isoformat()
    undated = {
        f"{key}_since": now for key in policies.PROVIDER_KEYS if f"{key}_since" not in found["data"]
    }
    if undated:
        cas = {"cas": found["metadata"]["version"]}  # the gateway may rotate one meanwhile
        vault.write("kv/data/provider", {"data": {**found["data"], **undated}, "options": cas})


def _store_broker_accounts(vault: VaultClient) -> None:
    """Store an account at the broker for each kind of process, as `prepare` makes its user.

    Where no users can be made, each account is the operator's user, the only one there is.
    """
    operator = {
        "username": broker_accounts.OPERATORS_USER,
        "password": _secret_file("broker"),
    }
    _store(vault, broker_accounts.secret_of(broker_accounts.OPERATOR), operator)
    for account in broker_accounts.IDENTITY_OF:
        name = broker_accounts.secret_of(account)
        if not broker_accounts.has_own_users():
            _store(vault, name, operator)
        elif _found(vault, f"kv/data/{name}").get("data", {}).get("username") != account:
            own = {"username": account, "password": secrets.token_urlsafe(32)}
            vault.write(f"kv/data/{name}", {"data": own})


def _store(vault: VaultClient, name: str, fields: Mapping[str, str]) -> None:
    try:
        if vault.read_kv(name) == fields:
            return
    except SecretNotFound:
        pass
    vault.write(f"kv/data/{name}", {"data": fields})


def _admit(vault: VaultClient, identity: str, *, beside_earlier: bool) -> None:
    """Store the policy and AppRole of one identity, and its secret id in a private file."""
    policy_path = f"sys/policies/acl/{identity}"
    policy = policies.policy(identity, beside_earlier=beside_earlier)
    if _found(vault, policy_path).get("policy") != policy:
        vault.write(policy_path, {"policy": policy})
    role_path = f"auth/approle/role/{identity}"
    role = policies.approle(identity)
    _write_if_different(vault, role_path, role)
    role_id = vault.read(f"{role_path}/role-id")["data"]["role_id"]
    file = environment.approle_file(identity)
    known = _known_secret_id(vault, role_path, role_id, file)
    if known.get("secret_id_ttl") == role["secret_id_ttl"]:
        return
    answer = vault.write(f"{role_path}/secret-id")
    approle = {"role_id": role_id, "secret_id": answer["data"]["secret_id"]}
    write_private_file(file, json.dumps(approle))
    if known:  # one of an earlier revision, which would never expire
        accessor = {"secret_id_accessor": known["secret_id_accessor"]}
        vault.write(f"{role_path}/secret-id-accessor/destroy", accessor)


def _known_secret_id(
    vault: VaultClient, role_path: str, role_id: str, file: Path
) -> dict[str, Any]:
    """Return what Vault knows of the file's secret id, or nothing if it does not accept it."""
    try:
        approle = json.loads(file.read_text())
        if approle["role_id"] != role_id:
            return {}
        found = vault.write(f"{role_path}/secret-id/lookup", {"secret_id": approle["secret_id"]})
    except (FileNotFoundError, ValueError, KeyError, SecretNotFound):
        return {}
    return dict(found.get("data") or {})


def _prepare_database(vault: VaultClient, database: str, *, beside_earlier: bool) -> None:
    with server.superuser_connection(database) as connection:
        server.prepare_server(connection, database)
        if not beside_earlier:
            server.let_services_be_services(connection, database)
        elif _leases_are_owners(vault, database):
            server.let_services_be_owners(connection, database)
        roles = [role for role in policies.LEASE_ROLES if role.database == database]
        config = _engine_config(database, [role.name for role in roles])
        path = f"database/config/{database}"
        if not server.vault_knows_admin(connection) or not _same_config(
            _found(vault, path), config
        ):
            password = server.set_new_admin_password(connection)
            vault.write(path, {**config, "password": password})
            server.mark_admin_known(connection)
        for role in roles:
            _write_if_different(vault, f"database/roles/{role.name}", role.definition())


def _leases_are_owners(vault: VaultClient, database: str) -> bool:
    """Return whether services lease logins of the owner, as they did before decision 39."""
    statements = _found(vault, f"database/roles/{database}").get("creation_statements", [])
    return any(f"{database}_owner" in statement for statement in statements)


def _engine_config(database: str, roles: Sequence[str]) -> dict[str, Any]:
    address = _address(database)
    place = f"{address['host']}:{address.get('port', 5432)}/{address['dbname']}"
    encryption = address.get("sslmode", "disable")
    return {
        "plugin_name": "postgresql-database-plugin",
        "allowed_roles": list(roles),
        "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{place}"
        f"?sslmode={encryption}&connect_timeout=3&application_name=vault",
        "username": server.VAULT_ADMIN,
        "max_open_connections": 2,
        "username_template": "lease_{{.RoleName}}_{{unix_time}}_{{random 8}}",
    }


def _same_config(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    details = {**stored, **stored.get("connection_details", {})}
    return all(details.get(key) == value for key, value in wanted.items())


def _write_if_different(vault: VaultClient, path: str, wanted: Mapping[str, Any]) -> None:
    stored = _found(vault, path)
    if any(stored.get(key) != value for key, value in wanted.items()):
        vault.write(path, wanted)


def _found(vault: VaultClient, path: str) -> dict[str, Any]:
    """Return the data at a path, or an empty dict when there is none."""
    try:
        data: dict[str, Any] = vault.read(path)["data"]
    except SecretNotFound:
        return {}
    return data


def _address(database: str) -> dict[str, Any]:
    return conninfo_to_dict(environment.database_url(database))


def _secret_file(name: str) -> str:
    return (environment.run_directory() / "secrets" / name).read_text().strip()


def _root_token() -> str:
    token: str = json.loads(_secret_file("openbao.json"))["root_token"]
    return token


def write_private_file(path: Path, text: str) -> None:
    """Write a file of mode 0600 in a folder of mode 0700, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def main() -> int:
    try:
        provision(print, beside_earlier="--beside-earlier" in sys.argv[1:])
    except (ProvisioningError, environment.MissingSetting) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
