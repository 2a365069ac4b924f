"""The command line of our own commands, checked before anything else happens.

Standard library only: a mistake is reported at once, before an environment is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from compose.errors import Misuse

USAGE: Final = """\
Usage: python3 manage.py COMMAND

  up [--detach] [--port N]   start the whole platform and follow it; Ctrl-C stops it
     [--recreate-missing]    make anew, and empty, what a server had kept and has lost
  down                       stop the platform
  upgrade                    let the platform that runs be this revision's, under load
  backup DIR [--key FILE]    back the running platform up; a new DIR needs a file for its key
  restore DIR --key FILE     restore a backup into an empty run directory
     [--to TIME] [--verify]  as it was at a time (UTC); start it and verify the cluster
  test [pytest arguments]    run all tests on the real servers
  help                       list every other command"""

OWN_COMMANDS: Final = ("up", "down", "upgrade", "backup", "restore", "test")
PORTS: Final = range(1024, 65536)  # those that an ordinary user may listen on


@dataclass(frozen=True)
class UpArguments:
    """The options of `up`, where a `port` of None lets the platform choose one."""

    detach: bool = False
    port: int | None = None
    recreate_missing: bool = False


def parse_up(arguments: Sequence[str]) -> UpArguments:
    """Return the options of `up`, or raise Misuse for anything that it does not understand."""
    detach, port, recreate_missing = False, None, False
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--detach":
            detach = True
        elif word == "--recreate-missing":
            recreate_missing = True
        elif word == "--port":
            if not rest:
                raise Misuse("--port needs a number, for example `--port 8000`.")
            port = parse_port(rest.pop(0))
        elif word.startswith("--port="):
            port = parse_port(word.removeprefix("--port="))
        else:
            raise Misuse(
                f"`up` does not understand {word!r}; "
                "it takes --detach, --port N and --recreate-missing."
            )
    return UpArguments(detach=detach, port=port, recreate_missing=recreate_missing)


@dataclass(frozen=True)
class BackupArguments:
    """The arguments of `backup`, whose `key` is needed only for a new directory."""

    directory: Path
    key: Path | None


@dataclass(frozen=True)
class RestoreArguments:
    """The arguments of `restore`, where a `to` of None means the last moment there is."""

    directory: Path
    key: Path
    to: datetime | None
    verify: bool


def parse_backup(arguments: Sequence[str]) -> BackupArguments:
    """Return the arguments of `backup`, or raise Misuse for what it does not understand."""
    directory, options, _ = _directory_and_options("backup", arguments, valued=("--key",), flags=())
    return BackupArguments(directory, _path(options.get("--key")))


def parse_restore(arguments: Sequence[str]) -> RestoreArguments:
    """Return the arguments of `restore`, or raise Misuse for what it does not understand."""
    directory, options, flags = _directory_and_options(
        "restore", arguments, valued=("--key", "--to"), flags=("--verify",)
    )
    key = _path(options.get("--key"))
    if key is None:
        raise Misuse("`restore` needs the backup's key: --key FILE.")
    to = parse_time(options["--to"]) if "--to" in options else None
    return RestoreArguments(directory, key, to, "--verify" in flags)


def _directory_and_options(
    command: str, arguments: Sequence[str], *, valued: Sequence[str], flags: Sequence[str]
) -> tuple[Path, dict[str, str], set[str]]:
    """Return the one directory, the options with their values, and the flags."""
    directories: list[str] = []
    options: dict[str, str] = {}
    given: set[str] = set()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in flags:
            given.add(word)
        elif name in valued:
            if not equals and not rest:
                raise Misuse(f"{name} needs a value.")
            options[name] = value if equals else rest.pop(0)
        elif word.startswith("-"):
            known = ", ".join([*valued, *flags])
            raise Misuse(f"`{command}` does not understand {word!r}; it takes DIR, {known}.")
        else:
            directories.append(word)
    if len(directories) != 1:
        raise Misuse(f"`{command}` needs one directory: python3 manage.py {command} DIR")
    return Path(directories[0]).resolve(), options, given


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text).expanduser().resolve()


def parse_time(text: str) -> datetime:
    """Return a time, in UTC unless it names its offset, or raise Misuse."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Misuse(
            f'{text!r} is no time; write it as in --to "2026-11-30 12:00:00" (UTC).'
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_port(text: str) -> int:
    """Return a TCP port from the command line or the environment, or raise Misuse."""
    if not (text.isascii() and text.isdigit()):
        raise Misuse(f"The port must be a number, and {text!r} is none.")
    port = int(text)
    if port not in PORTS:
        raise Misuse(f"The port must lie between 1024 and 65535, and {port} does not.")
    return port


def parse_down(arguments: Sequence[str]) -> None:
    """Raise Misuse for any argument, since `down` takes none."""
    _parse_nothing("down", arguments)


def parse_upgrade(arguments: Sequence[str]) -> None:
    """Raise Misuse for any argument, since `upgrade` takes none."""
    _parse_nothing("upgrade", arguments)


def _parse_nothing(command: str, arguments: Sequence[str]) -> None:
    if arguments:
        raise Misuse(f"`{command}` does not understand {arguments[0]!r}; it takes no arguments.")
