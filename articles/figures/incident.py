"""`incident`: the record of an injected fault, from a file or from this platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString

from articles.figures.fill import absence
from articles.figures.registry import Options
from articles.figures.train_graph import render_tag
from articles.problems import Refused
from cluster.secrets.django.reconnect import read_or

# Incidents that come with the articles: one JSON file for each, as the recorder wrote it.
FOLDER: Final = Path(__file__).resolve().parent.parent / "incidents"
AWAY: Final = "The incident cannot be shown at this moment: the site's database is away."


def draw(options: Options, request: HttpRequest | None) -> SafeString:
    try:
        found = read_or(None, lambda: document(options["ref"]))
    except Refused as refusal:
        return absence(str(refusal))
    if found is None:
        return absence(AWAY)
    return render_tag('train_graph incident=incident caption=""', {"incident": found}, request)


def picture(options: Options) -> str | None:
    from cluster.kit.graph.draw import incident_svg

    return str(incident_svg(document(options["ref"])))


def document(ref: str, *, folder: Path = FOLDER) -> Any:
    """Return the recorded incident `ref`: a file, a row's id, or an experiment's latest row.

    Raises Refused when there is none.
    """
    path = folder / f"{ref}.json"
    if path.is_file():
        return json.loads(path.read_text("utf-8"))
    recorded = _row(ref)
    if recorded is None:
        known = ", ".join(sorted(path.stem for path in folder.glob("*.json"))) or "none yet"
        raise Refused(f"There is no incident “{ref}”; recorded for articles are: {known}.")
    return recorded


def _row(ref: str) -> Any:
    from chaos.experiments.models import Incident

    try:
        by_id = Incident.objects.filter(id=ref).first()
    except (ValidationError, ValueError):  # not an id
        by_id = None
    found = by_id or Incident.objects.filter(experiment=ref).order_by("-recorded_at").first()
    return found.document if found else None
