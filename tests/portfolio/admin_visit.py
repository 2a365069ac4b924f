"""Visits to the admin over HTTP, as the owner or as a member of a group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from uuid import uuid4

import requests
from django.contrib.auth.models import Group, User

from config.environment import run_directory

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Visit:
    """A visit with the cookies of one browser, which sends forms with their token."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    name: str = ""  # of the account that has logged in

    def get(self, path: str, **parameters: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", params=parameters, timeout=30)

    def post(
        self, path: str, data: dict[str, object], *, form: str = "", follow: bool = True
    ) -> requests.Response:
        """Send `data` to `path`, with the token of the page that `form` names."""
        found = TOKEN.search(self.get(form or path).text)
        token = found[1] if found else ""
        return self.session.post(
            f"{self.url}{path}",
            data={"csrfmiddlewaretoken": token, **data},
            allow_redirects=follow,
            timeout=30,
        )

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
