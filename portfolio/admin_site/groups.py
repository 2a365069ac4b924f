"""The admin's two groups with their permissions, completed by each `manage.py prepare`.

Permissions that an owner has added stay, and those that a group lacks are added again.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import Group

from articles.editors import EDITORS, ensure_editors, ensure_group

OPERATORS: Final = "Operators"

# Beside the articles (articles/editors.py): the owner's words, and contact messages.
EDITORS_MAY: Final = (
    "portfolio.view_page",
    "portfolio.change_page",
    "portfolio.view_casestudy",
    "portfolio.add_casestudy",
    "portfolio.change_casestudy",
    "portfolio.view_profile",
    "portfolio.change_profile",
    "portfolio.view_link",
    "portfolio.add_link",
    "portfolio.change_link",
    "portfolio.view_contactmessage",
)
OPERATORS_MAY: Final = (
    "messaging.view_deadletter",
    "messaging.change_deadletter",
    "chaos.view_faultswitch",
    "chaos.change_faultswitch",
    "chaos.view_auditentry",
    "chaos.view_incident",
    "chaos.view_outage",
    "portfolio.view_checkoutrequest",
    "portfolio.view_refundrequest",
    "portfolio.view_erasurerequest",
    "portfolio.view_product",
    "portfolio.view_journalentry",
)


def ensure_groups() -> tuple[Group, Group]:
    """Return Editors and Operators, after adding the permissions that they lacked."""
    ensure_editors()
    return ensure_group(EDITORS, EDITORS_MAY), ensure_group(OPERATORS, OPERATORS_MAY)
