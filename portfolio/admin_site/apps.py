"""Django's admin with our site in place of its own."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class OwnersAdminConfig(AdminConfig):
    default = False
    default_site = "portfolio.admin_site.site.OwnersAdmin"

    def ready(self) -> None:
        super().ready()
        from portfolio.admin_site import login

        login.mark_new_sessions()
