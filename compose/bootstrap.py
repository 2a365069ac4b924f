"""Make the platform's own environment on a bare machine. Standard library only.

`manage.py` enters here with any Python. The virtual environment is made if it is
missing or if a lock has changed, and the command then runs again inside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from compose import arguments, system_packages
from compose.errors import Misuse, PlainError

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
LOCKS: Final = ROOT / "compose" / "locks"
INSTALLER: Final = LOCKS / "installer.txt"
OWN_COMMANDS: Final = arguments.OWN_COMMANDS


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    _keep_bytecode()
    try:
        return run(argv)
    except PlainError as error:
        print(error, file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        print(f"{error.strerror}: {error.filename}" if error.filename else error, file=sys.stderr)
        return 1


def _keep_bytecode() -> None:
    """Let Python keep the modules that it compiles, in this process and those that it starts.

    Images and shells often switch that off, and then each of thirty processes compiles a
    thousand modules whenever it starts: a killed worker is back a second later.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def run(argv: Sequence[str]) -> int:
    """Check the command, make the environment it needs, and run it there."""
    check_command(argv)
    if Path(sys.prefix).resolve() != VENV.resolve():
        make_environment("test" if argv[0] == "test" else "run")
        enter_environment(argv)
    if argv[0] in OWN_COMMANDS:
        if argv[0] == "test":
            make_environment("test")
        from compose import commands  # its imports exist only inside the environment

        return commands.run(argv[0], argv[1:])
    from compose import django_commands

    return django_commands.run(argv)


def check_command(argv: Sequence[str]) -> None:
    """Raise Misuse for a command line that is plainly wrong, before minutes of set-up."""
    if not argv:
        raise Misuse(arguments.USAGE)
    command, rest = argv[0], argv[1:]
    if command == "up":
        arguments.parse_up(rest)
    elif command == "down":
        arguments.parse_down(rest)
    elif command == "upgrade":
        arguments.parse_upgrade(rest)
    elif command == "backup":
        arguments.parse_backup(rest)
    elif command == "restore":
        arguments.parse_restore(rest)
    elif command not in OWN_COMMANDS and not VENV.exists() and not _in_this_repository(command):
        raise Misuse(
            f"Unknown command {command!r}; if it is one of Django's, "
            "make the environment first with `python3 manage.py up`."
        )


def _in_this_repository(command: str) -> bool:
    names = {path.stem for path in ROOT.glob("*/**/management/commands/*.py")}
    return command in names | {"help", "--help", "-h", "version", "--version"}


def make_environment(kind: str) -> None:
    """Bring `.venv` in line with a lock, `run` or `test`, unless it already is."""
    lock = LOCKS / f"{kind}.txt"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if _recorded().get(kind) == wanted and (VENV / "bin" / "python").exists():
        return
    with _alone(lock):
        if _recorded().get(kind) == wanted:  # another process has just done it
            return
        if not _has_pip():
            _create()
        _install(lock)
        _show_the_checkout()
        _record(kind, wanted)


def enter_environment(argv: Sequence[str]) -> None:
    """Replace this process by the same command inside `.venv`."""
    python = str(VENV / "bin" / "python")
    os.execv(python, [python, str(ROOT / "manage.py"), *argv])


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep two commands on a fresh clone from writing the same environment at once."""
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp() -> Path:
    return VENV / "locks.json"


def _recorded() -> dict[str, str]:
    try:
        recorded: dict[str, str] = json.loads(_stamp().read_text())
    except (OSError, ValueError):
        return {}
    return recorded if recorded.get("prefix") == str(VENV) else {}


def _record(kind: str, digest: str) -> None:
    # The test lock holds the run lock's versions too, so one never undoes the other.
    recorded = {**_recorded(), "prefix": str(VENV), kind: digest}
    if kind == "test":
        recorded["run"] = hashlib.sha256((LOCKS / "run.txt").read_bytes()).hexdigest()
    _stamp().write_text(json.dumps(recorded))


def _show_the_checkout() -> None:
    """Let the environment's own programs, such as `chaos`, import what is checked out here."""
    for packages in VENV.glob("lib/python3*/site-packages"):
        (packages / "checkout.pth").write_text(f"{ROOT}\n")


def _has_pip() -> bool:
    python = VENV / "bin" / "python"
    command = [str(python), "-m", "pip", "--version"]
    return (
        python.exists()
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def _create() -> None:
    system_packages.require_venv()
    print(f"Creating the Python environment in {VENV} …", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        reason = (made.stdout + made.stderr).strip().splitlines() or ["it did not say why"]
        raise PlainError(
            f"Python could not make the environment {VENV}: {reason[-1]} "
            "Install `python3-venv`, see that the disk has room, and try again."
        )


def _install(lock: Path) -> None:
    """Install what a lock names with uv, or else with pip, whose errors name the cause."""
    count = sum("==" in line for line in lock.read_text().splitlines())
    print(f"Installing {count} locked Python packages …", flush=True)
    if not _install_quickly(lock):
        _install_with_pip(lock)


def _install_quickly(lock: Path) -> bool:
    """Install a lock's packages with uv, in seconds, or return False if uv is missing or fails."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip"]
    settings = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
    if ".index-url=" in settings.stdout:
        return False  # pip downloads from elsewhere, and uv does not read pip's settings
    fetched = subprocess.run(_pip_install(INSTALLER), capture_output=True, check=False)
    if fetched.returncode != 0:
        return False
    uv = [
        str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--no-config", "--no-cache",
        "--python", str(VENV / "bin" / "python"), "--require-hashes", "--no-build",
        "--requirements", str(lock),
    ]  # fmt: skip
    return subprocess.run(uv, capture_output=True, check=False).returncode == 0


def _install_with_pip(lock: Path) -> None:
    command = _pip_install(lock)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    said = done.stderr.strip()
    if "No space left" in said:
        raise PlainError(f"The disk of {VENV} is full; free about 500 MB there and try again.")
    if "DO NOT MATCH THE HASHES" in said:
        raise PlainError(f"A downloaded package does not have the hash that {lock} names:\n{said}")
    last = said.splitlines()[-1] if said else "pip did not say why"
    raise PlainError(
        "The Python packages could not be downloaded or installed; "
        f"see that the network is up and run `{' '.join(command)}` (pip said: {last})."
    )


def _pip_install(lock: Path) -> list[str]:
    return [
        str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input",
        "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:",
        "-r", str(lock),
    ]  # fmt: skip
