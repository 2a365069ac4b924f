"""Two storages of static files: one that gathers them under hashed names, one that knows the names.

docs/adr/0014-static-files.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)

from config import static_build

log = logging.getLogger(__name__)


class GatheringStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashes, rewrites references (those of ES modules too), and compresses what is new.

    A hashed name stands for one content, so what an earlier gathering has compressed
    under the same name is linked and not compressed again.
    """

    support_js_module_import_aggregation = True
    keep_only_hashed_files = True

    def __init__(self, *, location: Path, base_url: str, earlier: Sequence[Path]) -> None:
        super().__init__(location=str(location), base_url=base_url)
        self._earlier = earlier

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        yield from super().compress_files([name for name in paths if not self._link_earlier(name)])

    def _link_earlier(self, name: str) -> bool:
        """Link an earlier gathering's compressed forms, and return whether it had this file."""
        for folder in self._earlier:
            if not (folder / name).is_file():
                continue
            for suffix in (".br", ".gz"):
                compressed = folder / (name + suffix)
                if compressed.is_file():
                    os.link(compressed, self.path(name + suffix))
            return True
        return False


class NamingStorage(StaticFilesStorage):
    """Gives `{% static %}` the hashed names of this process's gathering.

    Where nothing was gathered, as in tests and on the command line, names stay as they are.
    """

    def url(self, name: str | None) -> str:
        gathered = static_build.current()
        if gathered is None or name is None:
            return super().url(name)
        hashed = gathered.names.get(name)
        if hashed is None:
            _warn(name)
        return super().url(hashed or name)

    def post_process(self, *_args: Any, **_options: Any) -> Iterator[Any]:
        """Return nothing, since `collectstatic` only copies and `config.static_build` gathers."""
        return iter(())


@cache
def _warn(name: str) -> None:
    log.warning("there was no static file %s when this process started", name)
