"""`manage.py cluster`: show the state of the cluster, or verify its invariants."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from cluster.operations.arguments import seconds
from cluster.operations.errors import plain_errors
from cluster.operations.status import read_status
from cluster.operations.status_view import show_status
from cluster.operations.verify import run_verify, show_verdict
from cluster.services import load_all

WAIT: Final = 30.0  # seconds


class Command(BaseCommand):
    """Exit status: 0 healthy or clean, 1 not, 2 misuse."""

    help = "Show the state of the cluster, or verify that nothing was lost."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="status|verify")
        status = actions.add_parser("status", help="processes, queues, outboxes, leases, sagas")
        verifying = actions.add_parser("verify", help="the conservation checks, at rest")
        verifying.add_argument(
            "--wait", type=seconds, default=WAIT, metavar="S", help="longest wait for rest"
        )
        verifying.add_argument(
            "--full", action="store_true", help="read all rows, not only those that changed"
        )
        for action in (status, verifying):
            action.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        console = Console(quiet=options["json"], highlight=False)
        with plain_errors():
            if options["action"] == "status":
                document, good = _status(console)
            else:
                document, good = _verify(console, wait=options["wait"], full=options["full"])
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
        if not good:
            raise SystemExit(1)


def _status(console: Console) -> tuple[dict[str, Any], bool]:
    with console.status("Asking every part …"):
        found = read_status(load_all())
    show_status(found, console)
    return found.as_json(), found.healthy


def _verify(console: Console, *, wait: float, full: bool) -> tuple[dict[str, Any], bool]:
    with console.status("Waiting for rest, then checking …"):
        verdict = run_verify(wait=wait, by="cluster verify", full=full)
    show_verdict(verdict, console)
    return verdict.as_json(), verdict.clean
