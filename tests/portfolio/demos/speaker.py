"""A process that prints its standard input, and then waits until it is killed."""

from __future__ import annotations

import sys

from portfolio.demos.killed_process import await_the_end, end_in_time, say

if __name__ == "__main__":
    end_in_time()
    say(sys.stdin.read())
    await_the_end()
