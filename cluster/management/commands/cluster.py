"""`manage.py cluster`: show the state of the cluster, verify its invariants, rotate a key."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from cluster.operations.arguments import seconds
from cluster.operations.errors import plain_errors
from cluster.operations.provider_keys import rotate
from cluster.operations.status import read_status
from cluster.operations.status_view import show_status
from cluster.operations.verify import run_verify, show_verdict
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import LONGEST_OVERLAP, OVERLAP
from cluster.services import load_all
from compose.errors import Misuse

WAIT: Final = 30.0  # seconds


class Command(BaseCommand):
    """Exit status: 0 healthy or clean, 1 not, 2 misuse."""

    help = "Show the state of the cluster, verify that nothing was lost, or rotate a key."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="status|verify|rotate"
        )
        status = actions.add_parser("status", help="processes, queues, outboxes, leases, sagas")
        verifying = actions.add_parser("verify", help="the conservation checks, at rest")
        verifying.add_argument(
            "--wait", type=seconds, default=WAIT, metavar="S", help="longest wait for rest"
        )
        rotating = actions.add_parser("rotate", help="a key of the payment provider, now")
        rotating.add_argument("key", choices=[kind.slug for kind in KeyKind])
        rotating.add_argument(
            "--wait", type=seconds, default=WAIT, metavar="S", help="longest wait for the gateway"
        )
        rotating.add_argument(
            "--overlap", type=overlap_seconds, default=OVERLAP, metavar="S",
            help="how long the key before is still valid",
        )  # fmt: skip
        verifying.add_argument(
            "--full", action="store_true", help="read all rows, not only those that changed"
        )
        for action in (status, verifying, rotating):
            action.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        console = Console(quiet=options["json"], highlight=False)
        with plain_errors():
            if options["action"] == "status":
                document, good = _status(console)
            elif options["action"] == "rotate":
                kind = KeyKind.of_slug(options["key"])
                document, good = _rotate(
                    console, kind, overlap=options["overlap"], wait=options["wait"]
                )
            else:
                document, good = _verify(console, wait=options["wait"], full=options["full"])
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
        if not good:
            raise SystemExit(1)


def overlap_seconds(text: str) -> float:
    """Read the time of an overlap. Raises Misuse for anything else."""
    number = seconds(text)
    if number > LONGEST_OVERLAP:
        raise Misuse(f"The overlap is {LONGEST_OVERLAP:.0f} s at most, not {text}.")
    return number


def _status(console: Console) -> tuple[dict[str, Any], bool]:
    with console.status("Asking every part …"):
        found = read_status(load_all())
    show_status(found, console)
    return found.as_json(), found.healthy


def _rotate(
    console: Console, kind: KeyKind, *, overlap: float, wait: float
) -> tuple[dict[str, Any], bool]:
    with console.status("Waiting for the payments gateway …"):
        rotated = rotate(kind, overlap=overlap, within=wait)
    console.print(
        f"The {kind.words} of the payment provider was rotated after {rotated.seconds:.1f} s. "
        f"The one before is refused {overlap:g} s later."
    )
    return rotated.as_json(), True


def _verify(console: Console, *, wait: float, full: bool) -> tuple[dict[str, Any], bool]:
    with console.status("Waiting for rest, then checking …"):
        verdict = run_verify(wait=wait, by="cluster verify", full=full)
    show_verdict(verdict, console)
    return verdict.as_json(), verdict.clean
