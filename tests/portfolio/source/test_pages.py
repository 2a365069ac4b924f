"""The pages below /source/, and the tags that link to them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import quote

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import resolve
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.kit.source.tree import snapshot
from config import environment
from config.revision import Revision
from portfolio.source import views
from portfolio.source.purposes import FOLDERS, lead_of, purpose_of

RELAY = "/source/cluster/messaging/relay.py"


@pytest.fixture(autouse=True)
def no_public_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the owner's profile name no repository, since these tests have no database."""
    monkeypatch.setattr(views, "public_repository", lambda: "")


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(HTTP_HOST="127.0.0.1")


def check_files(client: Client, paths: Iterable[str]) -> None:
    """Assert that each file has a page with all its lines, and can be read as plain text."""
    for path in paths:
        file = snapshot().files[path]
        page = client.get(f"/source/{quote(path)}")
        assert page.status_code == 200, path
        if file.text is not None:
            assert page.content.count(b'<a class="number"') == max(1, file.lines), path
            raw = client.get(f"/source/{quote(path)}?raw=1")
            assert raw.content.decode() == file.text
            assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_file_of_each_kind_can_be_shown_and_read_as_plain_text(client: Client) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for path, _ in sorted(snapshot().files.items(), key=lambda item: item[1].lines):
        kinds[PurePath(path).suffix or path].append(path)
    check_files(client, (paths[len(paths) // 2] for paths in kinds.values()))  # of median length


@pytest.mark.full
def test_every_file_can_be_shown_and_read_as_plain_text(client: Client) -> None:
    check_files(client, snapshot().files)


def test_every_folder_can_be_shown_and_says_what_it_is_for(client: Client) -> None:
    for path in snapshot().folders:
        address = f"/source/{path}/" if path else "/source/"
        assert client.get(address).status_code == 200
        assert not path or purpose_of(path), path


@pytest.mark.parametrize("path", FOLDERS)
def test_a_folder_with_a_text_of_its_own_is_described_there_alone(path: str) -> None:
    assert path in snapshot().folders
    own = (snapshot().files.get(f"{path}/{name}") for name in ("__init__.py", "README.md"))
    assert [file.path for file in own if file and lead_of(file)] == []


def test_a_folder_without_its_slash_leads_to_it(client: Client) -> None:
    answer = client.get("/source/cluster")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/source/cluster/")


def test_a_page_names_revision_definitions_patterns_and_importers(client: Client) -> None:
    page = client.get(RELAY).content.decode()
    home = "/source/portfolio/patterns/transactional-outbox.md"
    assert f'<a href="{home}">Transactional outbox</a>' in page
    assert "Nobody publishes to the broker from a handler." in client.get(home).content.decode()
    assert "takes messages from one database&#x27;s outbox to the broker" in page
    assert re.search(r'<a href="#L\d+-L\d+">_drain</a>', page)
    assert '<a href="/source/tests/messaging/test_relay.py">' in page
    assert 'Revision <span class="revision">' in page


def test_lines_in_the_address_are_marked_without_a_script(client: Client) -> None:
    page = client.get(f"{RELAY}?lines=40-42").content.decode()
    assert re.findall(r'class="line chosen" id="(L\d+)"', page) == ["L40", "L41", "L42"]
    assert "Lines 40–42 are marked." in page


@pytest.mark.parametrize("lines", ["9999", "0", "x", "<b>", "1-2-3"])
def test_lines_that_are_not_there_are_said_so(client: Client, lines: str) -> None:
    page = client.get(RELAY, {"lines": lines})
    assert page.status_code == 200
    assert "This file has no lines" in page.content.decode()
    assert b"<b>" not in page.content


def test_a_copy_is_asked_about_and_not_sent_again(client: Client) -> None:
    # As plain text, since a page also shows the cluster's state, and changes with that.
    assert client.get(RELAY).headers["Cache-Control"] == "public, no-cache"
    first = client.get(f"{RELAY}?raw=1")
    again = client.get(f"{RELAY}?raw=1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_public_repository_is_linked_at_this_revision(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert b"public repository" not in client.get(RELAY).content
    monkeypatch.setattr(views, "public_repository", lambda: "https://example.org/owner/name")
    monkeypatch.setattr(views, "running_revision", lambda: Revision("abc", "abc123", changed=False))
    page = client.get(f"{RELAY}?lines=40-42").content.decode()
    assert "https://example.org/owner/name/blob/abc123/cluster/messaging/relay.py#L40-L42" in page
    monkeypatch.setattr(views, "public_repository", lambda: "javascript:alert(1)")
    assert b"javascript:" not in client.get(RELAY).content


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".run/platform.json",
        "../etc/passwd",
        "cluster/../manage.py",
        "./manage.py",
        "cluster//worker.py",
        "/etc/passwd",
        "manage.py/",
        "manage.py\0",
        "cluster\\worker.py",
        "cluster/__pycache__/worker.cpython-311.pyc",
        "x" * 5000,
    ],
)
def test_what_is_not_the_source_is_not_found_and_said_so(client: Client, path: str) -> None:
    answer = client.get(f"/source/{quote(path)}", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    detail = answer.json()["detail"]
    assert detail.startswith("There is no file or folder “")
    assert len(detail) < 200


PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        ".run",
        ".git",
        "cluster",
        "worker.py",
        "manage.py",
        "%2e%2e",
        "..%2f",
        "~",
        "etc",
    ]
) | st.text(max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=8).map("/".join))
def test_no_address_reads_anything_but_the_copy(path: str) -> None:
    request = RequestFactory().get("/source/", headers={"Accept": "application/json"})
    answer = views.source(request, path)
    known = path in snapshot().files or path.removesuffix("/") in snapshot().folders
    assert (answer.status_code in {200, 301}) == known


def rendered(text: str, address: str = "/source/", **context: str) -> str:
    request = RequestFactory().get(address)
    request.resolver_match = resolve(address)
    return Template("{% load source %}" + text).render(Context({"request": request, **context}))


def test_a_link_names_file_and_lines() -> None:
    assert re.fullmatch(
        r'<a class="source" href="/source/cluster/messaging/relay.py#L(\d+)-L(\d+)">'
        r"cluster/messaging/relay.py:\1–\2</a>",
        rendered('{% source "cluster.messaging.relay:Relay.run" %}'),
    )
    assert rendered('{% source "README.md" words %}', words="read <me>") == (
        '<a class="source" href="/source/README.md">read &lt;me&gt;</a>'
    )


def test_a_link_that_leads_nowhere_is_words_and_the_page_goes_on() -> None:
    assert rendered('{% source "cluster.nothing:X" %}') == (
        '<span class="source">cluster.nothing:X</span>'
    )
    assert rendered('{% source_url "cluster.nothing:X" as url %}[{{ url }}]') == "[]"


def test_a_page_can_link_to_what_made_it() -> None:
    assert 'href="/source/portfolio/edge/health.py#L' in rendered("{% source_here %}", "/healthz")
    django_made_it = rendered("{% source_here %}", "/admin/password_change/")
    assert django_made_it == ""


def test_every_link_in_the_templates_leads_somewhere() -> None:
    from cluster.kit.source.resolve import locate

    for template in environment.ROOT.glob("*/templates/**/*.html"):
        for target in re.findall(r"{% source(?:_url)? \"([^\"]+)\"", template.read_text()):
            assert locate(target), (template, target)
