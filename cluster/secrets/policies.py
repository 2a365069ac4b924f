"""The rights to secrets: Vault's policies and the roles of its database engine, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from cluster.secrets import broker_accounts
from config import environment
from config.environment import DATABASES, SERVICES

IDENTITIES: Final = (
    *DATABASES,
    "provider",
    "auditor",
    "observer",
    "operator",
    "link-proxy",
    "watchdog",
    "runner",
    "web",
)
# Signs visitors' tokens (cluster/secrets/transit.py). Its private half never leaves Vault.
SIGNING_KEY: Final = "visitor-tokens"
SIGNING_KEY_LIFE: Final = 30 * 24 * 3600  # seconds; then Vault makes a new version by itself
# The keys of the payment provider, which the gateway rotates (cluster/payments/provider_keys.py).
PROVIDER_KEYS: Final = ("api_key", "webhook_secret")
# Authenticates the checkpoint of a verdict, for those who may give verdicts.
VERDICT_KEY: Final = "verdicts"
TOKEN_PERIOD: Final = 20 * 60  # seconds; a token that is renewed in time never expires

_READ: Final = ("read",)
_UPDATE: Final = ("update",)
_WRITE: Final = ("create", "update")
_SEARCH: Final = ("list", "sudo")  # listing leases requires sudo, whatever the path
_BREAK: Final = ("update", "sudo")  # so do sealing, and revoking all leases of a role


# The broker's one user of the revision before, and who read it.
EARLIER_BROKER_USER: Final = "kv/data/broker"
_EARLIER_READERS: Final = frozenset({*DATABASES, "auditor", "observer", "runner"})


def policy(identity: str, *, beside_earlier: bool = False) -> str:
    """Return the policy document of one identity, in Vault's language (HCL).

    With `beside_earlier` it also opens what processes of the revision before need.
    """
    rules = dict(_rules(identity))
    if beside_earlier and identity in _EARLIER_READERS:
        rules[EARLIER_BROKER_USER] = _READ
    return "\n".join(
        f'path "{path}" {{ capabilities = [{", ".join(f"{word!r}" for word in words)}] }}'.replace(
            "'", '"'
        )
        for path, words in rules.items()
    )


def _rules(identity: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    match identity:
        case "provider":
            yield "kv/data/provider", _READ
        case "operator":
            yield from _lease_rules("*")
            yield "kv/data/*", _READ
            yield "kv/metadata/*", ("list",)
            yield "sys/leases/lookup", _UPDATE
            yield "sys/leases/lookup/database/creds/*", _SEARCH
            yield "sys/leases/revoke", _UPDATE
            yield from _wish_rules()
        case "link-proxy" | "watchdog":
            # They need no secret, but Vault takes no policy without a rule.
            yield "auth/token/lookup-self", _READ
        case "auditor":
            yield from _audit_rules(identity)
            yield f"transit/hmac/{VERDICT_KEY}/*", _UPDATE
        case "observer":
            yield from _audit_rules(identity)
            yield "kv/data/observer", _READ
            yield from _lease_rules("site")  # where it keeps the outages that it has observed
        case "runner":
            # It starts checkouts as the site does, and examines them as an auditor.
            yield from _audit_rules(identity)
            yield f"transit/hmac/{VERDICT_KEY}/*", _UPDATE
            yield from _lease_rules("site")
            yield "kv/data/site", _READ
            yield from _fault_rules()
            yield from _wish_rules()
        case "web":
            # It faces strangers, so of another service it reads what its pages show.
            for role in LEASE_ROLES:
                if role.name == "site" or role.right == "pages":
                    yield from _lease_rules(role.name)
            yield from _message_rules(identity)
            yield from _signing_rules()
            yield "kv/data/observer", _READ
            yield from _wish_rules()
        case _:
            yield from _service_rules(identity)


def _service_rules(service: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights of a service's worker and relay."""
    yield from _lease_rules(service)
    yield from _message_rules(service)
    if service == "site":
        # As the web server of the revision before, which may still run in an upgrade.
        yield from _signing_rules()
    if service == "payments":
        yield "kv/data/provider", ("read", "update")
        yield "kv/metadata/provider", _UPDATE
        for key in PROVIDER_KEYS:
            yield f"kv/data/rotate/{key}", _READ


def _lease_rules(role: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights to lease one database role, and to renew and revoke its leases."""
    yield f"database/creds/{role}", _READ
    leases = f"database/creds/{role}" if role == "*" else f"database/creds/{role}/*"
    yield f"sys/leases/renew/{leases}", _UPDATE
    yield f"sys/leases/revoke/{leases}", _UPDATE


def _wish_rules() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights to have the provider's keys rotated, and to see when they were."""
    yield "kv/metadata/provider", _READ
    for key in PROVIDER_KEYS:
        yield f"kv/data/rotate/{key}", (*_READ, *_WRITE)


def _audit_rules(identity: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights to read every database, and to connect to the broker and the cache."""
    for database in DATABASES:
        yield from _lease_rules(f"{database}-auditor")
    yield from _message_rules(identity)


def _fault_rules() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights to break Vault on purpose: chaos/faults/secrets.py."""
    yield "sys/seal", _BREAK
    for database in DATABASES:
        yield f"sys/leases/revoke-prefix/database/creds/{database}", _BREAK


def _signing_rules() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rights to Django's secret key, and to sign visitors' tokens."""
    yield "kv/data/site", _READ
    yield f"transit/keys/{SIGNING_KEY}", _READ
    yield f"transit/sign/{SIGNING_KEY}/*", _UPDATE


def _message_rules(identity: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "kv/data/redis", _READ
    for account, reader in broker_accounts.IDENTITY_OF.items():
        if reader == identity:
            yield f"kv/data/{broker_accounts.secret_of(account)}", _READ


def approle(identity: str) -> dict[str, Any]:
    """Return the AppRole of one identity.

    The token is periodic rather than bounded by a maximum, because Vault revokes a token's leases
    with it: a token's end would end sessions in the middle of their work. The secret id expires
    where somebody renews it, as `compose.unsealer` does for a Vault that `up` has started.
    """
    return {
        "token_policies": [f"{identity}"],
        "token_period": TOKEN_PERIOD,
        "token_type": "service",
        "secret_id_num_uses": 0,
        "secret_id_ttl": int(environment.setting("SECRET_ID_TTL", "0")),
    }


CREATION: Final = (
    """CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' """
    """VALID UNTIL '{{expiration}}' IN ROLE "GROUP\""""
)
RENEWAL: Final = """ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'"""
ROLLBACK: Final = 'DROP ROLE IF EXISTS "{{name}}"'

# Vault runs these in one transaction, in which NOLOGIN stays invisible until the end: a service
# whose session is terminated reconnects within milliseconds, and such a session survives even the
# DROP ROLE. So the first statement is committed by itself. The terminations end with a sweep for
# sessions of roles that are gone. Each statement may run again.
REVOCATION: Final = (
    """DO $$ BEGIN
         IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN
           ALTER ROLE "{{name}}" NOLOGIN;
         END IF;
       END $$""",
    "COMMIT",
    "BEGIN",
    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE usename = '{{name}}' OR (usesysid IS NOT NULL AND usename IS NULL)""",
    """DO $$ BEGIN
         IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{{name}}') THEN
           GRANT "{{name}}" TO CURRENT_USER;
           REASSIGN OWNED BY "{{name}}" TO "OWNER";
           DROP OWNED BY "{{name}}";
           DROP ROLE "{{name}}";
         END IF;
       END $$""",
)


# What a leased login may do: change rows, change tables too, only read, or only read the views that
# a service has made for pages.
Right = Literal["service", "owner", "auditor", "pages"]


@dataclass(frozen=True, slots=True)
class LeaseRole:
    """One role of the database engine: the rights of a lease in its database."""

    database: str
    right: Right

    @property
    def name(self) -> str:
        return self.database if self.right == "service" else f"{self.database}-{self.right}"

    @property
    def group(self) -> str:
        """The PostgreSQL role that the leased login is a member of."""
        return f"{self.database}_{self.right}"

    def definition(self) -> Mapping[str, Any]:
        """Return the role for Vault: its statements and the life of a lease, in seconds."""
        return {
            "db_name": self.database,
            "default_ttl": int(environment.setting("DATABASE_LEASE_TTL", "60")),
            "max_ttl": int(environment.setting("DATABASE_LEASE_MAX_TTL", "180")),
            "creation_statements": [CREATION.replace("GROUP", self.group)],
            "renew_statements": [RENEWAL],
            "rollback_statements": [ROLLBACK],
            "revocation_statements": [
                statement.replace("OWNER", f"{self.database}_owner") for statement in REVOCATION
            ],
        }


def rights_in(database: str) -> tuple[Right, ...]:
    """Return the rights that a login of this database may have. The site's pages are its own."""
    return ("service", "owner", "auditor", *(("pages",) if database in SERVICES else ()))


LEASE_ROLES: Final = tuple(
    LeaseRole(database, right) for database in DATABASES for right in rights_in(database)
)
