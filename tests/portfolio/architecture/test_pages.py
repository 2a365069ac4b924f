"""Every node of the plan has a page, and a page says in a sentence which part is away."""

from __future__ import annotations

from uuid import UUID

import pytest
import requests

from portfolio.architecture.plan import plan

pytestmark = pytest.mark.platform


def page(platform_url: str, address: str) -> requests.Response:
    return requests.get(f"{platform_url}/architecture/{address}", timeout=15)


@pytest.mark.parametrize("name", ["", *(f"{name}/" for name in plan().nodes)])
def test_every_node_has_a_page(platform_url: str, name: str) -> None:
    answer = page(platform_url, name)
    assert (answer.status_code, "<architecture-canvas" in answer.text) == (200, True)


def test_the_whole_plan_leads_to_every_node(platform_url: str) -> None:
    text = page(platform_url, "").text
    assert [name for name in plan().nodes if f'href="/architecture/{name}/"' not in text] == []


def test_a_short_name_leads_to_the_process(platform_url: str) -> None:
    answer = page(platform_url, "gateway/")
    assert answer.url == f"{platform_url}/architecture/payments-gateway/"


def test_an_unknown_node_is_a_plain_page(platform_url: str) -> None:
    answer = page(platform_url, "mainframe/")
    assert (answer.status_code, "Nothing on the plan is called" in answer.text) == (404, True)


def test_the_latest_path_lists_its_messages_in_order(platform_url: str) -> None:
    text = page(platform_url, "?path=latest&only=path").text
    assert text.index(">begins<") < text.index("+")
    assert 'data-hop="2"' in text


@pytest.mark.parametrize("asked", ["nonsense", str(UUID(int=1))])
def test_a_path_that_nobody_took_is_a_sentence(platform_url: str, asked: str) -> None:
    answer = page(platform_url, f"?path={asked}")
    assert answer.status_code == 200
    assert "There is no saga of this id in the journal." in answer.text
