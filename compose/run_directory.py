"""The run directory: where a platform keeps its data, logs, secrets and addresses."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compose.errors import PlainError

NEEDED_SPACE: Final = 500 * 1024**2  # bytes; a test run was seen with 325 MB of data
PLAIN: Final = re.compile(r"[A-Za-z0-9_./+@=,-]+")
LONGEST_SOCKET_PATH: Final = 100  # bytes; the kernel allows 107


@dataclass(frozen=True)
class RunDirectory:
    """Paths inside one run directory, whose own `path` is absolute and resolved."""

    path: Path

    @property
    def platform_file(self) -> Path:
        return self.path / "platform.json"

    @property
    def state_file(self) -> Path:
        """The file in which compose alone keeps ports and the last success between starts."""
        return self.path / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "up.lock"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    def data(self, server: str) -> Path:
        return self.path / "data" / server

    def plain_folder(self) -> Path:
        """Return a private folder with a short, plain name, outside of the run directory.

        For what cannot have every path: a unix socket, whose path must be short, and the
        data of a server that splits paths at blanks.
        """
        folder = Path(f"/tmp/working-timetable-{os.geteuid()}-{self.secret('platform-id')}")  # noqa: S108
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        return folder

    def plain(self, path: Path) -> Path:
        """Return the path itself when its characters are plain, else a link to it that is plain."""
        if PLAIN.fullmatch(str(path)):
            return path
        link = self.plain_folder() / path.name
        if not link.is_symlink() or link.readlink() != path:
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        return link

    def log(self, process: str) -> Path:
        return self.path / "log" / f"{process}.log"

    def make(self) -> None:
        """Create the directory and its parts, or raise PlainError when that is impossible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # PostgreSQL's user may pass through, and reads only its own files.
            self.path.chmod(0o711)
            for name, mode in (("log", 0o700), ("data", 0o711), ("secrets", 0o700)):
                (self.path / name).mkdir(exist_ok=True)
                (self.path / name).chmod(mode)
            probe = self.path / ".probe"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise PlainError(_unusable(self.path, error)) from error
        free = shutil.disk_usage(self.path).free
        if free < NEEDED_SPACE:
            raise PlainError(
                f"Only {free // 1024**2} MB are free on the disk of {self.path}, and the platform "
                f"needs {NEEDED_SPACE // 1024**2}; free some, or name another run directory in "
                "PORTFOLIO_RUN_DIR."
            )

    def secret(self, name: str) -> str:
        """Return the content of a secret file, made of random characters when it is missing."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def read_state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self.state_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return state

    def update_state(self, **changes: object) -> None:
        """Merge changes into state.json."""
        state = {**self.read_state(), **changes}
        write_private(self.state_file, json.dumps(state, indent=2))

    def read_addresses(self) -> dict[str, str]:
        addresses: dict[str, str] = json.loads(self.platform_file.read_text())
        return addresses

    def write_addresses(self, addresses: Mapping[str, str]) -> None:
        """Record where everything is, for `config.environment`."""
        write_private(self.platform_file, json.dumps(dict(addresses), indent=2))


def socket_path(run: RunDirectory, name: str) -> Path:
    """Return the path of a unix socket, in /tmp when the usual path is too long."""
    path = run.path / f"{name}.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return run.plain_folder() / path.name


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader sees the old or the new text, never half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _unusable(path: Path, error: OSError) -> str:
    mend = "name another one in PORTFOLIO_RUN_DIR"
    match error.errno:
        case errno.EEXIST | errno.ENOTDIR:
            return f"The run directory {path} is, or lies under, a file; {mend}."
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of the run directory {path} is full; free some space, or {mend}."
        case errno.EROFS:
            return f"The run directory {path} lies on a read-only disk; {mend}."
        case errno.EACCES | errno.EPERM:
            return f"The run directory {path} may not be read or written by this user; {mend}."
    return f"The run directory {path} cannot be used ({error.strerror}); {mend}."
