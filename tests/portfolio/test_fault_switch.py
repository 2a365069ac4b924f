"""The form of the fault switch refuses a reason that no page can show."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from chaos.experiments.models import FaultSwitch
from portfolio.admin_site.chaos import FaultSwitchAdmin


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("a\x0cb", "U+000C"),
        ("a\0b", "Null characters are not allowed."),
        ("x" * 201, "at most 200 characters"),
    ],
)
def test_a_reason_that_cannot_be_shown_is_refused_in_a_sentence(reason: str, sentence: str) -> None:
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    form_class = FaultSwitchAdmin(FaultSwitch, admin.site).get_form(request)

    form = form_class({"hard_faults": "on", "reason": reason})

    assert sentence in str(form.errors["reason"])
