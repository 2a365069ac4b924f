"""A preview of the text as readers would get it, made by the same pipeline, with nothing stored."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static

from articles import markdown
from articles.figures import assets, fill
from cluster.kit.problems import wants_json


def preview(request: HttpRequest) -> HttpResponse:
    """Answer with JSON for the editor's script, or with a page for a browser without it."""
    body = request.POST.get("body", "").replace("\r\n", "\n")
    made = markdown.render(body)
    needs = assets(made.html)
    html = fill(made.html, request)
    if not wants_json(request):
        context = {
            "title": request.POST.get("title") or "Without a title",
            "summary": request.POST.get("summary", ""),
            "html": html,
            "problems": made.problems,
            "assets": needs,
        }
        return render(request, "admin/articles/article/preview.html", context)
    return JsonResponse(
        {
            "html": html,
            "problems": [asdict(problem) for problem in made.problems],
            "words": made.words,
            "minutes": made.minutes,
            "sheets": [static(sheet) for sheet in needs.stylesheets],
        },
        headers={"Cache-Control": "no-store"},
    )
