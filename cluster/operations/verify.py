"""`cluster verify`: run the checkers over the running cluster, and show their verdict."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cluster.health.checkers.checkpoint import (
    Checkpoint,
    UnusableCheckpoint,
    keep_checkpoint,
    load_checkpoint,
)
from cluster.health.checkers.finding import Finding, Outcome
from cluster.health.checkers.verify import Verdict, verify
from cluster.health.last_verdict import keep_verdict
from cluster.operations.queues import broker_connection, queue_depths
from cluster.secrets.vault import SecretsError
from cluster.services import load_all


def run_verify(*, wait: float, by: str, full: bool = False) -> Verdict:
    """Check every invariant, after a wait for rest of up to `wait` seconds.

    What has not changed since the last checkpoint is read only if `full`. The verdict is kept, with
    `by`, the name of what asked for it, and so is its checkpoint. See `verify`. Raises the errors
    of the broker, of Vault and of the databases.
    """
    services = load_all()
    since, because = (None, "") if full else _last_checkpoint()
    with broker_connection() as connection:

        def ready() -> Mapping[str, int]:
            # The messages in a task queue belong to no checkout, and schedules refill it.
            depths = queue_depths(connection, services)
            return {q.name: q.ready for q in depths if not q.name.endswith(".tasks")}

        verdict = verify(services, queues=ready, wait=wait, since=since, because=because, by=by)
    keep_verdict(verdict, by=by)
    if verdict.checkpoint is not None:
        with suppress(SecretsError):  # the one before it still holds: the next verdict reads more
            keep_checkpoint(verdict.checkpoint)
    return verdict


def _last_checkpoint() -> tuple[Checkpoint | None, str]:
    """Return the last checkpoint, or why there is none that can be relied on."""
    try:
        return load_checkpoint(), ""
    except UnusableCheckpoint as reason:
        return None, str(reason)
    except SecretsError as error:  # of a platform that was not prepared for checkpoints yet
        return None, f"the checkpoint cannot be authenticated: {error}"


MARKS: Final = {
    Outcome.OK: "[green]✓ ok[/green]",
    Outcome.FAIL: "[red]✗ fail[/red]",
    Outcome.INFO: "[blue]· info[/blue]",
}
HEADINGS: Final[tuple[tuple[str, JustifyMethod], ...]] = (
    ("", "left"),
    ("invariant", "left"),
    ("checked", "right"),
    ("violations", "right"),
    ("", "left"),
)
OTHER_COLUMNS: Final = 36  # the width of the mark, the two numbers and the gaps


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print each invariant with its counts, then counterexamples, then the answer."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, justify in HEADINGS:
        table.add_column(heading, no_wrap=True, justify=justify)
    names = max((len(finding.name) for finding in verdict.findings), default=0)
    for finding in verdict.findings:
        sentence = Text(finding.sentence, style="dim")
        sentence.truncate(max(0, console.width - names - OTHER_COLUMNS), overflow="ellipsis")
        table.add_row(
            MARKS[finding.outcome],
            finding.name,
            f"{finding.checked:,}",
            _violations(finding),
            sentence,
        )
    console.print(table)
    for finding in verdict.findings:
        if finding.unknown:
            console.print(f"[blue]{finding.name}[/blue]: {escape(finding.sentence)}")
        if finding.outcome is Outcome.FAIL:
            console.print(f"\n[red]{finding.name}[/red]")
            for counterexample in finding.counterexamples:
                console.print(f"  {escape(counterexample)}", soft_wrap=True)
            hidden = len(finding.violations) - len(finding.counterexamples)
            if hidden:
                console.print(f"  … and {hidden} more")
    console.print(f"\n{answer(verdict)}")


def answer(verdict: Verdict) -> str:
    """Return the verdict in a sentence or two."""
    failed = sum(finding.outcome is Outcome.FAIL for finding in verdict.findings)
    unknown = sum(finding.unknown for finding in verdict.findings)
    told = "0 violations." if not failed else f"{failed} of the invariants are violated."
    if unknown:
        told += f" {unknown} could not be decided."
    if unknown or any(f.at_rest and f.outcome is Outcome.INFO for f in verdict.findings):
        told += f" The cluster was not at rest: {verdict.moving}."
    return f"{told} {verdict.reading.sentence} ({verdict.seconds:.1f} s)"


def _violations(finding: Finding) -> str:
    if finding.outcome is Outcome.INFO:
        return ""
    count = f"{len(finding.violations):,}"
    return f"at least {count}" if finding.partial and finding.violations else count
