"""Progress in the terminal: one line a step, with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console


class Progress:
    """A spinner at the running step in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show one step, which has failed when the body of the context raises."""
        begun = time.monotonic()
        spins = self.console.is_terminal and not self.console.quiet
        try:
            with self.console.status(f"{title} …") if spins else nullcontext():
                yield
        except BaseException:
            self.console.print(f"[red]✗[/] {title}")
            raise
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - begun:.1f} s[/]")

    def say(self, text: str) -> None:
        """Show one line beside the steps."""
        self.console.print(text, markup=False)


def silent() -> Progress:
    """Return a progress that shows nothing, for tests and programs."""
    return Progress(Console(quiet=True))
