"""The served AsyncAPI document agrees with the contracts and the handler tables."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from django.test import RequestFactory
from django.urls import resolve

from cluster.messaging import asyncapi, contract
from cluster.messaging.contract import REGISTRY, ContractError, Kind, MessageType, Payload
from cluster.messaging.envelope import CONTENT_TYPE, dataschema, encode_envelope, new_message_id
from cluster.services import load_all
from portfolio.pages.asyncapi import asyncapi as view
from portfolio.pages.asyncapi import document as served
from tests.json_pointers import references, resolved
from tests.messaging.messages import reserve_stock

DOCUMENT: dict[str, Any] = json.loads(served())
TYPES = sorted(REGISTRY)


def fixed_by(name: str) -> dict[str, Any]:
    """Return the properties that this message type adds to the envelope of all."""
    fixed: dict[str, Any] = DOCUMENT["components"]["messages"][name]["payload"]["allOf"][1]
    return fixed["properties"]  # type: ignore[no-any-return]


def operations(service: str, action: str) -> set[str]:
    """Return the types that a service sends or receives, according to the operations."""
    return {
        reference["$ref"].rpartition("/")[2]
        for name, operation in DOCUMENT["operations"].items()
        if name.startswith(f"{service}.{action}.")
        for reference in operation["messages"]
    }


def test_the_document_has_what_the_specification_requires() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert all({"host", "protocol"} <= server.keys() for server in DOCUMENT["servers"].values())
    assert all({"address", "messages"} <= known.keys() for known in DOCUMENT["channels"].values())
    assert all(
        {"action", "channel"} <= operation.keys() and operation["action"] in {"send", "receive"}
        for operation in DOCUMENT["operations"].values()
    )


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(TYPES)
    for reference in found:
        assert resolved(DOCUMENT, reference)


def test_what_the_messaging_layer_announces_is_in_it_too() -> None:
    assert "orders.message_deduplicated.v1" in DOCUMENT["components"]["messages"]
    assert "site.credentials_rotated.v1" in DOCUMENT["components"]["messages"]


@pytest.mark.parametrize("name", TYPES)
def test_the_dataschema_of_an_envelope_leads_to_the_schema_of_its_payload(name: str) -> None:
    declared = REGISTRY[name]
    address, _, fragment = dataschema(declared).partition("#")
    assert resolve(address).func is view
    schema = resolved(DOCUMENT, f"#{fragment}")
    assert schema["title"] == declared.schema.__name__
    assert set(schema["properties"]) == set(declared.schema.__struct_fields__)
    assert schema["additionalProperties"] is False
    assert fixed_by(name)["dataschema"]["const"] == dataschema(declared)
    assert fixed_by(name)["data"] == {"$ref": f"#{fragment}"}


@pytest.mark.parametrize("name", TYPES)
def test_a_message_is_in_one_channel_whose_address_is_its_routing_key(name: str) -> None:
    channels = [known for known in DOCUMENT["channels"].values() if name in known["messages"]]
    assert len(channels) == 1
    ((parameter, values),) = channels[0]["parameters"].items()
    keys = [channels[0]["address"].replace(f"{{{parameter}}}", verb) for verb in values["enum"]]
    assert sorted(keys) == sorted(channels[0]["messages"])
    assert channels[0]["bindings"]["amqp"]["exchange"]["name"] == "cluster.events"
    assert DOCUMENT["components"]["messages"][name]["contentType"] == CONTENT_TYPE


@pytest.mark.parametrize("service", load_all(), ids=lambda service: service.name)
def test_a_service_sends_its_events_and_receives_what_it_handles(service: Any) -> None:
    owned = {
        name
        for name, known in REGISTRY.items()
        if known.owner == service.name and known.kind is Kind.EVENT
    }
    assert operations(service.name, "send") == owned
    heard = set(REGISTRY) if service.journals else set(service.consumes())
    assert operations(service.name, "receive") == heard


def test_only_the_source_of_an_event_is_known() -> None:
    assert fixed_by("catalog.stock_reserved.v1")["source"] == {"const": "catalog"}
    assert "source" not in fixed_by("catalog.reserve_stock.v1")


def test_the_envelope_is_described_as_it_goes_over_the_wire() -> None:
    schema = DOCUMENT["components"]["schemas"]["CloudEvent"]
    bare = reserve_stock()
    assert set(json.loads(encode_envelope(bare))) == set(schema["required"])
    whole = msgspec.structs.replace(bare, causationid=new_message_id(), traceparent="00-0-0-00")
    assert set(json.loads(encode_envelope(whole))) == set(schema["properties"])


def test_two_schemas_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class StockReserved(Payload, frozen=True):
        """Another type of this name."""

    other = MessageType("site.stock_reserved.v1", "site", Kind.EVENT, "page", StockReserved)
    monkeypatch.setattr(asyncapi, "REGISTRY", {**contract.REGISTRY, other.name: other})
    with pytest.raises(ContractError, match="a schema named StockReserved"):
        asyncapi.document(load_all())


def test_it_is_served_as_json_with_a_validator(rf: RequestFactory) -> None:
    answer = view(rf.get("/asyncapi.json"))
    assert answer.status_code == HTTPStatus.OK
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == DOCUMENT
    again = view(rf.get("/asyncapi.json", headers={"If-None-Match": answer["ETag"]}))
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    assert again["ETag"] == answer["ETag"]


def test_it_can_only_be_read(rf: RequestFactory) -> None:
    assert view(rf.head("/asyncapi.json")).status_code == HTTPStatus.OK
    assert view(rf.post("/asyncapi.json")).status_code == HTTPStatus.METHOD_NOT_ALLOWED
