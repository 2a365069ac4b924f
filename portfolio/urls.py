"""The site's URL patterns, and the views that answer failed requests."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/passkeys/", include("portfolio.admin_site.passkeys")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("portfolio.api.urls")),
    path("articles/", include("articles.urls")),
    path("chaos/", include("portfolio.chaos_pages.urls")),
    path("", include("portfolio.page_urls")),
]
handler400 = "portfolio.edge.errors.bad_request"
handler403 = "portfolio.edge.errors.permission_denied"
handler404 = "portfolio.edge.errors.page_not_found"
handler500 = "portfolio.edge.errors.server_error"
