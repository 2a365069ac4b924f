"""The status of the cluster as compact tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.health.progress import SILENT_AFTER
from cluster.messaging.heartbeats import Heartbeat
from cluster.operations.status import ClusterStatus, Part
from compose.backups.status import since
from compose.supervisor import ProcessState

NOTHING: Final = "–"
UNBOUNDED: Final = 10_000  # columns
SECONDS_UP_TO: Final = 100  # then minutes
MINUTES_UP_TO: Final = 100 * 60  # seconds; then hours


def show_status(status: ClusterStatus, console: Console) -> None:
    """Print all tables, and the deviations last, where a reader finds them first."""
    if status.absent:
        console.print(f"Nothing answers. {escape(status.processes.unreachable)}")
        return
    _processes(status.processes, console)
    _queues(status, console)
    _databases(status, console)
    _leases(status, console)
    _provider_keys(status, console)
    _flow(status, console)
    _backups(status, console)
    console.print()
    for trouble in status.troubles:
        console.print(f"[red]✗[/red] {escape(trouble)}")
    if status.healthy:
        console.print("[green]✓[/green] Everything runs and answers.")


def _table(title: str, *headings: str, numbers: Sequence[str] = ()) -> Table:
    """Return a table whose first column holds names that are never cut.

    The other columns become narrower instead.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", title=title)
    table.title_justify, table.title_style = "left", "bold"
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading in numbers else "left", overflow="fold"
        )
    return table


def _keep_whole(table: Table, place: int, names: Iterable[str]) -> None:
    """Let a column be no narrower than the longest of these names."""
    table.columns[place].min_width = max(map(len, names), default=0)


def _width(table: Table, console: Console) -> int:
    """Return the width that a table needs, in columns of the terminal."""
    return console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum


def _side_by_side(
    console: Console, title: str, headings: tuple[str, ...], cells: Sequence[tuple[str, ...]],
    *, most: int, numbers: Sequence[str] = (), by_column: bool = False,
) -> Table:  # fmt: skip
    """Return a table of as many blocks side by side as the terminal has room for.

    There are `most` blocks at most. The entries go from left to right, or down each block first.
    """
    for blocks in range(most, 0, -1):
        table = _table(title, *headings * blocks, numbers=numbers)
        length = -(-len(cells) // blocks)
        for row in range(length):
            places = [
                row + block * length if by_column else row * blocks + block
                for block in range(blocks)
            ]
            empty = ("",) * len(headings)
            row_cells = [cells[at] if at < len(cells) else empty for at in places]
            table.add_row(*(cell for entry in row_cells for cell in entry))
        for block in range(blocks):
            _keep_whole(table, block * len(headings), (entry[0] for entry in cells))
        if blocks == 1 or _width(table, console) <= console.width:
            return table
    raise ValueError("a table has one block at least")


def _processes(part: Part[list[ProcessState]], console: Console) -> None:
    if part.value is None:
        console.print(f"[bold]Processes[/bold] unreachable: {escape(part.unreachable)}")
        return
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
    headings = ("process", "pid", "state", "age", "restarts")
    console.print(_side_by_side(console, "Processes", headings, cells, most=2, by_column=True))


def _queues(status: ClusterStatus, console: Console) -> None:
    console.print()
    if status.queues.value is None:
        console.print(f"[bold]Queues[/bold] unreachable: {escape(status.queues.unreachable)}")
        return
    numbers = ("ready", "consumers")
    cells = [(q.name, str(q.ready), str(q.consumers)) for q in status.queues.value]
    headings = ("queue", *numbers)
    console.print(_side_by_side(console, "Queues", headings, cells, most=3, numbers=numbers))


def _databases(status: ClusterStatus, console: Console) -> None:
    """Print the messages that wait in each database, and the heartbeats.

    The heartbeats are a column where there is room, and otherwise a table below.
    """
    console.print()
    table = _databases_table(status, heartbeats=True)
    if _width(table, console) <= console.width:
        console.print(table)
        return
    console.print(_databases_table(status, heartbeats=False))
    console.print()
    console.print(_heartbeats_table(status))


def _databases_table(status: ClusterStatus, *, heartbeats: bool) -> Table:
    numbers = ("outbox", "oldest", "parked", "dead letters")
    last = ("heartbeats",) if heartbeats else ()
    table = _table("Databases", "database", *numbers, *last, numbers=numbers)
    _keep_whole(table, 0, status.databases)
    for name, part in status.databases.items():
        vitals = part.value
        if vitals is None:
            unreachable = f"[red]unreachable:[/red] {escape(part.unreachable)}"
            table.add_row(name, *("",) * 4, *((unreachable,) if heartbeats else ()))
            continue
        waiting = str(vitals.dead_letters_waiting)
        if vitals.dead_letters > vitals.dead_letters_waiting:
            waiting += f" ({vitals.dead_letters} kept)"
        cells = (str(vitals.outbox), _duration(vitals.outbox_age), str(vitals.parked), waiting)
        beats = ", ".join(
            f"{beat.process} {_state(beat)} ({_duration(beat.age)} ago)"
            for beat in vitals.heartbeats
        )
        table.add_row(name, *cells, *((beats or "[red]none[/red]",) if heartbeats else ()))
    return table


def _heartbeats_table(status: ClusterStatus) -> Table:
    table = _table("Heartbeats", "process", "state", "ago", numbers=("ago",))
    names = set(status.databases)
    for name, part in status.databases.items():
        if part.value is None:
            table.add_row(name, f"[red]unreachable:[/red] {escape(part.unreachable)}", "")
        elif not part.value.heartbeats:
            table.add_row(name, "[red]none[/red]", "")
        for beat in part.value.heartbeats if part.value else ():
            names.add(beat.process)
            table.add_row(beat.process, _state(beat), _duration(beat.age))
    _keep_whole(table, 0, names)
    return table


def _state(beat: Heartbeat) -> str:
    if beat.age > SILENT_AFTER:
        return "[red]silent[/red]"
    return "consuming" if beat.consuming else "[red]not consuming[/red]"


def _leases(status: ClusterStatus, console: Console) -> None:
    console.print()
    numbers = ("logins", "sessions", "next ends in", "expired")
    table = _table("Leases", "database", *numbers, numbers=numbers)
    _keep_whole(table, 0, status.databases)
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


def _provider_keys(status: ClusterStatus, console: Console) -> None:
    for kind, found in (status.provider_keys.value or {}).items():
        age = "of unknown age"
        if found.since:
            age = f"{_duration((datetime.now(UTC) - found.since).total_seconds())} old"
        waits = "; [yellow]a rotation is wanted[/yellow]" if found.is_wanted else ""
        console.print(f"[bold]{_capital(kind.words)}[/bold] {age}{waits}")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


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


def _backups(status: ClusterStatus, console: Console) -> None:
    found = status.backups
    if found is None:
        return
    ages = [since(moment, datetime.now(UTC)) for moment in (found.ended, found.archived)]
    last, archived = (_duration(None if age is None else age.total_seconds()) for age in ages)
    verified = "verified" if found.verified else "not verified"
    console.print(
        f"[bold]Backups[/bold] the last one {last} ago, {verified}; changes up to {archived} ago"
    )


def _duration(seconds: float | None) -> str:
    """Return a time in its shortest form: 12 ms, 3.4 s, 5 min, 2 h."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < SECONDS_UP_TO:
        return f"{seconds:.1f} s"
    if seconds < MINUTES_UP_TO:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
