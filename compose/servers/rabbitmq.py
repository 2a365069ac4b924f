"""RabbitMQ and its port mapper, apart from every other Erlang node of the machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import amqp

from compose.process import Process
from compose.run_directory import RunDirectory, write_private
from compose.system_packages import epmd, installed, rabbitmq_server

VHOST: Final = "cluster"
USER: Final = "cluster"
NODE: Final = "cluster@localhost"
COOKIE_LENGTH: Final = 32
MEMORY_WATERMARK: Final = 0.4  # of the machine's memory; publishers wait above it

# No path in it but a relative one: the node runs in its data directory, whose name may hold
# any character.
SETTINGS: Final = """\
listeners.tcp.local = 127.0.0.1:{port}
load_definitions = definitions.json
log.console = true
log.console.level = warning
log.file = false
# The usual 50 MB is too late on a disk that six databases share.
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.relative = {watermark}
# Nobody reads the management statistics, so that nobody need count them.
collect_statistics = none
collect_statistics_interval = 60000
heartbeat = 10
"""


class BrokerCommandFailed(Exception):
    """`rabbitmqctl` could not do what it was told to."""


@dataclass(frozen=True)
class Epmd:
    """Erlang's port mapper, supervised because one that the broker starts would outlive it."""

    port: int

    name = "epmd"
    variable = "BROKER_URL"

    def prepare(self) -> None:
        """Do nothing, since it keeps no data."""

    def process(self) -> Process:
        program = installed(epmd(), "epmd, a part of Erlang,", "erlang-base")
        return Process(
            name=self.name,
            command=(str(program), "-port", str(self.port), "-address", "127.0.0.1"),
            # A client must not be able to stop it, and its stopping must not wait for the broker.
            environment={"ERL_EPMD_PORT": str(self.port)},
            patience=1.0,
            stop_phase=1,
            is_server=True,
        )

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class RabbitMQ:
    """The one broker. The password of the operator's user, `cluster`, lies in `secrets/broker`."""

    port: int
    distribution_port: int
    epmd_port: int
    run: RunDirectory

    name = "rabbitmq"
    variable = "BROKER_URL"

    @property
    def url(self) -> str:
        """The address, with `pyamqp`.

        With `amqp`, the client would be librabbitmq, which does not wait for confirms.
        """
        return f"pyamqp://127.0.0.1:{self.port}/{VHOST}"

    @property
    def data(self) -> Path:
        return self.run.data("rabbitmq")

    def prepare(self) -> None:
        self.data.mkdir(exist_ok=True)
        cookie = self.data / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(COOKIE_LENGTH // 2).upper())
            cookie.chmod(0o400)
        accounts = json.dumps(definitions(self.run.secret("broker")))
        write_private(self.data / "definitions.json", accounts)
        settings = SETTINGS.format(port=self.port, watermark=MEMORY_WATERMARK)
        write_private(self.data / "rabbitmq.conf", settings)
        write_private(self.data / "advanced.config", "[].\n")
        write_private(self.data / "enabled_plugins", "[rabbitmq_consistent_hash_exchange].\n")

    def process(self) -> Process:
        program = installed(rabbitmq_server(), "RabbitMQ", "rabbitmq-server")
        return Process(
            name=self.name,
            command=(str(program),),
            environment=self.environment(),
            folder=self.data,
            patience=7.0,  # it closes a quorum queue in about a quarter of a second
            slow_to_stop=True,
            is_server=True,
        )

    def environment(self) -> Mapping[str, str]:
        """Return the variables that keep the node and `rabbitmqctl` to its own files and ports."""
        data = self.run.plain(self.data)  # the node does not finish its start in every directory
        return {
            "HOME": str(data),  # the cookie
            "RUNNING_UNDER_SYSTEMD": "true",  # exec: the pid is the broker's own
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(data / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(data / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_GENERATED_CONFIG_DIR": str(data / "generated"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(data / "plugins"),
            "RABBITMQ_PID_FILE": str(data / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
            ),
        }

    def control(self, *arguments: str, patience: float) -> str:
        """Run `rabbitmqctl` on this node, and return what it prints.

        Raises BrokerCommandFailed, with the reason, also when it takes longer than `patience` s.
        """
        server = installed(rabbitmq_server(), "RabbitMQ", "rabbitmq-server")
        try:
            done = subprocess.run(
                [str(server.with_name("rabbitmqctl")), "--quiet", *arguments],
                env={
                    **self.environment(),
                    # The command is an Erlang node while it runs, so it also listens on an address.
                    "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
                    "PATH": f"{os.defpath}:/usr/local/bin:/usr/sbin:/sbin",
                    "LANG": "C.UTF-8",
                },
                cwd=self.data,
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BrokerCommandFailed(f"rabbitmqctl {arguments[0]}: {error}") from error
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split()) or "it did not say why"
            raise BrokerCommandFailed(f"rabbitmqctl {arguments[0]}: {said[:300]}")
        return done.stdout

    def is_ready(self) -> bool:
        """Return whether our user may open a connection to our virtual host."""
        connection = amqp.Connection(
            host=f"127.0.0.1:{self.port}",
            userid=USER,
            password=self.run.secret("broker"),
            virtual_host=VHOST,
            connect_timeout=2,
            read_timeout=2,
        )
        try:
            connection.connect()
            connection.close()
        except (OSError, amqp.AMQPError):
            return False
        return True


def local_broker(run: RunDirectory) -> RabbitMQ | None:
    """Return the broker that `up` has started here, or None where there is none."""
    ports = run.read_state().get("ports", {})
    if rabbitmq_server() is None or "rabbitmq" not in ports:
        return None
    return RabbitMQ(
        port=ports["rabbitmq"],
        distribution_port=ports["rabbitmq-distribution"],
        epmd_port=ports["epmd"],
        run=run,
    )


def definitions(password: str) -> dict[str, list[dict[str, str]]]:
    """Return definitions with the operator's user, since a node that has any makes no `guest`.

    That user makes those of the processes at each set-up (cluster/operations/broker_users.py).
    """
    return {
        "users": [
            {
                "name": USER,
                "password_hash": password_hash(password, salt=secrets.token_bytes(4)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",  # no plugin asks for one, and none would administer by AMQP
            }
        ],
        "vhosts": [{"name": VHOST}],
        "permissions": [
            {"user": USER, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}
        ],
    }


def password_hash(password: str, *, salt: bytes) -> str:
    """Return RabbitMQ's hash: base64 of a four-byte salt and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
