"""A process gathers static files once and completely, and never deletes those of another."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from asgiref.testing import ApplicationCommunicator

from config import static_build
from config.environment import ROOT
from config.static_files import StaticFiles
from config.static_storage import NamingStorage

PLACE = "kit/typefaces"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test a directory of its own, and a process that has gathered nothing yet."""
    monkeypatch.setenv("STATIC_DIRECTORY", str(place))
    monkeypatch.setattr(static_build._State, "gathered", None)
    monkeypatch.setattr(static_build._State, "held", [])
    yield
    for file in static_build._State.held:
        file.close()


async def not_reached(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the static files, for requests that they answer."""
    raise AssertionError(scope["path"])


async def answer(
    application: StaticFiles, path: str, **headers: str
) -> tuple[dict[str, Any], bytes]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    communicator = ApplicationCommunicator(application, scope)
    start = await communicator.receive_output()
    body = await communicator.receive_output()
    named = {name.decode(): value.decode() for name, value in start["headers"]}
    return {"status": start["status"], **named}, body["body"]


def test_every_reference_leads_to_a_file_that_was_gathered() -> None:
    gathered = static_build.gather()
    for name, hashed in gathered.names.items():
        assert (gathered.folder / hashed).is_file(), name
    script = (gathered.folder / gathered.names["kit/event-stream.js"]).read_text()
    imported = re.findall(r'from "\./([^"]+)"', script)
    assert imported
    for name in imported:
        assert f"kit/{name}" in gathered.names.values()
    lazy = (gathered.folder / gathered.names["kit/shell.js"]).read_text()
    assert Path(gathered.names["kit/palette.js"]).name in lazy


def test_nothing_changed_is_nothing_done() -> None:
    folder = static_build.gather().folder
    made = (folder / "staticfiles.json").stat().st_ino
    again = static_build.gather()
    assert again.folder == folder
    assert (folder / "staticfiles.json").stat().st_ino == made


def test_a_changed_file_changes_its_own_name_and_links_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = static_build.gather()
    sources = static_build._sources()
    changed = tmp_path / "icon.svg"
    changed.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    storage = type("Storage", (), {"path": staticmethod(lambda _name: str(changed))})()
    sources["kit/icon.svg"] = (storage, "icon.svg")
    monkeypatch.setattr(static_build, "_sources", lambda: sources)
    after = static_build.gather()
    differing = {name for name, hashed in after.names.items() if before.names[name] != hashed}
    assert differing == {"kit/icon.svg"}
    tokens = before.names["kit/tokens.css"] + ".br"
    assert (after.folder / tokens).stat().st_ino == (before.folder / tokens).stat().st_ino


def test_two_processes_that_start_at_once_make_one_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "STATIC_DIRECTORY": str(tmp_path)}
    command = [sys.executable, "-m", "config.static_build"]
    both = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert len(list(tmp_path.glob(f"*/{static_build.IN_USE}"))) == 1
    assert list(tmp_path.glob(f"{static_build.UNFINISHED}*")) == []


def test_a_folder_that_a_process_serves_is_kept_and_others_are_not(place: Path) -> None:
    current = static_build.gather()
    for name in ("a", "b", "c", "served", "forgotten"):
        (place / name).mkdir()
        (place / name / static_build.IN_USE).touch()
    for age, name in enumerate(("forgotten", "served")):
        os.utime(place / name, (age, age))
    with (place / "served" / static_build.IN_USE).open() as other_process:
        fcntl.flock(other_process, fcntl.LOCK_SH)
        static_build._forget_old(place, current.folder)
        assert (place / "served").is_dir()
    assert not (place / "forgotten").exists()
    assert current.folder.is_dir()


def test_a_broken_reference_costs_the_hashed_names_and_not_the_site(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ValueError("'a.js' refers to 'b.js'")

    monkeypatch.setattr(static_build, "gather", broken)
    assert static_build.ensure() is None
    assert "plain names are served" in caplog.text
    assert NamingStorage(base_url="/static/").url("kit/site.css") == "/static/kit/site.css"


def test_templates_name_what_this_process_has_gathered() -> None:
    gathered = static_build.ensure()
    assert gathered is not None
    url = NamingStorage(base_url="/static/").url("kit/site.css")
    assert url == "/static/" + gathered.names["kit/site.css"]
    assert re.fullmatch(r"/static/kit/site\.[0-9a-f]{12}\.css", url)


async def test_a_hashed_file_is_compressed_and_kept_for_ever() -> None:
    gathered = static_build.ensure()
    assert gathered is not None
    files = StaticFiles(not_reached, prefix="/static/")
    path = "/static/" + gathered.names["kit/site.css"]
    headers, body = await answer(files, path, accept_encoding="gzip, br")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-encoding"] == "br"
    assert headers["x-content-type-options"] == "nosniff"
    assert brotli.decompress(body) == (gathered.folder / path.removeprefix("/static/")).read_bytes()


async def test_a_plain_name_is_answered_for_a_minute() -> None:
    static_build.ensure()
    files = StaticFiles(not_reached, prefix="/static/")
    headers, _ = await answer(files, "/static/kit/site.css")
    assert (headers["status"], headers["cache-control"]) == (200, "max-age=60, public")


async def test_a_process_that_gathered_nothing_serves_the_apps_files() -> None:
    files = StaticFiles(not_reached, prefix="/static/")
    headers, body = await answer(files, "/static/kit/tokens.css")
    assert headers["status"] == 200
    assert body == (ROOT / "cluster/kit/static/kit/tokens.css").read_bytes()


def test_the_faces_of_a_first_view_are_light_and_licensed() -> None:
    gathered = static_build.gather()
    layout = (ROOT / "cluster/kit/templates/kit/layout.html").read_text()
    preloaded = re.findall(rf"{PLACE}/[\w-]+\.woff2", layout)
    sizes = [(gathered.folder / gathered.names[name]).stat().st_size for name in preloaded]
    assert sum(sizes) <= 62 * 1024
    for family in ("literata", "barlow-condensed", "dm-mono"):
        licence = gathered.folder / gathered.names[f"{PLACE}/{family}-OFL.txt"]
        assert "SIL Open Font License" in licence.read_text()


def test_the_manifest_is_part_of_the_folder() -> None:
    gathered = static_build.gather()
    manifest = json.loads((gathered.folder / "staticfiles.json").read_text())
    assert manifest["paths"] == gathered.names
