"""The supervisor's report on all processes, by a connection that stays open."""

from __future__ import annotations

import signal
from typing import Any, Final

from circus.client import CircusClient
from circus.exc import CallError

from compose.supervisor import ProcessState, Supervisor, SupervisorError

ANSWER_PATIENCE: Final = 2.0  # seconds


class SupervisorProbe:
    """Asks the supervisor of this process's run directory. For one thread."""

    def __init__(self) -> None:
        self._client: CircusClient | None = None
        self._endpoint = ""

    def ask(self) -> list[ProcessState]:
        """Return every process, servers first, or raise SupervisorError."""
        if self._client is None:
            self._endpoint = Supervisor.connect().endpoint
            self._client = CircusClient(endpoint=self._endpoint, timeout=ANSWER_PATIENCE)
        try:
            answer: dict[str, Any] = self._client.send_message("processes")
        except CallError as error:
            self.close()
            raise SupervisorError("the supervisor does not answer") from error
        if answer["status"] != "ok":
            raise SupervisorError(f"the supervisor refused: {answer.get('reason')}")
        return [
            ProcessState(**{**found, "stop_signal": signal.Signals(found["stop_signal"])})
            for found in answer["processes"]
        ]

    def close(self) -> None:
        if self._client is not None:
            self._client.stop()
            self._client = None
