"""Faults of the network: one service's own link is cut, slow, or a black hole.

A detour through the fault proxy is recorded, then the link's open connections are ended,
so that their clients reconnect through the proxy. A cache's and a provider's connections
need not be ended: their clients read the address at each command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chaos.drivers.driver import Driver, DriverError
from chaos.faults.fault import FaultWords, clients_of
from chaos.faults.messages import check_numbers
from chaos.links.table import lead_astray, lead_back, proxy_address
from cluster.health.armed_faults import ArmedFault
from compose.errors import Misuse
from config.fault_routes import LINKS, Detour, Link

# Connections that name the service among their client properties (`topology.client_properties`).
CLOSE: Final = """
    [(catch rabbit_networking:close_connection(proplists:get_value(pid, C), "chaos: {link}"))
     || C <- rabbit_networking:connection_info_all([pid, client_properties]),
        lists:keyfind(<<"service">>, 1, proplists:get_value(client_properties, C, []))
            =:= {{<<"service">>, longstr, <<"{owner}">>}}], ok.
"""
# By the name that each process sets; an auditor's session does not belong to the service.
TERMINATE: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = '{owner}' AND pid <> pg_backend_pid()
       AND application_name ~ '^((worker|relay)-{owner}(-[0-9]+)?|{owner}-gateway|{owner})$'
"""


@dataclass(slots=True)
class LinkFault:
    """One way in which a link can be broken.

    Parameters of a slow one: `milliseconds` in each direction, and `bytes_per_second`.
    """

    name: str
    mode: str
    words: FaultWords
    milliseconds: int = 0
    lasts: bool = True

    def targets(self) -> tuple[str, ...]:
        return tuple(LINKS)

    def reaches(self, target: str) -> tuple[str, ...]:
        return clients_of(LINKS[target].owner)

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        if target not in LINKS:
            raise Misuse(f"{self.name} has no target {target!r}: {', '.join(LINKS)}.")
        slow = {"milliseconds": 10_000, "bytes_per_second": 1_000_000_000}
        check_numbers(self.name, parameters, slow if self.milliseconds else {})

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        self.check(armed.target, armed.parameters)
        link = LINKS[armed.target]
        try:
            via = proxy_address(link.name)
        except LookupError as error:
            raise DriverError(str(error)) from error
        detour = Detour(
            id=armed.id,
            link=link.name,
            mode=self.mode,
            until=armed.until,
            via=via,
            milliseconds=int(armed.parameters.get("milliseconds", self.milliseconds)),
            bytes_per_second=int(armed.parameters.get("bytes_per_second", 0)),
        )
        lead_astray(detour)
        _end_connections(driver, link)
        return f"{link.owner}'s link to the {link.server} {self._how(detour)}"

    def heal(self, _driver: Driver, armed: ArmedFault) -> str:
        """Remove the detour.

        The proxy then ends the detour's connections by itself.
        """
        lead_back(armed.id)
        link = LINKS[armed.target]
        return f"{link.owner} reaches the {link.server} directly again"

    def _how(self, detour: Detour) -> str:
        match self.mode:
            case "cut":
                return "is cut"
            case "slow":
                width = f" and {detour.bytes_per_second} bytes/s" if detour.bytes_per_second else ""
                return f"takes {detour.milliseconds} ms more each way{width}"
            case _:
                return "swallows everything"


def _end_connections(driver: Driver, link: Link) -> None:
    match link.server:
        case "broker":
            erlang = " ".join(CLOSE.format(link=link.name, owner=link.owner).split())
            driver.broker("eval", erlang)
        case "database":
            statement = TERMINATE.format(owner=link.owner)
            driver.sql(link.owner, [statement], within="postgres")


FAULTS: Final = (
    LinkFault(
        name="cut-link",
        mode="cut",
        words=FaultWords(
            title="Cut a link",
            verb="cut",
            what="Connections of one service to one server are reset, and new ones as well.",
        ),
    ),
    LinkFault(
        name="slow-link",
        mode="slow",
        words=FaultWords(
            title="Slow a link down",
            verb="slowed down",
            what="Whatever one service and one server say to each other arrives late.",
        ),
        milliseconds=200,
    ),
    LinkFault(
        name="blackhole-link",
        mode="blackhole",
        words=FaultWords(
            title="Turn a link into a black hole",
            verb="swallowed",
            what=(
                "Connections of one service to one server are accepted, and nothing comes through: "
                "what a network that loses every packet looks like."
            ),
        ),
    ),
)
