"""Redis: a cache and a doorbell. What it holds may be lost at any time."""

from __future__ import annotations

from dataclasses import dataclass

import redis as client
from redis.backoff import NoBackoff
from redis.retry import Retry

from compose.errors import PlainError
from compose.process import Process
from compose.run_directory import RunDirectory, write_private
from compose.system_packages import redis_server

SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {data}
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
    """The one Redis server; its password lies in `secrets/redis`."""

    port: int
    run: RunDirectory

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        data = self.run.data("redis")
        data.mkdir(exist_ok=True)
        settings = SETTINGS.format(port=self.port, password=self.run.secret("redis"), data=data)
        write_private(data / "redis.conf", settings)

    def process(self) -> Process:
        program = redis_server()
        if program is None:
            raise PlainError(
                "Redis is missing: apt-get install --no-install-recommends redis-server"
            )
        return Process(
            name=self.name,
            command=(str(program), str(self.run.data("redis") / "redis.conf")),
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
