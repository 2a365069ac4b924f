"""Visits over HTTP: as anybody, as the owner, or as a member of a group, with a second factor."""

from __future__ import annotations

import base64
import fcntl
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django_otp.oath import hotp
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.environment import run_directory
from portfolio.admin_site import confirmation

JSON = {"Accept": "application/json"}
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
KEY = re.compile(r"data-key-of-app>([A-Z2-7 ]+)<")
CONFIRM = 'id="confirm-form"'
STEP = 30  # seconds of a code


@dataclass
class Authenticator:
    """An authenticator app with one key, which never shows a code twice.

    The site follows a clock that is ahead, so there is always a next code (`drift`, in steps).
    """

    key: str  # in base 32
    drift: int = 0
    last: int = -1

    def code(self) -> str:
        now = int(time.time()) // STEP
        self.last = max(self.last + 1, now + self.drift)
        self.drift = self.last - now
        return f"{hotp(base64.b32decode(self.key), self.last):06d}"


# By the name of the account that this process has made or logged in.
AUTHENTICATORS: dict[str, Authenticator] = {}


@dataclass
class Visit:
    """A visit with the cookies of one browser, which sends forms with their token."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    name: str = ""  # of the account that has logged in
    password: str = ""

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
        follow: bool = True,
    ) -> requests.Response:
        """Send `data` to `path`, with the token of the page that `form` names.

        Where the admin asks for the password once more it gets it.
        """
        fields = {"csrfmiddlewaretoken": self.token(form or path), **data}
        answer = self.send(path, fields, headers, follow=follow)
        if CONFIRM not in answer.text:
            return answer
        token = TOKEN.findall(answer.text)[-1]
        again = {**data, "csrfmiddlewaretoken": token, "confirm-password": self.password}
        return self.send(path, again, headers, follow=follow)

    def send(
        self,
        path: str,
        data: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
        *,
        follow: bool = True,
    ) -> requests.Response:
        """Send exactly these fields."""
        address = f"{self.url}{path}"
        return self.session.post(
            address, data=data, headers=headers, allow_redirects=follow, timeout=30
        )

    def log_in(self, name: str, password: str, *, then: str = "/admin/") -> requests.Response:
        """Log in with the password, and with a code where the account has a second factor."""
        self.name, self.password = name, password
        fields: dict[str, object] = {"username": name, "password": password, "next": then}
        answer = self.post("/admin/login/", fields)
        asked = urlsplit(answer.url)
        if asked.path != "/admin/login/code/":
            return answer
        return self.post(f"{asked.path}?{asked.query}", {"code": AUTHENTICATORS[name].code()})

    def is_inside(self) -> bool:
        """Return whether the admin's first page opens, and does not lead to the login."""
        return urlsplit(self.get("/admin/").url).path == "/admin/"

    def set_up_app(self) -> requests.Response:
        """Set up an authenticator app as its user would, and return the page with the codes."""
        path = "/admin/second-factor/app/"
        found = KEY.search(self.get(path).text)
        assert found is not None
        AUTHENTICATORS[self.name] = Authenticator(found[1].replace(" ", ""))
        return self.post(path, {"code": AUTHENTICATORS[self.name].code()})


def owner_visit(url: str) -> Visit:
    """Return a visit of the owner, whose password `prepare` has written.

    The first one sets up an authenticator app. All processes of the tests share its session.
    """
    secrets = run_directory() / "secrets"
    visit = Visit(url, name="owner", password=(secrets / "owner-password").read_text().strip())
    with locked(secrets / "owner-of-tests.json") as file:
        kept = json.loads(file.read_text() or "{}")
        if kept:
            AUTHENTICATORS[visit.name] = Authenticator(**kept["authenticator"])
            visit.session.cookies.set("sessionid", kept["session"])
            if visit.is_inside():
                return visit
            visit.session = requests.Session()
        arrived = visit.log_in(visit.name, visit.password)
        if "/admin/second-factor/" in arrived.url:
            assert "Recovery codes" in visit.set_up_app().text
        assert visit.is_inside()
        session = next(it.value for it in visit.session.cookies if it.name == "sessionid")
        authenticator = asdict(AUTHENTICATORS[visit.name])
        file.write_text(json.dumps({"session": session, "authenticator": authenticator}))
    return visit


@contextmanager
def locked(file: Path) -> Iterator[Path]:
    """Hold the file, which is made, for the block: tests run in several processes."""
    file.touch(mode=0o600)
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield file


def make_user(*groups: str, password: str, second_factor: bool = True) -> User:
    """Create a member of staff in these groups. The test must have unblocked the database."""
    user = User.objects.create_user(f"{uuid4().hex[:10]}", password=password, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    if second_factor:
        device = TOTPDevice.objects.create(user=user, name="Authenticator app")
        AUTHENTICATORS[user.username] = Authenticator(base64.b32encode(device.bin_key).decode())
    return user


def forget_confirmation(user: User) -> None:
    """Let the user's session be one in which nothing was confirmed lately."""
    for row in Session.objects.all():
        if row.get_decoded().get(SESSION_KEY) == str(user.pk):
            stored = db.SessionStore(row.session_key)
            stored[confirmation.CONFIRMED] = int(time.time()) - confirmation.LASTS - 1
            stored.save()
