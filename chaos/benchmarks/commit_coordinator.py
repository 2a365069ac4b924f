"""A coordinator that stops at its worst moment, prints `between`, and waits to be killed.

python -m chaos.benchmarks.commit_coordinator two_phase|saga_steps
"""

from __future__ import annotations

import sys
import time
from uuid import uuid4

import psycopg

from chaos.benchmarks.commit import ANNOUNCE, GIVE, GIVER, TAKE, TAKER
from chaos.benchmarks.scratch import address

LONGEST = 30.0  # seconds: it ends soon after a bench that has died


def main(flow: str) -> None:
    giver = psycopg.connect(**address(GIVER), autocommit=True)
    taker = psycopg.connect(**address(TAKER), autocommit=True)
    giver.execute("BEGIN")
    giver.execute(GIVE, (0,))
    if flow == "two_phase":
        # Both participants have prepared, and the decision is not written down.
        taker.execute("BEGIN")
        taker.execute(TAKE, (0,))
        name = uuid4().hex
        giver.execute(f"PREPARE TRANSACTION '{name}'".encode())
        taker.execute(f"PREPARE TRANSACTION '{name}'".encode())
    else:
        # The first step is committed with its message; the second has not begun.
        giver.execute(ANNOUNCE, (uuid4(),))
        giver.execute("COMMIT")
    print("between", flush=True)
    time.sleep(LONGEST)


if __name__ == "__main__":
    main(sys.argv[1])
