"""`manage.py chaos`: break parts under load, watch them recover, and keep the records."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from chaos.experiments import repository
from chaos.experiments.campaign import Turn, storms, turns
from chaos.experiments.catalogue import EXPERIMENTS, experiment
from chaos.experiments.document import as_document
from chaos.experiments.exercised import not_exercised
from chaos.experiments.experiment import RATE, Experiment, Family
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import Incident
from chaos.experiments.run import NotSteady
from chaos.experiments.storm import LARGEST_SEED
from chaos.faults.engine import Engine, Healing
from chaos.runner.execution import run_by_hand
from chaos.safety.permits import REST_BETWEEN
from cluster.operations.arguments import whole_number
from cluster.operations.errors import plain_errors
from compose.errors import Misuse

FASTEST: Final = 50.0  # checkouts a second
MOST_ROUNDS: Final = 100
SECONDS: Final = "{:.1f} s"
COMMAND: Final = "command"


class Command(BaseCommand):
    """Exit status: 0 passed, 1 a deviation or a failure, 2 misuse."""

    help = "List experiments, run one or all of them against the running platform, or heal."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="list|run|report|export|heal|campaign"
        )
        seed = whole_number("seed", least=0, most=LARGEST_SEED)
        listing = actions.add_parser("list", help="the experiments there are")
        running = actions.add_parser("run", help="run one, and keep the incident")
        running.add_argument("name", help="one of those that `list` shows, or a composed one")
        running.add_argument("--save", type=Path, metavar="FILE", help="write the incident there")
        reporting = actions.add_parser("report", help="a kept incident")
        reporting.add_argument("id", help="its id, or `latest`")
        exporting = actions.add_parser("export", help="an experiment for `chaos run`")
        exporting.add_argument("name", help="one of those that `list` shows, or a composed one")
        healing = actions.add_parser("heal", help="heal whatever is broken on purpose, now")
        campaign = actions.add_parser("campaign", help="run all of them, in an order by seed")
        campaign.add_argument(
            "--rounds",
            type=whole_number("rounds", least=1, most=MOST_ROUNDS),
            default=1,
            metavar="N",
        )
        campaign.add_argument("--only", type=_family, metavar="FAMILY", help="one family of them")
        campaign.add_argument(
            "--storms",
            type=whole_number("storms", least=1, most=MOST_ROUNDS),
            metavar="N",
            help="so many storms instead",
        )
        for action in (running, campaign):
            action.add_argument(
                "--rate", type=_rate, default=RATE, metavar="R", help="checkouts a second"
            )
        for action in (running, exporting, campaign):
            action.add_argument("--seed", type=seed, metavar="S", help="of what is drawn")
        for action in (listing, running, reporting, exporting, healing, campaign):
            action.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        act = {
            "list": self._list,
            "run": self._run,
            "report": self._report,
            "export": self._export,
            "heal": self._heal,
            "campaign": self._campaign,
        }[options["action"]]
        with plain_errors():
            act(options)

    def _list(self, options: dict[str, Any]) -> None:
        if options["json"]:
            found = [{**msgspec.to_builtins(one), **_derived(one)} for one in EXPERIMENTS.values()]
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
        seed = _seed_for(chosen, options["seed"])
        document = _recorded(Turn(chosen, seed), rate=options["rate"])
        if options["save"]:
            options["save"].write_bytes(document.as_json())
        self._show(document, as_json=options["json"])
        if not document.passed:
            raise SystemExit(1)

    def _report(self, options: dict[str, Any]) -> None:
        self._show(repository.document_of(_kept(options["id"])), as_json=options["json"])

    def _export(self, options: dict[str, Any]) -> None:
        chosen = experiment(options["name"])
        seed = _seed_for(chosen, options["seed"])
        self.stdout.write(json.dumps(as_document(chosen, seed), indent=2, ensure_ascii=False))

    def _heal(self, options: dict[str, Any]) -> None:
        if not heal_everything(self.stdout.write, as_json=options["json"]):
            raise SystemExit(1)

    def _campaign(self, options: dict[str, Any]) -> None:
        seed = options["seed"] or 0
        wanted = (
            storms(seed=seed, count=options["storms"])
            if options["storms"]
            else turns(seed=seed, rounds=options["rounds"], only=options["only"])
        )
        console = Console(highlight=False, quiet=options["json"])
        documents, refused = [], 0
        for number, turn in enumerate(wanted):
            if number:
                time.sleep(REST_BETWEEN)
            try:
                document = _recorded(turn, rate=options["rate"])
            except NotSteady as error:
                refused += 1
                console.print(f"[red]{turn.experiment.name}[/red]: {error}")
                continue
            documents.append(document)
            console.print(_row(document), soft_wrap=True)
        good = not refused and all(document.passed for document in documents)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(seed, documents, refused), indent=2))
        else:
            console.print(_campaign_table(documents))
            console.print(_verdict(seed, documents, refused))
        if not good:
            raise SystemExit(1)

    def _show(self, document: IncidentDocument, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(document.as_json().decode())
            return
        console = Console(highlight=False)
        console.print(f"[bold]{document.title}[/bold] · {document.status} · {document.id}")
        console.print(document.summary)
        if document.baseline is not None:
            console.print(document.baseline.sentence)
        if document.reading:
            console.print(document.reading)
        for deviation in document.deviations:
            console.print(f"[red]·[/red] {deviation}")
        for one in not_exercised(document):
            console.print(f"[yellow]not exercised[/yellow] {one}")
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in msgspec.to_builtins(document.figures).items():
            table.add_row(name.replace("_", " "), "–" if value is None else str(value))
        console.print(table)


def _recorded(turn: Turn, *, rate: float) -> IncidentDocument:
    """Run one experiment with its progress on the terminal, and return its record."""
    progress = Console(stderr=True, highlight=False)
    with progress.status("Preparing …") as status:
        return run_by_hand(
            turn.experiment,
            rate=rate,
            seed=turn.seed,
            actor=f"{getpass.getuser()}, by command line",
            say=lambda _phase, words: status.update(f"{turn.experiment.name}: {words}"),
        )


def _row(document: IncidentDocument) -> str:
    colour = "green" if document.passed else "red"
    deviations = " ".join(document.deviations)
    return (
        f"[{colour}]{document.status}[/{colour}] {document.experiment}"
        f"{'' if document.seed is None else f' {document.seed}'}: {document.summary} {deviations}"
    )


def _campaign_table(documents: list[IncidentDocument]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("experiment", "seed", "status", "recovered", "after heal", "checkouts",
                    "compensated", "twice", "dead"):  # fmt: skip
        numeric = heading not in {"experiment", "status"}
        table.add_column(heading, justify="right" if numeric else "left")
    for one in documents:
        figures = one.figures
        table.add_row(
            one.experiment,
            "" if one.seed is None else str(one.seed),
            str(one.status),
            _in_seconds(figures.recover_seconds),
            _in_seconds(figures.recover_after_heal_seconds),
            str(figures.checkouts),
            str(figures.compensated),
            str(figures.deduplicated),
            str(figures.dead_lettered),
        )
    return table


def _verdict(seed: int, documents: list[IncidentDocument], refused: int) -> str:
    passed = sum(document.passed for document in documents)
    told = f"Seed {seed}: {passed} of {len(documents) + refused} passed."
    return told + (f" {refused} could not begin." if refused else "")


def _as_json(seed: int, documents: list[IncidentDocument], refused: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "refused": refused,
        "runs": [
            {
                "id": one.id,
                "experiment": one.experiment,
                "seed": one.seed,
                "status": one.status,
                "figures": msgspec.to_builtins(one.figures),
                "deviations": one.deviations,
            }
            for one in documents
        ],
    }


def _derived(one: Experiment) -> dict[str, Any]:
    return {"process": one.process, "fault": one.fault}


def _in_seconds(value: float | None) -> str:
    return "–" if value is None else SECONDS.format(value)


def _seed_for(chosen: Experiment, seed: int | None) -> int | None:
    if not chosen.seeded:
        if seed is not None:
            raise Misuse(f"{chosen.name} draws nothing, so it takes no seed.")
        return None
    return 0 if seed is None else seed


def _family(text: str) -> Family:
    families = dict.fromkeys(one.family for one in EXPERIMENTS.values())
    if text not in families:
        raise Misuse(f"There is no family {text!r}; there is: {', '.join(families)}.")
    return Family(text)


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


def heal_everything(write: Callable[[str], object], *, as_json: bool) -> bool:
    """Heal all armed faults, write the results, and return whether nothing is left broken."""
    healings = Engine().heal_each(by=COMMAND)
    well = all(one.healed for one in healings)
    if as_json:
        document = {"healed": well, "faults": [_as_data(one) for one in healings]}
        write(json.dumps(document, indent=2))
        return well
    if not healings:
        write("Nothing is broken on purpose.")
    for one in healings:
        write(f"{one.armed.fault} on {one.armed.target}: {one.words}")
    if not well:
        write("Not everything is healed yet; the watchdog goes on trying.")
    return well


def _as_data(one: Healing) -> dict[str, object]:
    return {
        "id": one.armed.id,
        "fault": one.armed.fault,
        "target": one.armed.target,
        "run": one.armed.run,
        "healed": one.healed,
        "words": one.words,
    }
