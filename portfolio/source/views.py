"""The pages below /source/: folders, highlighted files, and files as plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.views.decorators.http import conditional_page, require_safe

from articles.owner.queries import NotKnown, words_of
from cluster.kit.problems import problem
from cluster.kit.source.definitions import Definition, Kind, outline
from cluster.kit.source.highlight import Range, language_name, language_of, listing
from cluster.kit.source.moved import moved, moved_folder
from cluster.kit.source.tree import Folder, SourceFile, snapshot
from config.revision import running_revision
from portfolio.patterns import PATTERNS
from portfolio.source.purposes import lead_of, purpose_of
from portfolio.source.references import used_by

# A copy may be stored, and is validated at each use. Plain text changes only with the revision.
# A page also shows the cluster's state, so its entity tag is made from the whole page.
CACHING: Final = "public, no-cache"
LONGEST_SHOWN: Final = 120  # characters of an unknown path in the answer
LONGEST_RANGE: Final = 20  # characters of the lines asked for
_LINES: Final = re.compile(r"^\s*(\d{1,6})\s*(?:[-–]\s*(\d{1,6}))?\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path, as a link."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a folder. `size` is in words."""

    name: str
    url: str
    purpose: str
    size: str


@require_safe
@conditional_page
def source(request: HttpRequest, path: str = "") -> HttpResponse:
    """Show a file or a folder of the running source, or a 404 with a sentence."""
    name = path.removesuffix("/")
    folder = snapshot().folders.get(name)
    if folder is not None:
        if path and not path.endswith("/"):
            return HttpResponsePermanentRedirect(address(f"{path}/"))
        response = _folder(request, folder)
    elif path in snapshot().files:
        file = snapshot().files[path]
        response = _raw(file) if "raw" in request.GET else _file(request, file)
    elif (today := moved(path)) in snapshot().files:
        return HttpResponsePermanentRedirect(address(str(today)))
    elif (today := moved_folder(name)) in snapshot().folders:
        return HttpResponsePermanentRedirect(address(f"{today}/"))
    else:
        return problem(request, HTTPStatus.NOT_FOUND, _unknown(path))
    if response.status_code == HTTPStatus.OK:
        response.headers["Cache-Control"] = CACHING
    return response


def address(path: str) -> str:
    """Return the address of a file, or of a folder when the path ends in a slash."""
    return f"/source/{quote(path)}"


def steps(path: str) -> list[Step]:
    """Return the folders from the top down to, and without, the last part of the path."""
    parts = path.split("/")[:-1]
    above = [
        Step(name, address("/".join(parts[: depth + 1]) + "/")) for depth, name in enumerate(parts)
    ]
    return [Step("source", address("")), *above]


def public_repository() -> str:
    """Return the URL of the public repository in the owner's profile, empty without one."""
    try:
        return words_of("about").profile.repository_url.rstrip("/")
    except NotKnown:
        return ""


def public_url(path: str, fragment: str = "") -> str:
    """Return the file's URL at this revision in the public repository, empty without one."""
    repository, revision = public_repository(), running_revision()
    if not repository.startswith("https://") or not revision.known:
        return ""
    url = f"{repository}/blob/{revision.full}/{quote(path)}"
    return f"{url}#{fragment}" if fragment else url


def _folder(request: HttpRequest, folder: Folder) -> HttpResponse:
    start = f"{folder.path}/" if folder.path else ""
    folders = [
        Entry(f"{name}/", address(f"{start}{name}/"), purpose_of(path), _count(path))
        for name in folder.folders
        for path in [f"{start}{name}"]
    ]
    files = [
        Entry(name, address(path), purpose_of(path), _size(snapshot().files[path]))
        for name in folder.files
        for path in [f"{start}{name}"]
    ]
    context = {
        "path": folder.path,
        "name": folder.path.rpartition("/")[2],
        "steps": steps(folder.path) if folder.path else [],
        "lead": purpose_of(folder.path) if folder.path else "",
        "count": _count(folder.path),
        "folders": folders,
        "files": files,
        "revision": running_revision(),
    }
    return render(request, "portfolio/source/folder.html", context)


def _file(request: HttpRequest, file: SourceFile) -> HttpResponse:
    asked = request.GET.get("lines", "")[:LONGEST_RANGE]
    context: dict[str, Any] = {
        "file": file,
        "steps": steps(file.path),
        "size": _size(file),
        "revision": running_revision(),
        "public_url": public_url(file.path),
        "lead": lead_of(file),
        "patterns": [
            Step(pattern.name, address(pattern.path))
            for pattern in PATTERNS.values()
            if file.path in pattern.files
        ],
        "used_by": [Step(path, address(path)) for path in used_by(file.path)],
        "asked_lines": asked,
    }
    if file.text is not None:
        definitions = outline(file.text).definitions if file.path.endswith(".py") else ()
        chosen = _chosen(asked, file)
        language = language_of(file.path, file.text)
        context |= {
            "language": language_name(language),
            "outline": [found for found in definitions if _in_outline(found)],
            "chosen": chosen,
            "public_url": public_url(file.path, _fragment(chosen)),
            "listing": listing(
                file.text,
                language,
                tuple((found.first, found.last) for found in definitions),
                chosen,
            ),
        }
    return render(request, "portfolio/source/file.html", context)


def _raw(file: SourceFile) -> HttpResponse:
    if file.text is None:
        return HttpResponse(
            f"{file.path} is not text.\n",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            content_type="text/plain; charset=utf-8",
        )
    return HttpResponse(file.text, content_type="text/plain; charset=utf-8")


def _chosen(asked: str, file: SourceFile) -> Range | None:
    found = _LINES.match(asked)
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    first, last = min(first, last), max(first, last)
    return (first, min(last, file.lines)) if 1 <= first <= file.lines else None


def _fragment(chosen: Range | None) -> str:
    if chosen is None:
        return ""
    first, last = chosen
    return f"L{first}" if first == last else f"L{first}-L{last}"


def _in_outline(found: Definition) -> bool:
    """Return whether it is a class, a function, a method, or a module's own constant."""
    return found.kind is not Kind.CONSTANT or found.depth == 0


def _size(file: SourceFile) -> str:
    if file.text is None:
        return f"{file.size:,} bytes, not text"
    return f"{file.lines:,} line{'s' * (file.lines != 1)}"


def _count(folder: str) -> str:
    count = snapshot().below(folder)
    return f"{count:,} file{'s' * (count != 1)}"


def _unknown(path: str) -> str:
    printable = "".join(character if character.isprintable() else "�" for character in path)
    if len(printable) > LONGEST_SHOWN:
        printable = printable[:LONGEST_SHOWN] + "…"
    return f"There is no file or folder “{printable}” in the running source."
