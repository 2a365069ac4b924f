"""`manage.py chaos`: break one part under load, watch it recover, and keep the record."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from rich.console import Console
from rich.table import Table

from chaos.experiments import store
from chaos.experiments.catalogue import EXPERIMENTS, experiment
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import Incident
from chaos.experiments.recorder import record
from chaos.faults.heal_command import heal_everything
from cluster.operations.errors import told_plainly
from compose.errors import Misuse

RATE: Final = 3.0  # checkouts a second: enough to be in flight, few enough to be drawn
FASTEST: Final = 50.0


class Command(BaseCommand):
    """Exit status: 0 survived, 1 something deviated or could not be done, 2 misuse."""

    help = "List experiments, run one on the running platform, show a kept report, or heal all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="list|run|report|heal"
        )
        listing = actions.add_parser("list", help="the experiments there are")
        running = actions.add_parser("run", help="run one, and keep the incident")
        running.add_argument("name", help="one of those that `list` shows")
        running.add_argument(
            "--rate", type=_rate, default=RATE, metavar="N", help="checkouts a second"
        )
        running.add_argument(
            "--save", type=Path, metavar="FILE", help="write the incident there too"
        )
        reporting = actions.add_parser("report", help="a kept incident")
        reporting.add_argument("id", help="its id, or `latest`")
        healing = actions.add_parser("heal", help="heal everything that is broken on purpose, now")
        for action in (listing, running, reporting, healing):
            action.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        act = {
            "list": self._list,
            "run": self._run,
            "report": self._report,
            "heal": self._heal,
        }[options["action"]]
        with told_plainly():
            act(options)

    def _list(self, options: dict[str, Any]) -> None:
        if options["json"]:
            found = [
                {**msgspec.to_builtins(one), "fault": one.fault.name}
                for one in EXPERIMENTS.values()
            ]
            self.stdout.write(json.dumps(found, indent=2))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("experiment", "what is broken", "who may notice"):
            table.add_column(heading)
        for one in EXPERIMENTS.values():
            table.add_row(one.name, one.title, one.blast_radius)
        Console(highlight=False).print(table)

    def _run(self, options: dict[str, Any]) -> None:
        chosen = experiment(options["name"])
        store.require_allowed()
        progress = Console(stderr=True, highlight=False)
        entry = store.note(actor=getpass.getuser(), action=chosen.name, target=chosen.process)
        with progress.status("Preparing …") as status:

            def say(what: str) -> None:
                status.update(f"{what[:1].upper()}{what[1:]} …")

            document = record(chosen, rate=options["rate"], say=say)
        connection.close()  # it may have been the database that was killed
        store.conclude(entry, "survived" if document.passed else "deviated")
        store.keep(document)
        if options["save"]:
            options["save"].write_bytes(document.as_json())
        self._show(document, as_json=options["json"])
        if not document.passed:
            raise SystemExit(1)

    def _report(self, options: dict[str, Any]) -> None:
        self._show(store.document_of(_kept(options["id"])), as_json=options["json"])

    def _heal(self, options: dict[str, Any]) -> None:
        if not heal_everything(self.stdout.write, as_json=options["json"]):
            raise SystemExit(1)

    def _show(self, document: IncidentDocument, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(document.as_json().decode())
            return
        console = Console(highlight=False)
        console.print(f"[bold]{document.title}[/bold] · {document.id}")
        console.print(document.summary)
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in msgspec.to_builtins(document.figures).items():
            table.add_row(name.replace("_", " "), "–" if value is None else str(value))
        console.print(table)


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Misuse(f"{text!r} is not a number of checkouts a second.") from None
    if not 0 < number <= FASTEST:
        raise Misuse(f"The rate must lie above 0 and up to {FASTEST:.0f} a second, not {text}.")
    return number


def _kept(text: str) -> Incident:
    if text == "latest":
        found = Incident.objects.order_by("-recorded_at").first()
    else:
        try:
            found = Incident.objects.filter(id=UUID(text)).first()
        except ValueError:
            raise Misuse(f"{text!r} is not the id of an incident.") from None
    if found is None:
        raise Misuse("No such incident is kept here.")
    return found
