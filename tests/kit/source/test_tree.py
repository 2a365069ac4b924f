"""The copy of the source holds the tracked files, and nothing from outside of the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cluster.kit.source import tree
from config import environment, revision


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small source without git."""
    (tmp_path / "cluster" / "__pycache__").mkdir(parents=True)
    (tmp_path / "cluster" / "worker.py").write_bytes(b'"""A worker."""\r\nRUN = 1\r\n')
    (tmp_path / "cluster" / "__pycache__" / "worker.py").write_text("compiled")
    (tmp_path / "cluster" / "face.woff2").write_bytes(b"wOF2\0\xff")
    (tmp_path / ".run" / "secrets").mkdir(parents=True)
    (tmp_path / ".run" / "secrets" / "key.txt").write_text("secret")
    (tmp_path / "cluster" / "out.py").symlink_to(tmp_path / ".run" / "secrets" / "key.txt")
    (tmp_path / "docs").symlink_to(tmp_path / ".run" / "secrets")
    (tmp_path / "README.md").write_text("# Read me\n")
    (tmp_path / ".env").write_text("PASSWORD=1\n")
    return tmp_path


def test_without_git_the_known_folders_are_the_source(checkout: Path) -> None:
    assert sorted(tree.take(checkout).files) == ["README.md", "cluster/worker.py"]


def test_with_git_exactly_what_it_tracks_is_the_source(checkout: Path) -> None:
    for arguments in (["init", "-q"], ["add", "--", "cluster"]):
        subprocess.run(["git", "-C", str(checkout), *arguments], check=True)
    taken = tree.take(checkout)
    # The copy leaves out the compiled file, tracked by mistake, and links out of the source.
    assert sorted(taken.files) == ["cluster/face.woff2", "cluster/worker.py"]
    assert taken.files["cluster/face.woff2"].text is None


def test_a_tracked_file_of_the_run_directory_is_still_not_shown(checkout: Path) -> None:
    for arguments in (["init", "-q"], ["add", "--force", "--", ".run", "README.md"]):
        subprocess.run(["git", "-C", str(checkout), *arguments], check=True)
    assert sorted(tree.take(checkout).files) == ["README.md"]


def test_lines_end_alike_whatever_the_file_has(checkout: Path) -> None:
    file = tree.take(checkout).files["cluster/worker.py"]
    assert (file.text, file.lines) == ('"""A worker."""\nRUN = 1\n', 2)


def test_a_later_change_on_the_disk_does_not_show(checkout: Path) -> None:
    taken = tree.take(checkout)
    (checkout / "README.md").write_text("changed")
    assert taken.files["README.md"].text == "# Read me\n"


def test_every_tracked_file_is_in_the_copy_and_in_a_folder() -> None:
    listed = revision.git("ls-files", "-z")
    assert listed is not None
    there = [
        path for path in listed.decode().split("\0") if path and (environment.ROOT / path).is_file()
    ]
    taken = tree.take(environment.ROOT)
    assert sorted(taken.files) == sorted(there)
    in_folders = [
        f"{folder.path}/{name}" if folder.path else name
        for folder in taken.folders.values()
        for name in folder.files
    ]
    assert sorted(in_folders) == sorted(there)


def test_a_checkout_runs_at_the_revision_that_git_names() -> None:
    running = revision.running_revision()
    head = revision.git("rev-parse", "HEAD")
    assert head is not None
    assert (running.full, running.short) == (head.decode().strip(), running.full[:7])


def test_an_image_runs_at_the_revision_that_it_was_built_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revision, "git", lambda *_arguments: None)
    monkeypatch.setenv("REVISION", "0123456789abcdef")
    running = revision.running_revision.__wrapped__()
    assert running == revision.Revision("0123456", "0123456789abcdef", changed=False)
    monkeypatch.delenv("REVISION")
    assert revision.running_revision.__wrapped__().words == "an unnamed revision"


def test_local_changes_are_admitted() -> None:
    assert revision.Revision("abc1234", "abc1234f", changed=True).words == (
        "abc1234 with local changes"
    )
