"""Work that a thread repeats beside other work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(act: Callable[[], object], *, every: float, name: str) -> Iterator[None]:
    """Run `act` in a thread, every so many seconds, until the block ends or `act` returns False.

    The first run comes after the first pause. The block waits at its end for a run in progress.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every):
            if act() is False:
                return

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
