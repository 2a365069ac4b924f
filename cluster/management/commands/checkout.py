"""`manage.py checkout`: start real checkouts, and follow them to their end if asked to."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from cluster.operations.arguments import seconds, whole_number
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.errors import plain_errors
from cluster.operations.follow import EACH_SHOWN, Progress, follow, summary
from cluster.operations.plan import FEWEST_RACERS, Wanted
from cluster.storefront.checkout_intake import MAX_QUANTITY
from cluster.storefront.headcode import headcode
from compose.errors import Misuse

MOST: Final = 10_000
TIMEOUT: Final = 300.0  # seconds


class Command(BaseCommand):
    """Exit status: 0 when accepted (with --wait: when every one has ended), 1 if not, 2 misuse."""

    help = "Start real checkouts, and with --wait follow each to its end."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        count = whole_number("count", least=1, most=MOST)
        quantity = whole_number("quantity", least=1, most=MAX_QUANTITY)
        parser.add_argument("--count", type=count, metavar="N", help=f"how many, 1 to {MOST}")
        parser.add_argument(
            "--outcome",
            choices=[wanted.value for wanted in Wanted],
            default=Wanted.SUCCESS.value,
            help="what each should come to (default: success)",
        )
        parser.add_argument("--sku", help="the product (default: those of the shop in turn)")
        parser.add_argument("--quantity", type=quantity, default=1, metavar="N", help="items each")
        parser.add_argument("--wait", action="store_true", help="until each has ended")
        parser.add_argument(
            "--timeout", type=seconds, default=TIMEOUT, metavar="S", help="longest --wait"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        wanted = Wanted(options["outcome"])
        if options["sku"] is not None and wanted in (Wanted.OUT_OF_STOCK, Wanted.LAST_ITEM_RACE):
            raise Misuse(f"The outcome {wanted.value} chooses its own product: leave --sku out.")
        console = Console(quiet=options["json"], highlight=False)
        with plain_errors():
            progress, ended = _run(wanted, options, console)
        if options["json"]:
            self.stdout.write(json.dumps(progress.as_json(), indent=2))
        if options["wait"] and not ended:
            raise SystemExit(1)


def _run(wanted: Wanted, options: dict[str, Any], console: Console) -> tuple[Progress, bool]:
    count = options["count"] or (FEWEST_RACERS if wanted is Wanted.LAST_ITEM_RACE else 1)
    counter = CheckoutClient()
    with console.status("Planning …"):
        orders = counter.order(
            wanted, count=count, sku=options["sku"], quantity=options["quantity"]
        )
    with console.status("Handing in …") as status:
        before = 0
        for accepted in counter.accept(orders):
            waiting = " Waiting for room: as many are open as end in time." * (accepted == before)
            status.update(f"Handing in: {accepted} of {count} accepted …{waiting}")
            before = accepted
    progress = Progress(orders)
    if not options["wait"]:
        progress.learn(counter.states([order.id for order in orders]), [])
        for order in orders[:EACH_SHOWN]:
            console.print(f"{headcode(order.id)}  {order.id}  {order.quantity} x {order.sku}")
        if count > EACH_SHOWN:
            console.print(f"… and {count - EACH_SHOWN} more")
        console.print(f"{count} accepted; add --wait to follow them.")
        return progress, False
    ended = follow(counter, progress, timeout=options["timeout"], console=console)
    console.print(summary(progress))
    if not ended:
        console.print(
            f"{len(progress.unfinished)} have not ended after {progress.seconds:.0f} s. They are "
            "not lost: `python3 manage.py cluster status` says what is down."
        )
    return progress, ended
