"""The command line of `up`, `down` and `test`, checked before anything else happens.

Standard library only: a mistake is reported at once, before an environment is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from compose.errors import Misuse

USAGE: Final = """\
Usage: python3 manage.py COMMAND

  up [--detach] [--port N]   start the whole platform and follow it; Ctrl-C stops it
     [--recreate-missing]    make anew, and empty, what a server had kept and has lost
  down                       stop the platform
  test [pytest arguments]    run all tests on the real servers
  help                       list every other command"""

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
    if arguments:
        raise Misuse(f"`down` does not understand {arguments[0]!r}; it takes no arguments.")
