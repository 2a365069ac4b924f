"""The purpose of a file or folder in one line, from the text at its top."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from cluster.kit.source.definitions import outline
from cluster.kit.source.tree import SourceFile, snapshot

# Purposes of folders that have no text of their own in an `__init__.py` or a README.
FOLDERS: Final = {
    ".ci": "What must hold before a change is kept.",
    ".github": "The same on a hosted machine.",
    ".github/workflows": "The same on a hosted machine.",
    "articles": "What the owner writes: write-ups, their figures and feeds, and the owner's pages.",
    "articles/incidents": "Recorded incidents that articles draw.",
    "chaos": "Breaking the cluster on purpose, and measuring what that does.",
    "chaos/experiments": "What is broken on purpose, and what must hold meanwhile.",
    "cluster": "The services, and what they share: messages, sagas, secrets, health.",
    "cluster/catalog": "The catalogue: products, reservations, stock.",
    "cluster/checkout": "The checkout: the saga that runs through all services.",
    "cluster/identity": "Identity: visitors and what each may spend.",
    "cluster/messaging": "Outbox, relay, inbox, dead letters: how messages travel.",
    "cluster/orders": "Orders, and the refunds that open and close on them.",
    "cluster/payments": "Payments: the ledger, and the way to the provider.",
    "cluster/sagas": "The saga engine: definitions as data, and the rules that run them.",
    "cluster/secrets": "Leased credentials: fetching, renewing, swapping.",
    "cluster/storefront/journal": "Every message, kept in order.",
    "cluster/storefront/stream": "The journal as it grows, sent to browsers.",
    "compose/containers": "The platform as containers.",
    "compose/grafana": "The dashboard of Grafana, and how Prometheus scrapes the platform.",
    "compose/kubernetes-chaos": "What lets experiments break its pods, off by default.",
    "config": "The environment, logs, and how static files are gathered.",
    "docs/adr": "Decisions, with their reasons.",
    "portfolio": "The site: pages, HTTP API, admin, and what puts them together.",
    "portfolio/architecture/nodes": "What the plan says of each kind of node.",
    "portfolio/edge": "What every request passes: limits, headers, errors, health.",
    "portfolio/lab/checkouts": "The checkouts that the page of a service starts.",
    "portfolio/lab/participants": "What the lab and the plan say of each service.",
    "portfolio/pages": "Pages of the site and the palette that finds them.",
}
# Purposes by the name of a folder, wherever it is, and for every folder inside it.
NAMED: Final = {
    "commands": "Commands of manage.py.",
    "domain": "Decisions alone, without any I/O.",
    "management": "Commands of manage.py.",
    "migrations": "The database's tables, step by step.",
    "seeds": "Content that a new platform starts with.",
    "servers": "One file for each server.",
    "services": "One file for each service.",
    "static": "Styles, scripts, pictures.",
    "templates": "The pages' HTML.",
    "templatetags": "Tags for the templates.",
}
LONGEST: Final = 140  # characters
_COMMENTS: Final = (
    re.compile(r"\A\s*/\*+\s*(.+?)\s*\*/", re.DOTALL),  # CSS and JavaScript
    re.compile(r"\A\s*((?://[^\n]*\n)+)"),
    re.compile(r"\A\s*\{#\s*(.+?)\s*#\}", re.DOTALL),  # Django's templates
    re.compile(r"\A\s*\{% comment %\}\s*(.+?)\s*\{% endcomment %\}", re.DOTALL),
    re.compile(r"\A(?:#!.*\n)?((?:# ?\w[^\n]*\n)(?:#[^\n]*\n)*)"),  # YAML, shell, Dockerfile
)


def lead_of(file: SourceFile) -> str:
    """Return the first paragraph of the file's text about itself, empty without one."""
    if not file.text:
        return ""
    if file.path.endswith(".py"):
        return _paragraph(outline(file.text).docstring)
    if file.path.endswith(".md"):
        return _markdown(file.text)
    for comment in _COMMENTS:
        found = comment.match(file.text)
        if found is not None:
            said = re.sub(r"(?m)^\s*(?://|#|\*)\s?", "", found[1])
            return _paragraph(said)
    return ""


@cache
def purpose_of(path: str) -> str:
    """Return one line on a file or a folder, empty when none was written."""
    file = snapshot().files.get(path)
    if file is not None:
        return _first_sentence(lead_of(file))
    for name in ("__init__.py", "README.md"):
        own = snapshot().files.get(f"{path}/{name}" if path else name)
        lead = lead_of(own) if own is not None else ""
        if lead:
            return _first_sentence(lead)
    return FOLDERS.get(path) or _named(path) or _tests_of(path)


def _named(path: str) -> str:
    return next((NAMED[name] for name in reversed(path.split("/")) if name in NAMED), "")


def _tests_of(path: str) -> str:
    return f"Tests of {path.removeprefix('tests/')}." if path.startswith("tests/") else ""


def _paragraph(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].replace("`", "").split())


def _markdown(text: str) -> str:
    """Return the first paragraph that is prose, or else the first heading."""
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    prose = [part for part in paragraphs if not re.match(r"[#\-*|>`<!\d]", part)]
    chosen = prose[0] if prose else paragraphs[0].lstrip("# ") if paragraphs else ""
    return _paragraph(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", chosen.replace("**", "")))


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z`])", text, maxsplit=1)[0]
    if len(sentence) <= LONGEST:
        return sentence
    return sentence[:LONGEST].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"
