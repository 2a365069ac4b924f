"""The owner's texts: seeds that never overwrite edits, case studies, and unsafe content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.exceptions import ValidationError
from django.test import Client

from articles.owner import queries
from articles.owner.models import PAGES, CaseStudy, Page, Profile, SeedImport
from articles.owner.prose import UnreadableProse, rendered
from articles.owner.queries import NotKnown
from articles.owner.seeding import BadSeed, Seed, _checked, _import, _seeds_of, import_seeds, seeds
from cluster.kit.source.resolve import locate
from portfolio.templatetags.words import prose

ALL = list(seeds())
STUDIES = [seed for seed in ALL if seed.model is CaseStudy]


# Seeds -----------------------------------------------------------------------------------


def test_there_are_words_for_every_page_and_for_the_owner() -> None:
    assert {seed.key["key"] for seed in ALL if seed.model is Page} == {key for key, _ in PAGES}
    assert sum(seed.model is Profile for seed in ALL) == 1
    assert len(STUDIES) == 4


@pytest.mark.parametrize("seed", ALL, ids=lambda seed: seed.name)
def test_every_seed_is_what_the_admin_would_accept(seed: Seed) -> None:
    seed.model(**seed.key, **seed.fields).full_clean(
        validate_unique=False, validate_constraints=False
    )


@pytest.mark.parametrize("seed", ALL, ids=lambda seed: seed.name)
def test_every_link_of_a_seed_to_the_source_leads_there(seed: Seed) -> None:
    text = json.dumps(dict(seed.fields), default=str)
    for path in re.findall(r"/source/([\w/.]+\w)", text):
        assert locate(path).path == path


@pytest.fixture
def trial(platform: Any, django_db_blocker: Any) -> Iterator[Seed]:
    """A seed of the tests' own, whose rows are deleted afterwards."""
    seed = Seed(
        "work/trial-of-the-tests",
        CaseStudy,
        {"slug": "trial-of-the-tests"},
        {"title": "A trial", "client": "Nobody", "summary": "One.", "visible": False},
    )
    with django_db_blocker.unblock():
        yield seed
        CaseStudy.objects.filter(**seed.key).delete()
        SeedImport.objects.filter(name=seed.name).delete()


def row(seed: Seed) -> CaseStudy:
    return CaseStudy.objects.get(**seed.key)


def changed(seed: Seed, **fields: str) -> Seed:
    return replace(seed, fields={**seed.fields, **fields})


@pytest.mark.platform
def test_a_seed_is_imported_once(trial: Seed) -> None:
    assert (_import(trial), _import(trial)) == (True, False)


@pytest.mark.platform
def test_a_row_that_nobody_has_edited_follows_its_seed(trial: Seed) -> None:
    _import(trial)
    assert _import(changed(trial, summary="Two."))
    assert row(trial).summary == "Two."


@pytest.mark.platform
def test_what_the_owner_has_edited_is_never_overwritten(trial: Seed) -> None:
    _import(trial)
    CaseStudy.objects.filter(**trial.key).update(summary="The owner's own.")
    assert not _import(changed(trial, title="Another"))
    assert (row(trial).title, row(trial).summary) == ("A trial", "The owner's own.")


@pytest.mark.platform
def test_what_the_owner_has_deleted_does_not_come_back(trial: Seed) -> None:
    _import(trial)
    CaseStudy.objects.filter(**trial.key).delete()
    assert not _import(changed(trial, summary="Two."))
    assert not CaseStudy.objects.filter(**trial.key).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"title: '\xff'", "it cannot be read"),
        (b"title: [", "it cannot be read"),
        (b"just words", "it is no list of fields"),
        (b"heading: A word", "heading"),
        (b'title: "a\\0b"', "U+0000"),
        (b'title: "a\\x0cb"', "U+000C"),
        (b'title: "a\\ud800b"', "U+D800"),
        (b"title: " + b"x" * 121, "at most 120 characters"),
        (b"order: 40000", "32767"),
        (b"order: never", "must be an integer"),
    ],
)
def test_a_bad_seed_is_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "work" / "bad.yaml"
    file.parent.mkdir()
    file.write_bytes(content)

    with pytest.raises(BadSeed, match=re.escape(said)):
        [_checked(seed) for seed in _seeds_of(file)]


@pytest.mark.platform
def test_a_bad_seed_keeps_none_of_the_others_away(trial: Seed, tmp_path: Path) -> None:
    for name, title in (("bad", "x" * 121), (trial.key["slug"], "A trial")):
        file = tmp_path / "work" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"title: {title}\nvisible: false\n")

    written, refusals = import_seeds(tmp_path)

    assert (written, row(trial).title) == (1, "A trial")
    assert [sentence.split(" was ")[0] for sentence in refusals] == ["profile.yaml", "bad.yaml"]


# Texts -----------------------------------------------------------------------------------


def test_no_text_of_the_owner_can_run_code_in_a_visitors_browser() -> None:
    for evil in ("<script>alert(1)</script>", "[x](javascript:alert(1))", "<b onclick=x()>y</b>"):
        with pytest.raises(UnreadableProse, match=r"Line 1"):
            rendered(evil)
        assert "<script" not in prose(evil)
        assert "<b " not in prose(evil)


def test_a_text_that_cannot_be_drawn_is_refused_with_its_line() -> None:
    with pytest.raises(UnreadableProse, match=r"Line 3"):
        rendered("One.\n\n::: figure no-such-figure\n:::\n")
    with pytest.raises(ValidationError):
        Profile(
            name="x",
            role="x",
            location="x",
            introduction="x",
            about="::: listing no.such:thing\n:::\n",
        ).full_clean(validate_unique=False, validate_constraints=False)


def test_a_text_that_can_no_longer_be_drawn_is_shown_as_it_was_written() -> None:
    assert prose("::: figure <gone>\n:::") == "<pre>::: figure &lt;gone&gt;\n:::</pre>"


def test_figures_are_read_line_by_line() -> None:
    study = CaseStudy(figures="Volume: 10 million: a day\n\nalone\n", technologies=".NET, , SQL ")
    assert study.figure_list == [("Volume", "10 million: a day"), ("", "alone")]
    assert study.technology_list == [".NET", "SQL"]


def test_an_empty_section_of_a_case_study_is_not_shown() -> None:
    study = CaseStudy(problem="P.", approach="A.", outcome="  ")
    assert [heading for _, heading, _ in study.sections] == ["The problem", "The approach"]


# Pages -----------------------------------------------------------------------------------


@pytest.mark.platform
@pytest.mark.parametrize("path", ["/work/", "/about/", "/lab/", "/contact/"])
def test_each_page_has_a_title_a_description_and_one_address(platform_url: str, path: str) -> None:
    page = requests.get(f"{platform_url}{path}", timeout=10).text
    assert re.search(r"<title>[^<]{5,70}</title>", page)
    [description] = re.findall(r'<meta name="description" content="([^"]*)">', page)
    assert 40 <= len(description) <= 170
    assert f'<link rel="canonical" href="{platform_url}{path}">' in page
    assert page.count("<h1") == 1


@pytest.mark.platform
def test_work_lists_the_visible_studies_and_each_has_a_page(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/work/", timeout=10).text
    addresses = re.findall(r'<h2><a href="(/work/[^"]+)"', page)
    assert addresses
    for address in addresses:
        assert requests.get(f"{platform_url}{address}", timeout=10).status_code == 200


@pytest.mark.platform
def test_an_unknown_study_is_not_found(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/work/no-such-thing/", timeout=10)
    assert (answer.status_code, "no piece of work" in answer.text) == (404, True)


@pytest.mark.platform
def test_about_describes_a_person_for_search_engines(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/about/", timeout=10).text
    [structured] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert json.loads(structured)["mainEntity"]["@type"] == "Person"


def test_with_the_database_away_the_pages_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_key: str = "") -> Any:
        raise NotKnown

    monkeypatch.setattr("portfolio.pages.owner_pages.words_of", away)
    monkeypatch.setattr("portfolio.lab.views.words_of", away)
    monkeypatch.setattr(queries, "_remembered", {})
    client = Client(headers={"Authorization": "none"})
    for path in ("/work/", "/about/", "/lab/"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "the site’s database is away" in answer.content.decode()
