"""The description of each node: its purpose, its patterns, and their source.

A service is described in `portfolio/lab/participants/`, and every other node in `nodes/`, by its
kind. The processes that only look after others have a file each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from cluster.services import MODULES
from compose.processes import services
from portfolio.architecture.plan import Kind, Node
from portfolio.described import Description, named, read_descriptions
from portfolio.lab.services import PARTICIPANTS
from portfolio.patterns import PATTERNS, Pattern


class NodeText(Description, frozen=True, kw_only=True):
    """The file of one kind of node, or of one process. The prose is its purpose."""

    source: str = ""
    command: str = ""
    shown: tuple[str, ...] = msgspec.field(name="patterns", default=())


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The purpose of a node, its patterns, its source, and the command that runs it."""

    purpose: str
    patterns: tuple[Pattern, ...] = ()
    source: str = ""
    command: str = ""


_NODES: Final[Mapping[str, Knowledge]] = {
    slug: Knowledge(
        text.prose,
        named(PATTERNS, text.shown, by=f"the node {slug}"),
        text.source,
        text.command,
    )
    for slug, text in read_descriptions(Path(__file__).parent / "nodes", NodeText).items()
}
_SERVICES: Final[Mapping[str, Knowledge]] = {
    name: Knowledge(one.lead, one.all_patterns, f"{MODULES[name]}:SERVICE")
    for name, one in PARTICIPANTS.items()
}
named(_NODES, sorted(set(Kind) - {Kind.SERVICE, Kind.KEEPER}), by="the plan")


def knowledge(node: Node) -> Knowledge:
    """Return the description of a node."""
    if node.kind is Kind.SERVICE:
        return _SERVICES[node.name]
    return _NODES[node.name if node.kind is Kind.KEEPER else node.kind]


def command_of(node: Node) -> str:
    """Return the command that runs a process, without the path of this machine's Python."""
    return _own_commands().get(node.name, knowledge(node).command)


@cache
def _own_commands() -> dict[str, str]:
    return {
        process.name: " ".join(
            "python" if word == sys.executable else word for word in process.command
        )
        for process in services()
    }
