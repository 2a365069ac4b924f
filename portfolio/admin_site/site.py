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
        """Return whether the user is staff, logged in not too long ago, and with all factors.

        Raises the database's error while it is away, since nobody can say then.
        """
        from portfolio.admin_site.login import is_fresh
        from portfolio.admin_site.second_factor import is_verified
        from portfolio.admin_site.sessions import require_row

        require_row(request)
        return super().has_permission(request) and is_fresh(request) and is_verified(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from portfolio.admin_site.second_factor import has_second_factor

        context: dict[str, Any] = super().each_context(request)
        # A user who has one is asked for it by has_permission.
        lacks = context["has_permission"] and not has_second_factor(request.user)  # type: ignore[arg-type]
        return {**context, "lacks_second_factor": lacks}

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from portfolio.admin_site import dead_letters, provider_keys, second_factor_pages
        from portfolio.admin_site.login import CodeStep

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
            path("login/code/", answers_when_away(CodeStep.as_view()), name="login_code"),
            *provider_keys.urls(self.admin_view),
            *second_factor_pages.urls(),
        ]
        return [*own, *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        from portfolio.admin_site.confirmation import confirmed

        return answers_when_away(super().admin_view(confirmed(view), cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from portfolio.admin_site.login import PasswordStep

        return answers_when_away(PasswordStep.as_view(extra_context=extra_context))(request)

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
