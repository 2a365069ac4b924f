"""`manage.py deadletters`: list and show messages that could not be applied, and replay them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.messaging.queries import KeptDeadLetter
from cluster.operations.dead_letters import (
    as_json,
    dead_letter_id,
    letter,
    letters,
    replay,
    why_hopeless,
)
from cluster.operations.errors import plain_errors
from compose.errors import Misuse
from config.environment import DATABASES

DETAIL: Final = 60  # characters of the detail in the list


class Command(BaseCommand):
    """Exit status: 0 when done, 1 when a database cannot be reached, 2 misuse."""

    help = "List, show and replay the messages that could not be applied."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|replay")
        listing = actions.add_parser("list", help="the dead letters, oldest first")
        listing.add_argument("--all", action="store_true", help="those that were replayed as well")
        showing = actions.add_parser("show", help="one dead letter whole")
        showing.add_argument("id", metavar="ID", help="such as checkout:17")
        replaying = actions.add_parser("replay", help="send messages again to their service")
        replaying.add_argument("ids", metavar="ID", nargs="*", help="such as checkout:17")
        replaying.add_argument("--all", action="store_true", help="all that were never replayed")
        for action in (listing, replaying):
            action.add_argument("--service", choices=DATABASES, help="of this service only")
        for action in (listing, showing, replaying):
            action.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        console = Console(quiet=options["json"], highlight=False)
        with plain_errors():
            match options["action"]:
                case "list":
                    document = _list(console, options)
                case "show":
                    document = _show(console, options["id"])
                case _:
                    document = _replay(console, options)
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))


def _list(console: Console, options: dict[str, Any]) -> dict[str, Any]:
    found = letters(_services(options), every=options["all"])
    if not found:
        console.print("There are no dead letters." if options["all"] else "None is waiting.")
    else:
        console.print(_table(found))
        console.print("`deadletters show ID` shows one whole, `replay ID` sends it again.")
    return {"dead_letters": [as_json(letter) for letter in found]}


def _show(console: Console, id_: str) -> dict[str, Any]:
    found = letter(id_)
    table = Table.grid(padding=(0, 2))
    for name, value in as_json(found).items():
        if name != "body":
            table.add_row(f"[dim]{name}[/dim]", escape(str(value if value is not None else "–")))
    console.print(table)
    console.print(_pretty(found), markup=False, soft_wrap=True)
    return as_json(found)


def _replay(console: Console, options: dict[str, Any]) -> dict[str, Any]:
    chosen = _chosen(options)
    document = []
    for found in chosen:
        hopeless = why_hopeless(found)
        replay(found)
        document.append({"id": found.id, "queued": True, "warning": hopeless})
        console.print(f"{found.id} is on its way to {found.service} again.", markup=False)
        if hopeless:
            console.print(f"  It will come back as a new dead letter: {hopeless}.", markup=False)
    if not chosen:
        console.print("None is waiting.")
    return {"replayed": document}


def _chosen(options: dict[str, Any]) -> list[KeptDeadLetter]:
    """Return the chosen dead letters, all of them read before the first is replayed.

    So a wrong id changes nothing.
    """
    if options["all"] == bool(options["ids"]):
        raise Misuse("Name the dead letters to replay, or say --all.")
    if options["all"]:
        return letters(_services(options), every=False)
    ids = list(dict.fromkeys(options["ids"]))
    for id_ in ids:
        service, _ = dead_letter_id(id_)
        if options["service"] not in (None, service):
            raise Misuse(f"{id_} is not a dead letter of {options['service']}.")
    return [letter(id_) for id_ in ids]


def _services(options: dict[str, Any]) -> Sequence[str]:
    return [options["service"]] if options["service"] else DATABASES


def _table(found: Sequence[KeptDeadLetter]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "since", "reason", "type", "about", "detail", "replays"):
        table.add_column(heading, overflow="fold")
    for one in found:
        detail = one.detail if len(one.detail) <= DETAIL else f"{one.detail[: DETAIL - 1]}…"
        about = f"{one.source} {one.subject}".strip()
        table.add_row(
            one.id,
            f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            one.reason,
            escape(one.type or "–"),
            escape(about or "–"),
            escape(detail),
            str(one.replays),
        )
    return table


def _pretty(found: KeptDeadLetter) -> str:
    try:
        return msgspec.json.format(found.body or b"", indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return found.text()
