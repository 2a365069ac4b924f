"""The running revision: that of the git checkout, or the one that an image was built from."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from config import environment

GIT_PATIENCE: Final = 10.0  # seconds; it takes hundredths of one
SHORT: Final = 7  # digits, as git shows them
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision by its short and its full name, and whether the files differ from it."""

    short: str
    full: str
    changed: bool

    @property
    def known(self) -> bool:
        return self.full != UNKNOWN

    @property
    def words(self) -> str:
        """The revision as a sentence names it."""
        if not self.known:
            return "an unnamed revision"
        return f"{self.short} with local changes" if self.changed else self.short


def git(*arguments: str, root: Path = environment.ROOT) -> bytes | None:
    """Return git's answer about the checkout, or None without git or a checkout, or on failure.

    It only reads: git would otherwise refresh its index, and could block a commit.
    """
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            check=True,
            timeout=GIT_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout


@cache
def running_revision() -> Revision:
    """Return the revision of this process as it was at the first call, which the start makes."""
    head = git("rev-parse", "HEAD")
    if head is not None:
        full = head.decode().strip()
        # An untracked file may run too, so it counts as a change.
        differs = git("status", "--porcelain")
        return Revision(full[:SHORT], full, changed=bool(differs))
    full = environment.revision() or _recorded(environment.ROOT / "REVISION") or UNKNOWN
    return Revision(full if full == UNKNOWN else full[:SHORT], full, changed=False)


def _recorded(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
