"""Replace the revision of a running platform by this checkout's, while it is under load.

The databases, the broker, Redis and OpenBao go on running. Everything of ours is replaced, one kind
of process after the other, and the revision before goes on if this one does not come up. See
docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compose import handover, keeping, leftovers, lock, platform
from compose.errors import PlainError
from compose.ports import choose_ports
from compose.processes import PORTS, Server, addresses, local_servers, needed_packages, services
from compose.progress import Progress
from compose.run_directory import RunDirectory
from compose.supervisor import Supervisor, SupervisorError, process_tree
from compose.system_packages import require
from compose.web_upgrade import replace_web
from config.environment import ROOT
from config.waiting import wait_until

WITHIN: Final = 60.0  # seconds for one kind of process to run; the slowest takes 6 when idle
HANDS_OVER_WITHIN: Final = 30.0  # seconds
LOOK: Final = 0.1  # seconds
WEB: Final = "web"
# What stands in the place of what has been replaced, in this order: all consumers of messages first
# and at once, so that none of the revision before meets a message of this one.
KINDS: Final = (
    ("Workers", ("worker-",)),
    ("Relays", ("relay-",)),
    ("Gateway, provider and clock", ("payments-gateway", "provider", "beat")),
    ("Observer, watchdog, runner and fault proxy", ("",)),
)


@dataclass(frozen=True)
class Running:
    """The platform that is to be upgraded."""

    run: RunDirectory
    supervisor: int
    detached: bool
    surroundings: Mapping[str, str]  # those of its `up`

    @property
    def port(self) -> int:
        port: int = self.run.read_state()["web_port"]
        return port


def upgrade(run_directory: Path, progress: Progress) -> str:
    """Replace the running revision, and return the site's address.

    Raises PlainError when that cannot be done. The revision before goes on then.
    """
    run = RunDirectory(Path(run_directory).resolve())
    with _alone(run):
        running = _find(run)
        require(needed_packages(running.surroundings))
        servers = _configure(running)
        with progress.step("This revision's supervisor can be started"):
            _try_supervisor()
        environment = {
            **running.surroundings, **platform.pointers(run), "VAULT_IDENTITY": "operator"
        }  # fmt: skip
        _prepare(run, environment, progress)
        with progress.step("This revision's supervisor has taken everything over"):
            _replace_supervisor(running)
        supervisor = Supervisor.connect(run.path)
        try:
            _replace_processes(running, supervisor, progress)
        except BaseException:
            with progress.step("The revision before is put back"):
                _put_back(supervisor)
            raise
        with progress.step("What only the revision before needed is taken back"):
            platform.run_step(_provisioning(), run, environment)
        keeping.remember(run, servers, platform.digest(run))
        keeping.remember_made(run, servers)
        _say_what_waits(run, progress)
    return f"http://127.0.0.1:{running.port}/"


@contextmanager
def _alone(run: RunDirectory) -> Iterator[None]:
    """Keep a second upgrade of the same platform out."""
    if not run.path.is_dir():
        raise PlainError(_nothing_runs(run))
    held = lock.Lock(run.path / "upgrade.lock")
    try:
        if not held.acquire():
            raise PlainError("Another upgrade of this platform is under way.")
        yield
    finally:
        held.close()


def _nothing_runs(run: RunDirectory) -> str:
    return (
        f"No platform runs in {run.path}. Name its run directory in PORTFOLIO_RUN_DIR, "
        "or start one with `python3 manage.py up`."
    )


def _find(run: RunDirectory) -> Running:
    facts: dict[str, Any] = lock.holder(run.lock_file) or {}
    supervisor = facts.get("supervisor")
    surroundings = handover.environment_of(supervisor)
    if supervisor is None or not surroundings:
        raise PlainError(_nothing_runs(run))
    if any((run.path / "chaos" / "armed").glob("*.json")):
        raise PlainError("Something is broken on purpose; upgrade when that experiment has ended.")
    surroundings.pop(leftovers.MARK, None)
    return Running(run, supervisor, bool(facts.get("detached")), surroundings)


def _configure(running: Running) -> list[Server]:
    """Record the addresses of what this revision adds, and return the servers that run here."""
    run, surroundings = running.run, running.surroundings
    state = run.read_state()
    added = [name for name in PORTS if name not in state["ports"]]
    ports = state["ports"] | choose_ports(added, state["ports"], taken=running.port)
    servers = local_servers(run, ports, surroundings)
    run.write_addresses(addresses(servers, ports, surroundings, web_port=running.port))
    run.update_state(ports=ports)
    return servers


def _try_supervisor() -> None:
    command = [sys.executable, "-m", "compose.supervise", "--help"]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise PlainError(f"It ends with: {tried.stderr.strip().rpartition(os.linesep)[2]}")


def _provisioning(*options: str) -> list[str]:
    return [sys.executable, "-m", "cluster.secrets.provisioning", *options]


def _prepare(run: RunDirectory, environment: Mapping[str, str], progress: Progress) -> None:
    """Let servers and databases serve both revisions."""
    with progress.step("Vault and the databases' roles serve both revisions"):
        platform.run_step(_provisioning("--beside-earlier"), run, environment)
    with progress.step("Schemas, queues and data serve both revisions"):
        prepare = [sys.executable, str(ROOT / "manage.py"), "prepare", "--beside-earlier"]
        platform.run_step(prepare, run, environment)


# The supervisor -------------------------------------------------------------------------


def _replace_supervisor(running: Running) -> None:
    """Return when the supervisor is this revision's and has all the processes that run."""
    client = Supervisor.connect(running.run.path)
    name = str(time.time_ns())
    command = [sys.executable, "-m", "compose.supervise", "--upgrade", name]
    try:
        client.hand_over(command, ROOT)
    except SupervisorError:  # of the revisions before there were upgrades
        _succeed(running, client)
    else:
        wait_until(
            lambda: name in handover.words(running.supervisor, "cmdline"),
            within=HANDS_OVER_WITHIN,
            every=LOOK,
            failure=PlainError("The supervisor does not make way for this revision's."),
        )
    wait_until(
        lambda: _answers(client),
        within=HANDS_OVER_WITHIN,
        every=LOOK,
        failure=PlainError(
            f"This revision's supervisor does not answer (see {running.run.log('supervisor')}). "
            "Everything goes on without one: stop and start it with `manage.py down` and `up`."
        ),
    )


def _answers(client: Supervisor) -> bool:
    with suppress(SupervisorError):
        return bool(client.processes())
    return False


def _succeed(running: Running, client: Supervisor) -> None:
    """Take over from a supervisor that cannot hand over: its processes outlive its end."""
    run, before = running.run, running.supervisor
    if not running.detached:
        raise PlainError(
            "The `up` of this earlier revision would stop everything if its supervisor were "
            "replaced: end it with Ctrl-C, and start this revision."
        )
    found = wait_until(lambda: _frozen(before, client), within=HANDS_OVER_WITHIN, every=LOOK)
    if not found:
        raise PlainError("The supervisor starts processes all the time; see `cluster status`.")
    handover.write(run, found)
    leftovers.send_signal(before, signal.SIGKILL)
    leftovers.wait_until_gone([before], patience=platform.STOP_PATIENCE)
    held = lock.Lock(run.lock_file)
    # A process that was just being started has the supervisor's files until it runs its program.
    wait_until(
        held.acquire,
        within=HANDS_OVER_WITHIN,
        every=LOOK,
        failure=PlainError(
            "The lock of the run directory is still held: `manage.py down` and `up`."
        ),
    )
    began = platform.start_supervisor(run, held, running.surroundings, adopt=True)
    began.detach()
    held.close()
    os.close(began.owner_pipe)


def _frozen(supervisor: int, client: Supervisor) -> list[handover.Left]:
    """Stop a supervisor at a moment in which it has just the children that it tells of."""
    found = client.processes()
    leftovers.send_signal(supervisor, signal.SIGSTOP)
    told = {one.pid for one in found if one.pid is not None}
    children = {pid for pid in process_tree(supervisor) if _parent(pid) == supervisor}
    if told == children:
        return [handover.as_left(one) for one in found]
    leftovers.send_signal(supervisor, signal.SIGCONT)
    return []


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


# The processes --------------------------------------------------------------------------


def _replace_processes(running: Running, supervisor: Supervisor, progress: Progress) -> None:
    ours = [process.name for process in services()]
    gone = [
        found.name
        for found in supervisor.processes()
        if not found.is_server and found.name not in ours
    ]
    if any(found.name == "unsealer" for found in supervisor.processes()):
        supervisor.restart("unsealer")
    left = [name for name in ours if name != WEB]
    for title, starts in KINDS:
        names = [name for name in left if name.startswith(starts)]
        left = [name for name in left if name not in names]
        with progress.step(f"{title}: this revision's run"):
            _replace(running.run, supervisor, names)
    with progress.step("Web server: this revision's serves, and the one before has ended"):
        replace_web(running.run, running.port, supervisor)
    with progress.step("What this revision does not have is stopped"):
        for name in gone:
            supervisor.stop(name)
    with progress.step("The site is ready"):
        wait_until(
            lambda: platform.web_answers(running.port, "/readyz"),
            within=WITHIN,
            every=LOOK,
            failure=PlainError(f"It is not, after {WITHIN:.0f} s; /readyz says why."),
        )


def _replace(run: RunDirectory, supervisor: Supervisor, names: Sequence[str]) -> None:
    """Replace processes of one kind at once, each stopped warmly, and wait until they run."""
    wanted = [name for name in names if supervisor.process(name).status != "stopped"]
    for name in names:
        supervisor.renew(name)
    _restart(supervisor, wanted)
    for name in wanted:
        _await(run, supervisor, name)


def _restart(supervisor: Supervisor, names: Sequence[str]) -> None:
    if names:
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(supervisor.restart, names))


def _await(run: RunDirectory, supervisor: Supervisor, name: str) -> None:
    # A process that ends as soon as it starts never gets old enough.
    wait_until(
        lambda: platform.runs(supervisor, name),
        within=WITHIN,
        every=LOOK,
        failure=PlainError(f"{name} does not run. {platform.last_words(run, name)}"),
    )


def _put_back(supervisor: Supervisor) -> None:
    """Let every process be the revision's before."""
    found = [one for one in supervisor.processes() if not one.is_server]
    for one in found:
        supervisor.revert(one.name)
    folder = str(ROOT)
    _restart(
        supervisor,
        [one.name for one in found if one.pid is not None and _runs_in(one.pid, folder)],
    )


def _runs_in(pid: int, folder: str) -> bool:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/cwd").readlink()) == folder
    return False


def _say_what_waits(run: RunDirectory, progress: Progress) -> None:
    if run.read_state().get("servers") != keeping.code_of_servers():
        progress.say(
            "The databases, the broker, Redis and OpenBao run on as they were started. What this "
            "revision configures otherwise applies after `manage.py down` and `up`."
        )
