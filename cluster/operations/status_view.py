"""The status of the cluster as compact tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.operations.status import SILENT_AFTER, ClusterStatus, Part
from cluster.operations.vitals import Vitals
from compose.supervisor import ProcessState

NOTHING: Final = "–"
SECONDS_UP_TO: Final = 100  # then minutes
MINUTES_UP_TO: Final = 100 * 60  # seconds; then hours


def show_status(status: ClusterStatus, console: Console) -> None:
    """Print everything, what is wrong last, where the eye rests."""
    if status.absent:
        console.print(f"Nothing answers. {escape(status.processes.unreachable)}")
        return
    _processes(status.processes, console)
    _queues(status, console)
    _databases(status, console)
    _leases(status, console)
    _flow(status, console)
    console.print()
    for trouble in status.troubles:
        console.print(f"[red]✗[/red] {escape(trouble)}")
    if status.healthy:
        console.print("[green]✓[/green] Everything runs and answers.")


def _table(title: str, *headings: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title=title)
    table.title_justify, table.title_style = "left", "bold"
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left")
    return table


def _processes(part: Part[list[ProcessState]], console: Console) -> None:
    if part.value is None:
        console.print(f"[bold]Processes[/bold] unreachable: {escape(part.unreachable)}")
        return
    table = _table("Processes", *("process", "pid", "state", "age", "restarts") * 2)
    cells = [
        (
            process.name,
            str(process.pid or NOTHING),
            process.status if process.status == "running" else f"[red]{process.status}[/red]",
            _duration(process.age),
            str(process.restarts),
        )
        for process in part.value
    ]
    half = (len(cells) + 1) // 2
    for index in range(half):
        right = cells[index + half] if index + half < len(cells) else ("",) * 5
        table.add_row(*cells[index], *right)
    console.print(table)


def _queues(status: ClusterStatus, console: Console) -> None:
    console.print()
    if status.queues.value is None:
        console.print(f"[bold]Queues[/bold] unreachable: {escape(status.queues.unreachable)}")
        return
    numbers = ("ready", "consumers")
    table = _table("Queues", *("queue", *numbers) * 3, numbers=numbers)
    cells = [(q.name, str(q.ready), str(q.consumers)) for q in status.queues.value]
    for start in range(0, len(cells), 3):
        table.add_row(*(cell for queue in cells[start : start + 3] for cell in queue))
    console.print(table)


def _databases(status: ClusterStatus, console: Console) -> None:
    console.print()
    numbers = ("outbox", "oldest", "parked", "dead letters")
    table = _table("Databases", "database", *numbers, "heartbeats", numbers=numbers)
    for name, part in status.databases.items():
        vitals = part.value
        if vitals is None:
            table.add_row(name, *("",) * 4, f"[red]unreachable:[/red] {escape(part.unreachable)}")
            continue
        waiting = str(vitals.dead_letters_waiting)
        if vitals.dead_letters > vitals.dead_letters_waiting:
            waiting += f" ({vitals.dead_letters} kept)"
        table.add_row(
            name,
            str(vitals.outbox),
            _duration(vitals.outbox_age),
            str(vitals.parked),
            waiting,
            ", ".join(_heartbeats(vitals)) or "[red]none[/red]",
        )
    console.print(table)


def _heartbeats(vitals: Vitals) -> Iterator[str]:
    for beat in vitals.heartbeats:
        state = "consuming" if beat.consuming else "[red]not consuming[/red]"
        if beat.age > SILENT_AFTER:
            state = "[red]silent[/red]"
        yield f"{beat.process} {state} ({_duration(beat.age)} ago)"


def _leases(status: ClusterStatus, console: Console) -> None:
    console.print()
    numbers = ("logins", "sessions", "next ends in", "expired")
    table = _table("Leases", "database", *numbers, numbers=numbers)
    for name, part in status.databases.items():
        if part.value is None:
            continue
        living = [lease for lease in part.value.leases if lease.remaining >= 0]
        expired = len(part.value.leases) - len(living)
        table.add_row(
            name,
            str(len(living)),
            str(sum(lease.sessions for lease in part.value.leases)),
            _duration(min((lease.remaining for lease in living), default=None)),
            str(expired) if not expired else f"[yellow]{expired}[/yellow]",
        )
    console.print(table)


def _flow(status: ClusterStatus, console: Console) -> None:
    console.print()
    checkout, site = status.databases["checkout"].value, status.databases["site"].value
    if checkout is not None and checkout.sagas is not None:
        told = ", ".join(f"{count} {state}" for state, count in checkout.sagas.items())
        console.print(f"[bold]Sagas[/bold] {told or 'none yet'}")
    if site is not None and site.stream is not None:
        stream = site.stream
        console.print(
            f"[bold]Stream[/bold] at {stream['seq']}, last event {_duration(stream['age'])} ago, "
            f"{_duration(stream['lag'])} behind; {stream['unfinished_checkouts']} checkouts under "
            f"way of at most {stream['checkout_limit'] or NOTHING}, "
            f"{stream['refused_checkouts']} refused for that"
        )


def _duration(seconds: float | None) -> str:
    """A time as short as it can be told: 12 ms, 3.4 s, 5 min, 2 h."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < SECONDS_UP_TO:
        return f"{seconds:.1f} s"
    if seconds < MINUTES_UP_TO:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
