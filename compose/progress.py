"""Progress in the terminal: one line a step, with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console


class Progress(Protocol):
    """The place where steps are shown."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Return a context manager around one step, which has failed when its body raises."""

    def say(self, text: str) -> None:
        """Show one line beside the steps."""


class TerminalProgress:
    """A spinner at the running step in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            if self.console.is_terminal:
                with self.console.status(f"{title} …"):
                    yield
            else:
                yield
        except BaseException:
            self.console.print(f"[red]✗[/] {title}")
            raise
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - begun:.1f} s[/]")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)


class SilentProgress:
    """A progress that shows nothing, for tests and programs."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002
        yield

    def say(self, text: str) -> None:
        """Show nothing."""
