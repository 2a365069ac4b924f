"""The tables of a service and its messages, consumed and published, from its declarations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from django.apps import apps
from django.db.models import Model

from cluster.health.observer.snapshot import Snapshot
from cluster.kit.source.resolve import target_of
from cluster.messaging.contract import REGISTRY, Kind, MessageType
from cluster.services import load_all
from portfolio.architecture.drawing import Figure, figure

# The site's other tables (pages, articles, people) are no part of its work as a service.
SITE_TABLES: Final = (
    "journal",
    "checkout_request",
    "refund_request",
    "erasure_request",
    "product",
    "own_product",
    "contact_message",
)
# The tables that every database has for its messages, in the order of their way through it.
MESSAGING: Final = (
    "inbox",
    "inbox_stream",
    "parked",
    "outbox",
    "outbox_stream",
    "dead_letter",
    "counter",
    "heartbeat",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with its model's docstring and the source of the model."""

    name: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message type that a service consumes or publishes, and its present rate."""

    name: str
    kind: str
    says: str
    source: str
    other: str  # the services that publish or consume it
    figure: Figure


@cache
def own_tables(service: str) -> tuple[Table, ...]:
    """Return the tables that only this service has."""
    label = "portfolio" if service == "site" else service
    models = list(apps.get_app_config(label).get_models())
    if service == "site":
        by_name = {_name(model): model for model in models}
        models = [by_name[name] for name in SITE_TABLES if name in by_name]
    return tuple(_table(model) for model in models)


@cache
def messaging_tables() -> tuple[Table, ...]:
    """Return the tables that each database has for its messages."""
    models = {_name(model): model for model in apps.get_app_config("messaging").get_models()}
    return tuple(_table(models[name]) for name in MESSAGING if name in models)


def heard(service: str, snapshot: Snapshot | None) -> list[MessageRow]:
    """Return the message types that a service's queue is bound to, none for one that journals."""
    names = next(one for one in load_all() if one.name == service).consumes()
    return [
        _row(REGISTRY[name], REGISTRY[name].owner, snapshot) for name in sorted(names, key=_by_kind)
    ]


def told(service: str, snapshot: Snapshot | None) -> list[MessageRow]:
    """Return the events that this service publishes."""
    names = [
        declared.name
        for declared in REGISTRY.values()
        if declared.owner == service and declared.kind is Kind.EVENT
    ]
    return [_row(REGISTRY[name], ", ".join(_hearers(name)), snapshot) for name in sorted(names)]


def _hearers(name: str) -> Iterator[str]:
    yield from (one.name for one in load_all() if one.journals or name in one.consumes())


def _by_kind(name: str) -> tuple[bool, str]:
    return REGISTRY[name].kind is not Kind.COMMAND, name


def _row(declared: MessageType, other: str, snapshot: Snapshot | None) -> MessageRow:
    return MessageRow(
        declared.name,
        declared.kind.value,
        _first_line(declared.schema.__doc__),
        f"message:{declared.name}",
        other,
        figure("", f"r/by_type/{declared.name}", "rate", snapshot),
    )


def _table(model: type[Model]) -> Table:
    return Table(
        _name(model),
        _first_line(model.__doc__),
        target_of(model),
    )


def _first_line(doc: str | None) -> str:
    """Return the first paragraph of a docstring, or nothing of Django's and msgspec's own."""
    text = (doc or "").strip()
    if "(" in text.split("\n", 1)[0][:40] and text.split("(", 1)[0].isidentifier():
        return ""
    return " ".join(text.split("\n\n", 1)[0].split()).replace("`", "")


def _name(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django documents it as public
