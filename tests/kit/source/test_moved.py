"""Names that articles and bookmarks were written with lead to where the source is today."""

from __future__ import annotations

import pytest
from django.test import Client

from cluster.kit.source.moved import DEFINITIONS, ELSEWHERE, FOLDERS, MODULES, moved
from cluster.kit.source.resolve import UnknownSource, locate
from cluster.kit.source.tree import snapshot


@pytest.mark.parametrize("before", MODULES)
def test_every_entry_leads_to_a_module_or_a_package(before: str) -> None:
    path = MODULES[before].replace(".", "/")
    assert f"{path}.py" in snapshot().files or path in snapshot().folders
    assert f"{before.replace('.', '/')}.py" not in snapshot().files, "it is there again"


@pytest.mark.parametrize("before", FOLDERS)
def test_every_folder_that_went_elsewhere_is_there(before: str) -> None:
    assert FOLDERS[before] in snapshot().folders


@pytest.mark.parametrize("before", DEFINITIONS)
def test_every_renamed_definition_is_found(before: str) -> None:
    assert locate(before) == locate(f"{before.partition(':')[0]}:{DEFINITIONS[before]}")


@pytest.mark.parametrize("before", ELSEWHERE)
def test_every_definition_that_went_elsewhere_is_found(before: str) -> None:
    assert locate(before) == locate(ELSEWHERE[before])


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("cluster.secrets.keeper:Keeper._run", "cluster.secrets.lease_renewer:LeaseRenewer._run"),
        ("chaos.observer.outages", "cluster.health.observer.outages"),
        ("chaos.observer.store", "cluster.health.observer.repository"),
        ("portfolio/requests.py", "cluster/storefront/checkout_intake.py"),
        ("portfolio/requests.py:1-3", "cluster/storefront/checkout_intake.py:1-3"),
        ("chaos/static/chaos/board.js:1-3", "portfolio/static/chaos/board.js:1-3"),
    ],
)
def test_a_name_of_before_is_what_it_is_called_today(before: str, today: str) -> None:
    assert moved(before) == today
    assert locate(before) == locate(today)


@pytest.mark.parametrize("name", ["cluster.worker", "cluster/worker.py", "nothing.at.all", "x"])
def test_what_has_not_moved_has_no_other_name(name: str) -> None:
    assert moved(name) is None


def test_what_was_never_there_is_unknown_under_the_name_that_was_asked_for() -> None:
    with pytest.raises(UnknownSource, match="requests_of_nobody"):
        locate("portfolio.requests_of_nobody")


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("cluster/secrets/keeper.py", "cluster/secrets/lease_renewer.py"),
        ("portfolio/journal/", "cluster/storefront/journal/"),
        ("chaos/observer", "cluster/health/observer/"),
        ("portfolio/static/portfolio/site.css", "cluster/kit/static/kit/site.css"),
        ("portfolio/templates/portfolio/graph", "cluster/kit/templates/kit/graph/"),
        ("chaos/templates/chaos/board.html", "portfolio/templates/chaos/board.html"),
        ("portfolio/owner/seeds/profile.yaml", "articles/owner/seeds/profile.yaml"),
    ],
)
def test_a_bookmark_of_what_has_moved_is_sent_on_for_good(before: str, today: str) -> None:
    answer = Client(HTTP_HOST="127.0.0.1").get(f"/source/{before}")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"/source/{today}"
