"""Sessions: a visitor's is a signed cookie, and one that means more is a row of the database.

A visitor's session is one random name, which no server needs to keep. Whatever else a session
holds (a login, half of one, the challenge of a passkey) lies in a row, and the cookie names the
row: without the row the cookie is a visitor's again. So a cookie that was stolen is of no use after
the logout, and an answer to a challenge is of no use a second time.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.sessions.backends import db, signed_cookies
from django.core import signing
from django.db import Error
from django.http import HttpRequest

from cluster.kit.visitors import VISITOR
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage

ROW: Final = "row"  # in the cookie: the key of the row
EXPIRY: Final = "_session_expiry"  # Django's own, which says nothing of a visitor
IN_COOKIE: Final = frozenset({VISITOR, EXPIRY})


class SessionStore(signed_cookies.SessionStore):
    """A session of a visitor, or of a user who logs in (SESSION_ENGINE)."""

    outage: Error | None = None  # why the row could not be read
    _row = ""  # the key of the row that this session was read from, or written to

    @classmethod
    def clear_expired(cls) -> None:
        db.SessionStore.clear_expired()

    def load(self) -> dict[str, Any]:
        """Return the content of the row that the cookie names, or a visitor's name.

        While the database is away the user is a visitor, whose cookie keeps naming the row.
        """
        named = self._in_cookie()
        visitor = {name: named[name] for name in (VISITOR,) if name in named}
        if ROW not in named:
            return visitor
        try:
            found = retry_on_disconnect(lambda: _read(named[ROW]))
        except Error as error:
            if not is_outage(error):
                raise
            self.outage = error
            return {**visitor, ROW: named[ROW]}
        if not found:
            self.modified = True  # so that the cookie names no row any more
            return visitor
        self._row = named[ROW]
        return found

    def save(self, must_create: bool = False) -> None:  # noqa: ARG002  # as Django calls it
        """Write the row of a session that means more than a visitor, and name it in the cookie.

        Raises UpdateError when the row was deleted meanwhile, as a logout elsewhere does.
        """
        content = dict(self.items())
        named = {name: content[name] for name in (VISITOR, ROW) if name in content}
        if content.keys() - IN_COOKIE - {ROW}:
            content = {name: value for name, value in content.items() if name != ROW}
            named[ROW] = self._row = _write(self._row, content)
        elif self._row:
            self._forget_row()
        self._session_key = signing.dumps(
            named, salt=signed_cookies.__name__, serializer=self.serializer, compress=True
        )
        self.modified = True

    def delete(self, session_key: str | None = None) -> None:
        self._forget_row(self._row or self._in_cookie().get(ROW, ""))
        super().delete(session_key)

    def cycle_key(self) -> None:
        """Give the same content a new row, and the old row's cookie no meaning."""
        self.items()  # read while the row is there
        self._forget_row()
        self.modified = True

    def _in_cookie(self) -> dict[str, Any]:
        """Return what the cookie holds: a visitor's name and the key of a row, if anything.

        Before there were rows a cookie could hold a login, which is worth nothing any more.
        """
        found = super().load() if self.session_key else {}
        return {name: found[name] for name in (VISITOR, ROW) if name in found}

    def _forget_row(self, row: str = "") -> None:
        row, self._row = row or self._row, ""
        if row:
            db.SessionStore(row).delete()


def require_row(request: HttpRequest) -> None:
    """Raise the outage that has made a visitor of this user, if there was one."""
    session = request.session
    if isinstance(session, SessionStore) and ROW in session and session.outage:
        raise session.outage


def _read(row: str) -> dict[str, Any]:
    """Return the content of a row, empty when it is gone or has expired."""
    return dict(db.SessionStore(row).load())


def _write(row: str, content: dict[str, Any]) -> str:
    """Write the content to this row, or to a new one, and return its key."""
    stored = db.SessionStore(row or None)
    stored.clear()
    stored.update(content)
    if not row:
        stored.clear_expired()  # here, since nothing else of the site comes by so seldom
    stored.save()
    return str(stored.session_key)
