"""A sandbox provider that belongs to one run of a demo, which may stop it for any time.

All visitors share the cluster's provider. This is the same program with books of its own, in a
process that the demo can stop with SIGSTOP: it stays connected and does not answer.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.server import Keys, Provider
from portfolio.demos.killed_process import EndedTooSoon, child, end_in_time, say

MODULE: Final = __name__  # as the site imports it
NAME: Final = "demo-provider"
API_KEY: Final = "demo"  # valid in this process alone, which ends with the run
# No process listens there: the demo reads the books, and waits for no webhook.
NO_WEBHOOKS: Final = "http://127.0.0.1:9/"


@dataclass(frozen=True, slots=True)
class OwnProvider:
    """The provider's URL, and the pid of its process, which can be stopped."""

    url: str
    pid: int

    def stop(self) -> None:
        """Stop the process, so that it answers no request. The kernel still accepts connections."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def own_provider() -> Iterator[OwnProvider]:
    """Run a provider while the block lasts. Raises EndedTooSoon when it does not start."""
    with (
        tempfile.TemporaryDirectory(prefix=f"{NAME}-") as folder,
        child(MODULE, folder, name=NAME) as (process, port),
    ):
        if not port:
            raise EndedTooSoon("The demo’s own provider did not come up. Try again in a moment.")
        yield OwnProvider(f"http://127.0.0.1:{port}", process.pid)


def main(folder: str) -> None:
    """Serve on a free port, which is printed, until killed. The books are in `folder`."""
    end_in_time()
    logging.disable()
    with socket.create_server(("127.0.0.1", 0)) as at:
        books = Books(Path(folder) / "books.sqlite")
        keys = Keys(api_key=API_KEY, webhook_secret=API_KEY)
        provider = Provider(books, keys, webhook_url=NO_WEBHOOKS)
        say(str(at.getsockname()[1]))
        web.run_app(
            provider.application(),
            sock=at,
            access_log=None,
            print=lambda *_: None,
            handle_signals=False,
        )


if __name__ == "__main__":
    main(sys.argv[1])
