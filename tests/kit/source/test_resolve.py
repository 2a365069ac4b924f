"""A name leads to its lines: of functions, methods, constants, messages, pages and files."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any

import pytest
from django.http import HttpResponse

import portfolio.pages.journal
from cluster.kit.source import resolve, tree
from cluster.kit.source.resolve import UnknownSource, constant, excerpt, locate, locate_object
from cluster.messaging import contract, relay
from cluster.services import load_all
from cluster.storefront import admission
from portfolio.edge import headers


def first_lines(target: str, count: int = 1) -> str:
    return "\n".join(excerpt(target).text.split("\n")[:count])


@pytest.mark.parametrize(
    ("target", "running"),
    [
        ("cluster.messaging.relay:Relay.run", relay.Relay.run),
        ("cluster.messaging.relay:Relay", relay.Relay),
        ("cluster.messaging.contract:MessageType", contract.MessageType),
        ("portfolio.edge.headers:SecurityHeadersMiddleware", headers.SecurityHeadersMiddleware),
    ],
)
def test_the_lines_are_those_of_what_runs(target: str, running: Any) -> None:
    lines, first = inspect.getsourcelines(running)
    location = locate(target)
    assert excerpt(target).text == "".join(lines)
    assert (location.first, location.last) == (first, first + len(lines) - 1)


def test_a_decorated_view_is_shown_with_its_decorators() -> None:
    assert first_lines("portfolio.pages.journal:saga", 3) == (
        "@require_safe\n@answers_when_away(JOURNAL_AWAY)\n"
        "def saga(request: HttpRequest, saga_id: UUID) -> HttpResponse:"
    )
    assert locate_object(portfolio.pages.journal.saga) == locate("portfolio.pages.journal:saga")


def test_a_constant_is_shown_as_it_is_set() -> None:
    assert excerpt("cluster.messaging.relay:SWEEP").text == f"SWEEP: Final = {relay.SWEEP}\n"
    assert constant("cluster.messaging.relay:SWEEP")[1] == str(relay.SWEEP)
    assert constant("cluster.storefront.admission:PERIOD")[1] == "timedelta(minutes=1)"
    assert admission.PERIOD.total_seconds() == 60


def test_a_constant_over_several_lines_is_shown_whole() -> None:
    text = excerpt("cluster.messaging.relay:READ_BATCH").text
    assert text.startswith('READ_BATCH: Final = """\n')
    assert text.endswith('"""\n')


def test_an_attribute_of_a_class_is_found() -> None:
    assert excerpt("cluster.messaging.contract:Kind.COMMAND").text.startswith(
        '    COMMAND = "command"'
    )


def test_a_name_that_a_module_has_from_another_leads_to_where_it_is_written() -> None:
    assert locate("portfolio.pages.journal:problem") == locate("cluster.kit.problems:problem")
    assert (
        locate("portfolio.pages.checkouts:DatabaseUnavailable").path
        == "cluster/secrets/postgres.py"
    )


def test_a_module_that_is_not_loaded_is_read_and_not_imported() -> None:
    # The module would install an event loop of its own.
    assert first_lines("portfolio.server:WebServer.handle_reply").startswith(
        "    async def handle_reply("
    )
    assert "portfolio.server" not in sys.modules


def test_a_message_type_leads_to_its_schema() -> None:
    assert first_lines("message:orders.confirm_order.v1", 2) == (
        '@command("orders.confirm_order.v1", aggregate="order")\n'
        "class ConfirmOrder(Payload, frozen=True):"
    )


def test_every_message_type_is_found() -> None:
    load_all()
    for name, declared in contract.REGISTRY.items():
        written = excerpt(f"message:{name}").text
        # Code makes the system events of each service. The lines shown are of their base class.
        names = [declared.schema.__name__, declared.schema.__mro__[1].__name__]
        assert any(f"class {each}(" in written for each in names), name


def test_an_address_leads_to_its_view() -> None:
    assert locate("route:/healthz") == locate("portfolio.edge.health:healthz")
    assert locate("route:/asyncapi.json") == locate("portfolio.pages.asyncapi:asyncapi")


def test_templates_static_files_and_paths_are_found() -> None:
    whole = locate("template:kit/layout.html")
    assert (whole.path, whole.fragment) == ("cluster/kit/templates/kit/layout.html", "")
    assert locate("static:kit/tokens.css").words == "cluster/kit/static/kit/tokens.css"
    assert locate("README.md").url == "/source/README.md"
    assert locate("cluster.messaging.relay").url == "/source/cluster/messaging/relay.py"
    assert locate("manage.py:1-3").url == "/source/manage.py#L1-L3"
    assert locate("cluster/worker.py:2").words == "cluster/worker.py:2"


def test_a_location_is_printed_and_addressed_by_its_lines() -> None:
    location = resolve.Location("cluster/messaging/relay.py", 40, 72)
    assert location.words == "cluster/messaging/relay.py:40–72"
    assert location.url == "/source/cluster/messaging/relay.py#L40-L72"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("cluster.messaging.relay:Nothing", "There is no “Nothing” in cluster/messaging/relay.py."),
        ("cluster.nothing:Relay", "There is no module “cluster.nothing” in the running source."),
        ("os:remove", "There is no module “os” in the running source."),
        ("cluster/nothing.py", "There is no file “cluster/nothing.py” in the running source."),
        ("../etc/passwd", "There is no file “../etc/passwd” in the running source."),
        ("message:orders.nothing.v1", "No contract declares the message type “orders.nothing.v1”."),
        ("route:/nothing-here", "No page of this site has the address “/nothing-here”."),
        ("template:nothing.html", "There is no file “nothing.html” under templates."),
        ("cluster/worker.py:3-100000", None),
        ("cluster/worker.py:9-3", None),
        ("", "There is no file “” in the running source."),
        (":", "There is no file “:” in the running source."),
    ],
)
def test_what_is_not_there_is_said_in_words(target: str, sentence: str | None) -> None:
    with pytest.raises(UnknownSource) as caught:
        locate(target)
    assert sentence is None or str(caught.value) == sentence


def test_a_function_of_a_library_is_not_ours() -> None:
    with pytest.raises(UnknownSource, match="is not from this source"):
        locate_object(functools.wraps)


def test_lines_are_refused_when_the_file_had_changed_before_it_was_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "portfolio/edge/health.py"
    file = tree.snapshot().files[path]
    assert file.text is not None
    older = tree.SourceFile(path, "# One more line.\n" + file.text, file.size)
    copy = tree.Snapshot({**tree.snapshot().files, path: older}, tree.snapshot().folders)
    monkeypatch.setattr(resolve, "snapshot", lambda: copy)
    with pytest.raises(UnknownSource, match="had changed"):
        locate("portfolio.edge.health:healthz")


def test_a_function_that_has_run_is_still_recognised() -> None:
    for _ in range(100):  # until the interpreter has specialised the bytecode
        headers.harden(HttpResponse())
    assert locate("portfolio.edge.headers:harden").path == "portfolio/edge/headers.py"
