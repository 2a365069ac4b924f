"""The admin of the owner and the editors: models in groups, the cluster on the first page."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, path

from cluster.kit.problems import problem
from cluster.secrets.postgres import is_outage

AWAY: Final = (
    "The site’s database is away, so the admin cannot be used at this moment. "
    "Nothing was changed by this request that it would not have told you."
)
RETRY_AFTER: Final = 5  # seconds

View = Callable[..., HttpResponseBase]


class OwnersAdmin(AdminSite):
    """The admin's site, which answers each request with a sentence while the database is away."""

    site_header = "Working timetable"
    site_title = "Admin"
    index_title = "Admin"
    index_template = "admin/index.html"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is staff and the session is not too old."""
        from portfolio.admin_site.login import is_fresh

        return super().has_permission(request) and is_fresh(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from portfolio.admin_site import dead_letters

        own: list[URLPattern | URLResolver] = [
            path(
                "cluster/dead-letters/", self.admin_view(dead_letters.show_all), name="deadletters"
            ),
            path(
                "cluster/dead-letters/replay/",
                self.admin_view(dead_letters.replay),
                name="deadletters_replay",
            ),
            path(
                "cluster/dead-letters/<str:service>/<int:number>/",
                self.admin_view(dead_letters.show),
                name="deadletter",
            ),
        ]
        return [*own, *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return answers_when_away(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return answers_when_away(super().login)(request, extra_context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from portfolio.admin_site.dashboard import dashboard

        return super().index(request, {**(extra_context or {}), **dashboard(request)})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the models in the groups of `contents.py`, or Django's list for one app."""
        from portfolio.admin_site.contents import grouped

        apps: list[Any] = super().get_app_list(request, app_label)
        return apps if app_label else grouped(request, apps)


def answers_when_away(view: View) -> View:
    """Return the view, which answers with a sentence while the site's database is away."""

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
            # Rendering reads the lists, so it happens here, where their failure is caught.
            if isinstance(response, SimpleTemplateResponse):
                response = response.render()
        except Error as error:
            if not is_outage(error):
                raise
            return away(request)
        return response

    answer.__dict__.update(getattr(view, "__dict__", {}))
    return answer


def away(request: HttpRequest) -> HttpResponse:
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=RETRY_AFTER)
