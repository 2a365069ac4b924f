"""Redis, a cache that also wakes waiting processes. Its data may be lost at any time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import redis as client
from redis.backoff import NoBackoff
from redis.retry import Retry

from compose.process import Process
from compose.run_directory import RunDirectory, write_private
from compose.system_packages import installed, redis_server

# No path in it: the server runs in its data directory, whose name may hold any character.
SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 128mb
maxmemory-policy allkeys-lru
set-proc-title no
daemonize no
logfile ""
"""


@dataclass(frozen=True)
class Redis:
    """The one Redis server, whose password lies in `secrets/redis`."""

    port: int
    run: RunDirectory

    name = "redis"
    variable = "REDIS_URL"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        data = self.run.data("redis")
        data.mkdir(exist_ok=True)
        settings = SETTINGS.format(port=self.port, password=self.run.secret("redis"))
        write_private(data / "redis.conf", settings)

    def process(self) -> Process:
        program = installed(redis_server(), "Redis", "redis-server")
        return Process(
            name=self.name,
            command=(str(program), literal(self.run.data("redis") / "redis.conf")),
            folder=self.run.data("redis"),
            stop_phase=1,
            is_server=True,
        )

    def is_ready(self) -> bool:
        connection = client.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self.run.secret("redis"),
            socket_timeout=1,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            return bool(connection.ping())
        except client.RedisError:
            return False
        finally:
            connection.close()


def literal(path: Path) -> str:
    """Return the path with `*`, `?` and `[` escaped, since Redis would read it as a pattern.

    A pattern that matches no file is no error to Redis: it would start with its defaults.
    """
    text = str(path)
    return re.sub(r"[*?[\\]", r"\\\g<0>", text) if re.search(r"[*?[]", text) else text
