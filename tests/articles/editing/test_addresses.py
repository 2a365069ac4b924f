"""Every tag and every series has an address, and different names have different addresses."""

from __future__ import annotations

import re

import pytest
from django.utils.text import slugify
from hypothesis import given
from hypothesis import strategies as st

from articles.addresses import address_of, means_something, series_titled, tag_named
from articles.models import LONGEST_SLUG, Tag


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("rabbitmq", "rabbitmq"),
        ("Message queues", "message-queues"),
        ("Node.js", "nodejs"),
        ("Café", "cafe"),
        ("3.10", "310"),
        ("C++", "c-plus-plus"),
        ("C#", "c-sharp"),
    ],
)
def test_a_name_of_ascii_words_has_them_as_its_address(name: str, address: str) -> None:
    assert address_of(name, kind="tag") == address


@pytest.mark.parametrize("name", ["消息队列", "🚀", "Кафка", "Kafka 队列", "a" * 90])
def test_what_ascii_cannot_spell_is_told_apart_by_a_digest(name: str) -> None:
    address = address_of(name, kind="tag")
    assert re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{8}", address)
    assert len(address) <= LONGEST_SLUG
    assert address != address_of(f"{name}!x", kind="tag")


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=80))
def test_every_name_has_an_address_that_the_site_can_serve(name: str) -> None:
    assert re.fullmatch(r"[-a-zA-Z0-9_]+", address_of(name, kind="tag"))


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]*([ -][A-Za-z0-9]+)*", fullmatch=True))
def test_an_ordinary_tag_keeps_the_address_that_it_always_had(name: str) -> None:
    if len(name) <= LONGEST_SLUG:
        assert address_of(name, kind="tag") == slugify(name)


@pytest.mark.parametrize(
    ("name", "meaning"), [("C", True), ("🚀", True), ("!?", False), ("", False)]
)
def test_a_name_of_punctuation_alone_means_nothing(name: str, meaning: bool) -> None:
    assert means_something(name) is meaning


@pytest.mark.platform
@pytest.mark.usefixtures("site")
class TestTagsOfTheDatabase:
    def test_two_names_are_two_tags_even_where_their_words_are_the_same(self) -> None:
        names = ("test C++", "test C#", "test C", "Test.C", "test 队列", "test 消息")
        assert len({tag_named(name).slug for name in names}) == len(names)

    def test_a_name_written_otherwise_is_the_same_tag(self) -> None:
        tag = tag_named("Test queues")
        assert tag_named("test QUEUES") == tag
        assert tag_named("test-queues") == tag

    def test_a_tag_keeps_an_address_of_before(self) -> None:
        old = Tag.objects.create(name="testC++", slug="testc")
        assert tag_named("testC++") == old
        assert tag_named("testC").slug != old.slug

    def test_a_tag_that_the_owner_has_renamed_is_found_by_its_address(self) -> None:
        renamed = Tag.objects.create(name="Test sagas and choreography", slug="test-sagas")
        assert tag_named("Test sagas") == renamed

    def test_series_are_told_apart_as_well(self) -> None:
        assert series_titled("消息").slug != series_titled("队列").slug
        assert series_titled("消息") == series_titled("消息")
