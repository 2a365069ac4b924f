"""Every command but our own: those of Django and of the apps."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from compose.arguments import OWN_COMMANDS, USAGE
from compose.errors import Misuse
from config import environment

HELP = frozenset({"help", "--help", "-h"})


def run(argv: Sequence[str]) -> int:
    """Run a management command, or raise Misuse for one that does not exist."""
    environment.name_settings()
    import django
    from django.core.management import execute_from_command_line, get_commands

    command = argv[0]
    if command in HELP and len(argv) == 1:
        print(f"{USAGE}\n")
    if command not in HELP | {"version", "--version"}:
        django.setup()  # only then does Django know the commands of apps
        known = get_commands()
        if command not in known:
            raise Misuse(_unknown(command, list(known)))
    execute_from_command_line(["manage.py", *argv])
    return 0


def _unknown(command: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(command, [*known, *OWN_COMMANDS], n=1)
    hint = f"did you mean `{near[0]}`?" if near else "`python3 manage.py help` lists all."
    return f"Unknown command {command!r}; {hint}"
