"""What each process of the process table can reach, which may shrink and not grow unseen.

All processes of `up` run as one user, and the operating system cannot keep a file of that user from
any of them: FILES says which code reads each, and the modes keep other users out. Containers mount
to each process its own (tests/compose/). See docs/adr/0039-least-privilege.md, and
0045-what-pages-may-read.md for the web server.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import astuple, dataclass
from typing import Any, Final

import psycopg
import pytest

from chaos.drivers.local import LocalDriver
from cluster.messaging.contract import REGISTRY
from cluster.messaging.topology import EXCHANGE, QUEUES, addressed
from cluster.secrets.policies import IDENTITIES, LEASE_ROLES, PROVIDER_KEYS, policy
from cluster.secrets.postgres import database
from cluster.services import load_all
from compose.processes import services
from compose.servers.rabbitmq import USER, VHOST
from config import environment
from config.environment import DATABASES, ROOT, SERVICES
from tests.databases import superuser_session

AUDITORS: Final = " ".join(f"{name}-auditor" for name in DATABASES)
PAGES: Final = " ".join(f"{name}-pages" for name in SERVICES)
SIGNS: Final = ("read transit/keys/visitor-tokens", "update transit/sign/visitor-tokens/*")

VERDICTS: Final = ("update transit/hmac/verdicts/*",)


@dataclass(frozen=True)
class Reach:
    """What a token of one identity opens: stored secrets, database roles, and other paths."""

    secrets: str = ""
    logins: str = ""
    others: tuple[str, ...] = ()


def own_accounts(name: str) -> str:
    return f"broker/relay-{name} broker/worker-{name}"


# To have a key of the payment provider rotated, and to see when it was, without reading it.
WISHES: Final = (
    "read kv/metadata/provider",
    *(f"read,create,update kv/data/rotate/{key}" for key in PROVIDER_KEYS),
)
SERVICE: Final = {
    name: Reach(f"{own_accounts(name)} redis", name)
    for name in ("identity", "catalog", "orders", "checkout")
}
BY_IDENTITY: Final = SERVICE | {
    "site": Reach(f"broker/beat {own_accounts('site')} redis site", "site", SIGNS),
    "web": Reach("broker/web observer redis site", f"site {PAGES}", (*SIGNS, *WISHES)),
    "payments": Reach(
        f"{own_accounts('payments')} redis " + " ".join(f"rotate/{key}" for key in PROVIDER_KEYS),
        "payments",
        ("read,update kv/data/provider", "update kv/metadata/provider"),
    ),
    "provider": Reach("provider"),
    "auditor": Reach("broker/auditor redis", AUDITORS, VERDICTS),
    "observer": Reach("broker/observer observer redis", f"{AUDITORS} site"),
    "link-proxy": Reach(others=("read auth/token/lookup-self",)),
    "watchdog": Reach(others=("read auth/token/lookup-self",)),
    "runner": Reach(
        "broker/runner redis site",
        f"{AUDITORS} site",
        (
            *WISHES,
            *VERDICTS,
            "update,sudo sys/seal",
            *(f"update,sudo sys/leases/revoke-prefix/database/creds/{name}" for name in DATABASES),
        ),
    ),
    "operator": Reach(
        "*",
        "*",
        (
            "list kv/metadata/*",
            "update sys/leases/lookup",
            "list,sudo sys/leases/lookup/database/creds/*",
            "update sys/leases/revoke",
            *WISHES,
        ),
    ),
}
IDENTITY_OF: Final = {
    **{f"worker-{name}": name for name in DATABASES},
    **{f"relay-{name}": name for name in DATABASES},
    "payments-gateway": "payments",
    "provider": "provider",
    "beat": "site",
    "web": "web",
    "observer": "observer",
    "watchdog": "watchdog",
    "chaos-runner": "runner",
    "link-proxy": "link-proxy",
}


@dataclass(frozen=True)
class AtBroker:
    """The queues and exchanges that an account may configure, write to and read from."""

    configure: str = ""
    write: str = ""
    read: str = ""


def of_worker(name: str) -> AtBroker:
    consumed = "site.journal" if name == "site" else f"{name}.inbox"
    own = f"{consumed} {name}.dead {name}.tasks"
    bound = "cluster.dead cluster.events cluster.queues"
    return AtBroker(own, f"{own} cluster.dead", f"{own} {bound}")


AT_BROKER: Final = {
    **{f"worker-{name}": of_worker(name) for name in DATABASES},
    **{f"relay-{name}": AtBroker(write="cluster.events cluster.queues") for name in DATABASES},
    "beat": AtBroker(write="cluster.queues"),
    "web": AtBroker("demo.x", "cluster.queues demo.x", "cluster.queues demo.x"),
    "observer": AtBroker(
        "observer.confirms",
        "cluster.queues observer.confirms",
        "cluster.queues observer.confirms",
    ),
    "runner": AtBroker(),
    "auditor": AtBroker(),
}
# The commands of other services that each relay may publish, beside the types of its own service.
COMMANDS: Final = {
    "site": {
        "catalog.amend_product.v1", "catalog.list_product.v1", "catalog.release_stock.v1",
        "catalog.reserve_stock.v1", "checkout.start_checkout.v1", "identity.issue_token.v1",
        "identity.refresh_token.v1", "identity.request_erasure.v1", "identity.revoke_token.v1",
        "orders.request_refund.v1", "payments.authorise_payment.v1", "payments.void_payment.v1",
        *(f"{name}.{verb}.v1" for name in SERVICES
          for verb in ("replay_dead_letter", "disturb_messages")),
    },
    "checkout": {
        "identity.hold_limit.v1", "identity.release_hold.v1", "catalog.reserve_stock.v1",
        "catalog.release_stock.v1", "payments.authorise_payment.v1", "payments.void_payment.v1",
        "payments.capture_payment.v1", "payments.refund_payment.v1", "orders.confirm_order.v1",
        "orders.cancel_order.v1",
    },
}  # fmt: skip

# What pages read of each service, view by view. Every column is shown to somebody.
MESSAGES: Final = {
    "counter": "name value",
    "dead_letter": "id message_id source type subject sequence reason detail created_at "
    "replayed_at replays",
    "inbox": "message_id type applied sequence applied_at",
}
VIEWS: Final = {
    "identity": MESSAGES
    | {
        "erasure": "id receipts",
        "hold": "id state",
        "limit_restoration": "id amount",
        "spend": "id amount",
        "token_family": "id state uses updated_at",
    },
    "catalog": MESSAGES
    | {
        "product": "sku version name price listed available reserved sold",
        "reservation": "id state quantity created_at updated_at expires_at",
    },
    "orders": MESSAGES
    | {
        "orders": "id visitor sku quantity amount state version created_at updated_at",
        "refund": "id order_id state money_back stock_back limit_back created_at",
    },
    "payments": MESSAGES
    | {
        "ledger_entry": "id payment transaction account amount at",
        "payment": "id amount card state authorisation reason authorised captured voided refunded "
        "created_at updated_at",
        "provider_event": "id payment type received_at",
    },
    "checkout": MESSAGES | {"saga": "id state updated_at reason ended_at"},
}

# Who names a file of the run directory's `secrets/` in code. Servers and set-up make and read them,
# `backup` and `restore` are commands of the owner, the chaos driver is the superuser of the
# databases that it breaks, and a bench of its scratch one.
FILES: Final = {
    r"\[\"root_token\"\]": {
        "cluster/secrets/provisioning.py",
        "compose/backups/vault.py",
        "compose/unsealer.py",
    },
    r"\[\"unseal_key\"\]": {"compose/backups/vault.py", "compose/unsealer.py"},
    r"SUPERUSER_SECRET\b|\"postgres-superuser\"": {
        "chaos/benchmarks/scratch.py",
        "chaos/drivers/local.py",
        "cluster/secrets/provisioning_postgres.py",
        "compose/backups/postgres.py",
        "compose/backups/restore.py",
        "compose/servers/postgres.py",
    },
    r"(\.secret|_secret_file)\(\"broker\"\)": {
        "cluster/secrets/provisioning.py",
        "compose/servers/rabbitmq.py",
    },
    r"(\.secret|_secret_file)\(\"redis\"\)": {
        "cluster/secrets/provisioning.py",
        "compose/servers/redis.py",
    },
}

RULE: Final = re.compile(r'path "(?P<path>[^"]+)" \{ capabilities = \[(?P<words>[^]]*)\] \}')


def reach(identity: str) -> Reach:
    """Return what the policy of an identity allows."""
    secrets, logins, others = [], [], []
    rules = {
        found["path"]: found["words"].replace('"', "") for found in RULE.finditer(policy(identity))
    }
    for path, words in rules.items():
        capabilities = words.replace(" ", "")
        if path.startswith("kv/data/") and capabilities == "read":
            secrets.append(path.removeprefix("kv/data/"))
        elif path.startswith("database/creds/") and capabilities == "read":
            logins.append(path.removeprefix("database/creds/"))
        elif not is_end_of_a_login(path, rules):
            others.append(f"{capabilities} {path}")
    return Reach(" ".join(sorted(secrets)), " ".join(sorted(logins)), tuple(others))


def is_end_of_a_login(path: str, rules: dict[str, str]) -> bool:
    """Return whether a path only renews or revokes the leases of a role that may be leased."""
    found = re.fullmatch(
        r"sys/leases/(?:renew|revoke)/(database/creds/(?:\*|[\w-]+))(?:/\*)?", path
    )
    return found is not None and found[1] in rules


def test_the_brokers_user_of_the_revision_before_is_read_during_an_upgrade_alone() -> None:
    opened = {name for name in IDENTITIES if 'kv/data/broker"' in policy(name, beside_earlier=True)}
    assert opened == {*DATABASES, "auditor", "observer", "runner"}
    assert not [name for name in IDENTITIES if 'kv/data/broker"' in policy(name)]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_an_identity_reaches_at_the_vault_what_the_table_says(identity: str) -> None:
    expected = BY_IDENTITY[identity]
    ordered = Reach(
        " ".join(sorted(expected.secrets.split())),
        " ".join(sorted(expected.logins.split())),
        tuple(expected.others),
    )
    found = reach(identity)
    assert (found.secrets, found.logins) == (ordered.secrets, ordered.logins)
    assert sorted(found.others) == sorted(ordered.others)


def test_every_process_has_the_identity_that_the_table_says() -> None:
    found = {process.name: process.environment["VAULT_IDENTITY"] for process in services()}
    assert found == IDENTITY_OF
    assert set(BY_IDENTITY) == set(IDENTITIES)
    assert not {"operator", "auditor"} & set(found.values()), "those are for people and commands"


def test_no_process_leases_a_login_that_owns_tables() -> None:
    owners = {role.name for role in LEASE_ROLES if role.group.endswith("_owner")}
    assert len(owners) == len(DATABASES)
    for identity in set(IDENTITY_OF.values()):
        assert not owners & set(reach(identity).logins.split()), identity


def told_by_broker(what: str) -> list[dict[str, Any]]:
    """Return what `rabbitmqctl` lists of the running broker."""
    place = () if what == "list_users" else ("--vhost", VHOST)
    rows: list[dict[str, Any]] = json.loads(LocalDriver().broker(what, *place, "--formatter=json"))
    return rows


@pytest.mark.platform
def test_every_account_has_a_user_at_the_broker_who_administers_nothing(platform: None) -> None:
    found = {row["user"]: row["tags"] for row in told_by_broker("list_users")}
    assert found == {name: [] for name in (*AT_BROKER, USER)}


@pytest.mark.platform
def test_a_user_of_the_broker_reaches_what_the_table_says(platform: None) -> None:
    queues = {row["name"] for row in told_by_broker("list_queues")} | {"demo.x"}
    exchanges = {row["name"] or "amq.default" for row in told_by_broker("list_exchanges")}
    assert {"orders.inbox", "cluster.events", "amq.topic"} <= queues | exchanges
    names = sorted(queues | exchanges)
    found = {
        row["user"]: AtBroker(
            *(
                " ".join(name for name in names if re.search(row[right], name))
                for right in ("configure", "write", "read")
            )
        )
        for row in told_by_broker("list_permissions")
    }
    everything = " ".join(names)
    assert found.pop(USER) == AtBroker(everything, everything, everything)
    assert found == {
        account: AtBroker(*(" ".join(sorted(text.split())) for text in astuple(reach)))
        for account, reach in AT_BROKER.items()
    }


@pytest.mark.platform
def test_a_relay_publishes_the_messages_of_its_service_and_no_others(platform: None) -> None:
    load_all()  # every contract
    rules = {
        (row["user"], row["exchange"]): row["write"]
        for row in told_by_broker("list_topic_permissions")
    }
    for name in DATABASES:
        own = {known.name for known in REGISTRY.values() if known.owner == name}
        said = {type_ for type_ in REGISTRY if re.search(rules[f"relay-{name}", EXCHANGE], type_)}
        assert said == own | COMMANDS.get(name, set())
        for to in ("checkout.inbox", "site.journal"):
            rule = rules[f"relay-{name}", QUEUES]
            sent = {type_ for type_ in REGISTRY if re.search(rule, addressed(type_, to))}
            assert sent == (set(REGISTRY) if to.startswith(f"{name}.") else said)
        assert rules[f"worker-{name}", EXCHANGE] == rules[f"worker-{name}", QUEUES] == "^$"


@pytest.mark.platform
def test_the_journal_holds_nothing_that_its_sender_may_not_say(platform: None) -> None:
    services = {service.name: service.publishes() for service in load_all()}
    with superuser_session("site") as connection:
        said = connection.execute("SELECT DISTINCT envelope->>'source', type FROM journal")
        assert [(source, type_) for source, type_ in said if type_ not in services[source]] == []


@pytest.mark.parametrize("named", FILES)
def test_a_file_with_a_password_is_read_where_the_table_says(named: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("articles", "chaos", "cluster", "compose", "config", "portfolio")
        for path in (ROOT / package).rglob("*.py")
        if re.search(named, path.read_text())
    }
    assert found == FILES[named]


@pytest.mark.platform
def test_no_other_user_of_the_machine_reads_a_secret(platform: None) -> None:
    folder = environment.run_directory() / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stem for path in files if path.parent.name == "approle"} == set(IDENTITIES)
    for path in files:
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.geteuid()), path


@pytest.mark.platform
@pytest.mark.parametrize("name", DATABASES)
def test_a_service_changes_rows_of_its_database_and_owns_nothing(platform: None, name: str) -> None:
    with superuser_session(name) as connection:
        owners = connection.execute(
            "SELECT DISTINCT relowner::regrole::text FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace"
        ).fetchall()
        assert owners == [(f"{name}_owner",)]
        granted = connection.execute(
            "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = %s",
            [f"{name}_service"],
        ).fetchall()
        assert {privilege for (privilege,) in granted} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
        may_create = connection.execute(
            "SELECT has_schema_privilege(%(role)s, 'public', 'CREATE'), "
            "has_database_privilege(%(role)s, current_database(), 'CREATE, TEMPORARY')",
            {"role": f"{name}_service"},
        ).fetchone()
        assert may_create == (False, False)


def test_what_faces_strangers_can_write_to_no_database_but_the_sites() -> None:
    """Its code takes no other identity either, whose file `up` cannot keep from it."""
    roles = {role.name: role for role in LEASE_ROLES}
    leased = [roles[name] for name in reach("web").logins.split()]
    assert {(role.database, role.right) for role in leased} == {
        ("site", "service"),
        *((name, "pages") for name in SERVICES),
    }
    borrowing = re.compile(r"auditor=True|\bidentity=\"|for_identity\(\"|acting_identity\(")
    found = {
        str(path.relative_to(ROOT))
        for package in ("portfolio", "articles", "cluster/kit", "cluster/storefront")
        for path in (ROOT / package).rglob("*.py")
        if borrowing.search(path.read_text())
    }
    assert found == set()


@pytest.mark.platform
@pytest.mark.parametrize("name", SERVICES)
def test_pages_read_of_a_service_the_columns_that_the_table_says(platform: None, name: str) -> None:
    with superuser_session(name) as connection:
        columns: dict[str, list[str]] = {}
        for view, column in connection.execute(
            "SELECT table_name::text, column_name::text FROM information_schema.columns "
            "WHERE table_schema = 'pages' ORDER BY table_name, ordinal_position"
        ):
            columns.setdefault(view, []).append(column)
        assert {view: " ".join(names) for view, names in columns.items()} == VIEWS[name]
        granted = connection.execute(
            "SELECT table_schema::text, table_name::text, privilege_type::text "
            "FROM information_schema.role_table_grants WHERE grantee = %s",
            [f"{name}_pages"],
        ).fetchall()
        assert sorted(granted) == sorted(("pages", view, "SELECT") for view in VIEWS[name])


@pytest.mark.platform
@pytest.mark.parametrize("name", SERVICES)
def test_the_login_of_pages_is_refused_every_table(platform: None, name: str) -> None:
    """With the web server's own lease, also after it has left its role and its read-only mode."""
    holder = database(name, identity="web", pages=True)
    with holder.connect(autocommit=True) as connection:
        for view in VIEWS[name]:
            connection.execute(f"SELECT * FROM {view} LIMIT 1".encode())
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET ROLE NONE")
        tables = [
            table
            for (table,) in connection.execute(
                "SELECT relname FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
            )
        ]
        assert len(tables) > len(VIEWS[name])
        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT 1 FROM public.{table} LIMIT 1".encode())
        for view in VIEWS[name]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"DELETE FROM pages.{view}".encode())


@pytest.mark.platform
def test_the_web_server_opens_no_session_that_could_write_to_a_service(platform: None) -> None:
    for name in SERVICES:
        with superuser_session(name) as connection:
            logins = connection.execute(
                "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE application_name = 'web'"
            ).fetchall()
        assert all(login.startswith(f"lease_{name}-pages_") for (login,) in logins), logins
