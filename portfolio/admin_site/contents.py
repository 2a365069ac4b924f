"""The groups of models on the admin's first page, and in its side bar."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

# Groups in the order of the page. A model that no group names comes last, under REST.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Writing": ("articles.Article", "articles.Tag", "articles.Series", "articles.Revision"),
    "Site": (
        "portfolio.Page",
        "portfolio.CaseStudy",
        "portfolio.Profile",
        "portfolio.Link",
    ),
    "Messages": ("portfolio.ContactMessage",),
    "Cluster": (
        "portfolio.CheckoutRequest",
        "portfolio.RefundRequest",
        "portfolio.ErasureRequest",
        "portfolio.Product",
        "portfolio.JournalEntry",
    ),
    "Chaos": (
        "chaos.FaultSwitch",
        "chaos.Incident",
        "chaos.Outage",
        "chaos.AuditEntry",
    ),
    "Accounts": (
        "auth.User",
        "auth.Group",
        "otp_totp.TOTPDevice",
        "django_otp_webauthn.WebAuthnCredential",
        "axes.AccessAttempt",
        "axes.AccessLog",
    ),
}
REST: Final = "More"
# Names in place of a library's.
NAMES: Final = {
    "otp_totp.TOTPDevice": "Authenticator apps",
    "django_otp_webauthn.WebAuthnCredential": "Passkeys",
}
SEE_LETTERS: Final = "messaging.view_deadletter"
REPLAY_LETTERS: Final = "messaging.change_deadletter"


def grouped(request: HttpRequest, apps: list[Any]) -> list[Any]:
    """Return the models of Django's list of apps in the groups above, without empty groups."""
    rest = {
        label: {**one, "name": NAMES.get(label, one["name"])}
        for app in apps
        for one in app["models"]
        for label in [f"{app['app_label']}.{one['object_name']}"]
    }
    groups = {
        name: [rest.pop(label) for label in labels if label in rest]
        for name, labels in GROUPS.items()
    }
    groups[REST] = list(rest.values())
    if request.user.has_perm(SEE_LETTERS):
        groups["Cluster"].insert(0, _page("Dead letters", "DeadLetter", "admin:deadletters"))
    if request.user.is_superuser:
        groups["Cluster"].append(_page("Provider keys", "ProviderKey", "admin:provider_keys"))
    return [
        {
            "name": name,
            "app_label": name.lower(),
            "app_url": f"{reverse('admin:index')}#{name.lower()}",
            "has_module_perms": True,
            "models": found,
        }
        for name, found in groups.items()
        if found
    ]


def _page(name: str, object_name: str, address: str) -> dict[str, Any]:
    """Return the entry of a page about what is in no table of the site.

    Dead letters are in six databases, the provider's keys in Vault.
    """
    return {
        "model": None,
        "name": name,
        "object_name": object_name,
        "perms": {"add": False, "change": False, "delete": False, "view": True},
        "admin_url": reverse(address),
        "add_url": None,
        "view_only": True,
    }
