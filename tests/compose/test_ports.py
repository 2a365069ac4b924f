"""`up` chooses ports that are free, stay the same, and lie below the kernel's ephemeral range."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from compose.errors import PlainError
from compose.ports import CANDIDATES, choose_ports, choose_web_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_every_name_gets_a_port_of_its_own() -> None:
    chosen = choose_ports(["a", "b", "c"], {}, taken=8000)
    assert len(set(chosen.values())) == 3
    assert all(port in CANDIDATES and is_free(port) for port in chosen.values())


def test_recorded_ports_are_kept_while_they_are_free() -> None:
    recorded = choose_ports(["a", "b"], {}, taken=8000)
    assert choose_ports(["a", "b"], recorded, taken=8000) == recorded


def test_a_recorded_port_that_was_taken_meanwhile_is_replaced(taken: int) -> None:
    recorded = {**choose_ports(["a"], {}, taken=8000), "b": taken}
    chosen = choose_ports(["a", "b"], recorded, taken=8000)
    assert chosen["a"] == recorded["a"]
    assert chosen["b"] != taken


def test_no_server_gets_the_port_of_the_site() -> None:
    recorded = choose_ports(["a"], {}, taken=8000)
    assert choose_ports(["a"], recorded, taken=recorded["a"]) != recorded


def test_a_port_that_was_asked_for_and_is_in_use_is_an_error(taken: int) -> None:
    with pytest.raises(PlainError, match=f"Port {taken} is in use by another program"):
        choose_web_port(taken, None)


def test_without_a_wish_the_site_keeps_its_port(taken: int) -> None:
    recorded = choose_ports(["web"], {}, taken=8000)["web"]
    assert choose_web_port(None, recorded) == recorded
    assert choose_web_port(None, taken) != taken
