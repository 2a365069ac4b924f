"""Start and stop one whole platform. `up`, `down` and the tests all come through here."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from compose import keeping, leftovers, lock, outside
from compose.arguments import parse_port
from compose.errors import PlainError
from compose.ports import answers, choose_ports, choose_web_port
from compose.processes import PORTS, Server, addresses, local_servers, needed_packages, services
from compose.progress import Progress, silent
from compose.run_directory import RunDirectory, socket_path
from compose.servers.postgres import data_directories
from compose.supervise import DETACH
from compose.supervisor import Supervisor, SupervisorError
from compose.system_packages import require
from config.environment import ROOT
from config.waiting import wait_until

SERVER_PATIENCE: Final = 90.0  # seconds; the broker's first start takes 7 on an idle machine
SERVICE_PATIENCE: Final = 60.0  # seconds; the slowest takes 6 on an idle machine
STOP_PATIENCE: Final = 20.0  # seconds; the supervisor's own limit is ten
LOOK_EVERY: Final = 0.1  # seconds
DEATHS: Final = 2  # of a server, before it answers; a single one may be due to what ran before it
SETTLED: Final = 3.0  # seconds; a process that cannot start is dead by then

# A change in these files means that databases, Vault and broker must be prepared again.
CODE: Final = ("articles", "chaos", "cluster", "config", "portfolio")
CODE_SUFFIXES: Final = frozenset({".py", ".sql", ".json", ".md"})


@dataclass
class Platform:
    """A running platform, seen from the process that started it."""

    run: RunDirectory
    address: str
    supervisor: subprocess.Popen[bytes]
    owner_pipe: int
    held: lock.Lock

    def describe(self, *, detached: bool) -> None:
        """Write into the lock what runs here, for `down` and for a second `up`."""
        self.held.describe(
            up=os.getpid(),
            supervisor=self.supervisor.pid,
            address=self.address,
            detached=detached,
        )

    @property
    def way_in(self) -> str:
        """One line on the admin: its address and the first password's file, never the password."""
        password = self.run.secrets / "owner-password"
        try:
            shown = password.relative_to(ROOT)
        except ValueError:
            shown = password
        known = f" as owner; the first password is in {shown}" if password.exists() else ""
        return f"Admin: {self.address}admin/{known}"

    def detach(self) -> None:
        """Let it run on when this process ends."""
        self.describe(detached=True)
        os.write(self.owner_pipe, DETACH)

    def stop(self) -> None:
        """Stop everything that was started, and nothing else."""
        self.supervisor.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.supervisor.wait(STOP_PATIENCE)
        _sweep(self.run)
        self.held.close()
        os.close(self.owner_pipe)


def start(
    run_directory: Path,
    *,
    port: int | None = None,
    detach: bool = True,
    recreate_missing: bool = False,
    progress: Progress | None = None,
) -> Platform:
    """Bring everything up and return when everything answers.

    With `detach` it outlives this process. Without, it ends with this process, however
    that ends. Raises PlainError, having stopped all it started, when something is wrong.
    """
    progress = progress or silent()
    run = RunDirectory(Path(run_directory).resolve())
    surroundings = outside.environment()
    require(needed_packages(surroundings))
    run.make()
    held = _take_lock(run, progress)
    try:
        _sweep(run, progress)
        servers = _configure(run, port, surroundings)
        if not keeping.require_kept(run, servers, recreate=recreate_missing):
            run.update_state(prepared=None, made=[])
        keeping.remember_made(run, servers)
        with progress.step("Preparing the servers"):
            for server in servers:
                server.prepare()
        hold = run.read_state().get("prepared") != digest(run)
        platform = start_supervisor(run, held, surroundings, hold=hold)
    except BaseException:
        held.close()
        raise
    try:
        _bring_up(platform, servers, surroundings, progress)
    except BaseException:
        with progress.step("Stopping what was started"):
            platform.stop()
        raise
    if detach:
        platform.detach()
    return platform


def stop(run_directory: Path) -> bool:
    """Stop the platform of a run directory, and return False when nothing ran."""
    run = RunDirectory(Path(run_directory).resolve())
    facts = lock.holder(run.lock_file)
    if facts and "supervisor" in facts:
        with suppress(ProcessLookupError):
            os.kill(facts["supervisor"], signal.SIGTERM)
        leftovers.wait_until_gone([facts["supervisor"]], patience=STOP_PATIENCE)
    return _sweep(run) or bool(facts)


def _configure(
    run: RunDirectory, port: int | None, surroundings: Mapping[str, str]
) -> list[Server]:
    """Choose ports, record all addresses, and return the servers that will run here."""
    state = run.read_state()
    asked = port if port is not None else _port_from(surroundings)
    web_port = choose_web_port(asked, state.get("web_port"))
    ports = choose_ports(PORTS, state.get("ports", {}), taken=web_port)
    servers = local_servers(run, ports, surroundings)
    run.write_addresses(addresses(servers, ports, surroundings, web_port=web_port))
    run.update_state(
        ports=ports,
        web_port=web_port,
        servers=keeping.code_of_servers(),
        endpoint=f"ipc://{socket_path(run, 'supervisor')}",
        announcements=f"ipc://{socket_path(run, 'events')}",
    )
    return servers


def _take_lock(run: RunDirectory, progress: Progress) -> lock.Lock:
    """Return the lock of this run directory, or raise PlainError when a platform runs there."""
    held = lock.Lock(run.lock_file)
    if held.acquire():
        held.describe(up=os.getpid())
        return held
    facts = lock.holder(run.lock_file) or {}
    if facts.get("detached") or _exists(facts.get("up")):
        held.close()
        where = facts.get("address")
        raise PlainError(
            (f"The platform already runs at {where} " if where else "The platform is starting ")
            + f"(process {facts.get('supervisor') or facts.get('up')}); "
            "stop it with `python3 manage.py down`."
        )
    with progress.step("Waiting for the last platform, whose `up` has died, to stop"):
        # Its supervisor has noticed and is stopping everything.
        wait_until(
            held.acquire,
            within=STOP_PATIENCE,
            every=LOOK_EVERY,
            failure=PlainError(
                f"The last platform does not stop; end its process {facts.get('supervisor')}."
            ),
        )
    held.describe(up=os.getpid())
    return held


def _sweep(run: RunDirectory, progress: Progress | None = None) -> bool:
    """Stop the processes that a crash has left, and return whether there were any."""
    folders = data_directories(run) if run.secrets.exists() else []
    pids = leftovers.find(run.path, data_directories=folders)
    if not pids:
        return False
    with (progress or silent()).step(f"Stopping {len(pids)} processes left by a crash"):
        leftovers.stop_all(run.path, data_directories=folders)
    return True


def _port_from(surroundings: Mapping[str, str]) -> int | None:
    text = outside.named("PORTFOLIO_PORT", surroundings)
    return None if text is None else parse_port(text)


def start_supervisor(
    run: RunDirectory,
    held: lock.Lock,
    surroundings: Mapping[str, str],
    *,
    hold: bool = False,
    adopt: bool = False,
) -> Platform:
    """Start the supervisor in a session of its own, where it keeps the lock for its life."""
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "compose.supervise", str(run.path), "--owner", str(reader)]
    command += ["--lock", str(held.descriptor)]
    command += [*(["--hold-services"] if hold else []), *(["--adopt"] if adopt else [])]
    with run.log("supervisor").open("ab") as log:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **outside.for_processes(surroundings),
                leftovers.MARK: str(run.path),
                **pointers(run),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(reader, held.descriptor),
            start_new_session=True,  # Ctrl-C is for `up`, which then stops it in order
        )
    os.close(reader)
    platform = Platform(
        run=run,
        address=f"http://127.0.0.1:{run.read_state()['web_port']}/",
        supervisor=supervisor,
        owner_pipe=writer,
        held=held,
    )
    platform.describe(detached=False)
    return platform


def pointers(run: RunDirectory) -> dict[str, str]:
    """Return the variables that replace what the shell of `up` exported, for every child."""
    return {
        "PORTFOLIO_RUN_DIR": str(run.path),
        "PORTFOLIO_PORT": str(run.read_state()["web_port"]),
    }


def _bring_up(
    platform: Platform,
    servers: Sequence[Server],
    surroundings: Mapping[str, str],
    progress: Progress,
) -> None:
    run = platform.run
    for server in servers:
        with progress.step(f"{server.name} answers"):
            _wait(platform, server.is_ready, server.name, patience=SERVER_PATIENCE)
    if any((run.path / "chaos" / "armed").glob("*.json")):
        # The platform was stopped in the middle of an experiment, whose fault may have stayed in
        # a server's own files: a read-only database cannot be prepared.
        heals = progress.step("What was left broken on purpose is healed")
        with heals, suppress(PlainError):  # the watchdog goes on with what could not be healed
            run_step(
                [sys.executable, "-m", "chaos.watchdog", "--all"],
                run,
                {**surroundings, **pointers(run)},
            )
    supervisor = Supervisor.connect(run.path)
    wanted = digest(run)
    if not (keeping.is_prepared(run, servers, wanted) and wanted == run.read_state()["prepared"]):
        for process in services():  # they may run already, if only a database's note differs
            supervisor.stop(process.name)
        environment = {**surroundings, **pointers(run), "VAULT_IDENTITY": "operator"}
        with progress.step("Vault and the databases' roles are set up"):
            run_step([sys.executable, "-m", "cluster.secrets.provisioning"], run, environment)
        with progress.step("Schemas, queues and first data are in place"):
            run_step([sys.executable, str(ROOT / "manage.py"), "prepare"], run, environment)
        keeping.remember(run, servers, digest(run))
        for process in services():
            supervisor.start(process.name)
    with progress.step("The site answers"):
        port = run.read_state()["web_port"]
        _wait(platform, lambda: web_answers(port, "/healthz"), "web", patience=SERVICE_PATIENCE)
    with progress.step("The services run"):
        for process in services():
            is_running = partial(runs, supervisor, process.name)
            _wait(platform, is_running, process.name, patience=SERVICE_PATIENCE)
    keeping.remember_made(run, servers)
    with progress.step("The journal is being written"):
        ready = partial(web_answers, port, "/readyz")
        _wait(platform, ready, "worker-site", patience=SERVICE_PATIENCE)


def runs(supervisor: Supervisor, name: str) -> bool:
    """Return whether a process has run for long enough to believe that it will."""
    try:
        found = supervisor.process(name)
    except SupervisorError:
        return False
    return found.status == "running" and (found.age or 0.0) >= SETTLED


def _wait(platform: Platform, condition: Callable[[], bool], name: str, *, patience: float) -> None:
    """Wait for one part, or raise PlainError with the end of its log when it does not come up."""

    def is_so() -> bool:
        if platform.supervisor.poll() is not None:
            raise PlainError(
                f"The supervisor ended early. {last_words(platform.run, 'supervisor')}"
            )
        if condition():
            return True
        if _keeps_dying(platform.run, name):
            raise PlainError(
                f"{name} ends as soon as it is started. {last_words(platform.run, name, count=8)}"
            )
        return False

    if not wait_until(is_so, within=patience, every=LOOK_EVERY):
        raise PlainError(
            f"{name} did not come up within {patience:.0f} s. {last_words(platform.run, name)}"
        )


def web_answers(port: int, path: str) -> bool:
    """Return whether the site answers with 200: at /healthz if it runs, at /readyz if it serves."""
    return answers(port, path, timeout=5)


def run_step(
    command: Sequence[str],
    run: RunDirectory,
    environment: Mapping[str, str],
    *,
    what: str = "Setting up",
) -> None:
    """Run one set-up program, with its output in log/setup.log."""
    log = run.log("setup")
    with log.open("ab") as output:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        raise PlainError(f"{what} failed. {last_words(run, 'setup')}")


def _keeps_dying(run: RunDirectory, name: str) -> bool:
    """Return whether a server has died again after a restart, so that waiting is of no use."""
    try:
        found = Supervisor.connect(run.path).process(name)
    except SupervisorError:
        return False
    return found.is_server and found.restarts >= DEATHS


def last_words(run: RunDirectory, process: str, *, count: int = 1) -> str:
    log = run.log(process)
    with suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        if lines:
            said = "\n".join(_message(line.strip()) for line in lines[-count:])
            return f"Its last words: {said} (more in {log})"
    return f"Its log, {log}, is empty."


def _message(line: str) -> str:
    """Return the message of a line of a log. Most lines are JSON (config/logs.py)."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    return str(told.get("message", line)) if isinstance(told, dict) else line


def digest(run: RunDirectory) -> str:
    """Return a digest of all that a preparation depends on: code, addresses and Vault's keys."""
    digest = hashlib.sha256()
    code = (path for folder in CODE for path in (ROOT / folder).rglob("*"))
    files = sorted(path for path in code if path.suffix in CODE_SUFFIXES)
    for path in [*files, run.platform_file, run.secrets / "openbao.json"]:
        digest.update(f"{path}\0".encode())
        with suppress(FileNotFoundError):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _exists(pid: object) -> bool:
    return isinstance(pid, int) and Path(f"/proc/{pid}").exists()
