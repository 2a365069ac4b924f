"""Patterns of the cluster, one Markdown file each, for the lab, the plan, the demos and the source.

`PATTERNS` has them by the name of the file. `sources` are the code of a pattern, as targets of
`cluster.kit.source.resolve.locate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portfolio.described import Description, read_descriptions


class Pattern(Description, frozen=True, kw_only=True):
    """A pattern of the cluster: its usual name, its code, and as prose what it does."""

    name: str
    sources: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file that describes it, from the root of the repository."""
        return f"portfolio/patterns/{self.slug}.md"

    @property
    def files(self) -> tuple[str, ...]:
        """The files that its code is in, from the root of the repository."""
        return tuple(
            target if "/" in target else f"{target.partition(':')[0].replace('.', '/')}.py"
            for target in self.sources
        )


PATTERNS: Final[Mapping[str, Pattern]] = read_descriptions(Path(__file__).parent, Pattern)
