"""Visits to the site over HTTP, as anybody, as the owner, or as a member of a group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import requests
from django.contrib.auth.models import Group, User

from config.environment import run_directory

JSON = {"Accept": "application/json"}
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Visit:
    """A visit with the cookies of one browser, which sends forms with their token."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    name: str = ""  # of the account that has logged in

    def get(self, path: str, **parameters: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", params=parameters, timeout=30)

    def token(self, form: str) -> str:
        """Return the token of the page that `form` names, or an empty text where there is none."""
        found = TOKEN.search(self.get(form).text)
        return found[1] if found else ""

    def post(
        self,
        path: str,
        data: Mapping[str, object],
        *,
        form: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send `data` to `path`, with the token of the page that `form` names."""
        return self.send(path, {"csrfmiddlewaretoken": self.token(form or path), **data}, headers)

    def send(
        self, path: str, data: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Send exactly these fields."""
        return self.session.post(f"{self.url}{path}", data=data, headers=headers, timeout=30)

    def log_in(self, name: str, password: str, *, then: str = "/admin/") -> requests.Response:
        fields: dict[str, object] = {"username": name, "password": password, "next": then}
        self.name = name
        return self.post("/admin/login/", fields)


def owner_visit(url: str) -> Visit:
    """Log in as the owner with the password that `prepare` has written, and return the visit."""
    visit = Visit(url)
    password = (run_directory() / "secrets" / "owner-password").read_text().strip()
    assert visit.log_in("owner", password).url.endswith("/admin/")
    return visit


def make_user(*groups: str, password: str) -> User:
    """Create a member of staff in these groups. The test must have unblocked the database."""
    user = User.objects.create_user(f"{uuid4().hex[:10]}", password=password, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user
