"""A process that says what it is asked to say, and then waits to be killed."""

from __future__ import annotations

import sys

from portfolio.demos.killed_process import await_the_end, end_in_time, say

if __name__ == "__main__":
    end_in_time()
    say(sys.stdin.read())
    await_the_end()
