"""However often a rotation is cut off, the client's key is valid, and those before it end."""

from __future__ import annotations

import enum
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from cluster.payments.provider_api import KeyKind
from cluster.payments.sandbox.keys import IssuedKeys

OVERLAP = 20.0  # seconds


class Step(enum.IntEnum):
    """The last step that a rotation comes to."""

    MADE = 1
    STORED = 2
    RETIRED = 3


@dataclass(frozen=True)
class Rotate:
    until: Step


@dataclass(frozen=True)
class Wait:
    seconds: float


class Restart(enum.Enum):
    GATEWAY = enum.auto()
    PROVIDER = enum.auto()
    FROM_BACKUP = enum.auto()  # with Vault's key of the beginning
    WITHOUT_BOOKS = enum.auto()  # the provider's file is lost


Act = Rotate | Wait | Restart
ACTS = st.lists(
    st.sampled_from(Step).map(Rotate)
    | st.floats(0, 2 * OVERLAP).map(Wait)
    | st.sampled_from(Restart),
    max_size=20,
)


class Rotating:
    """A client that rotates one kind of key, with what it has stored, and a real provider's keys.

    The backup has what was stored at the beginning, and the provider's file of now: in a backup,
    too, that file is later than what Vault holds.
    """

    def __init__(self, kind: KeyKind, db: sqlite3.Connection) -> None:
        self.now = 1000.0
        self.kind, self._db = kind, db
        self.keys = IssuedKeys(db)
        self.stored, self.id = self.backup = "first", uuid4()
        self.keys.adopt(kind, self.stored, now=self.now)
        self.used = {self.stored}

    def do(self, act: Act) -> None:
        match act:
            case Rotate(until):
                made = self.keys.make(self.kind, now=self.now)
                self.used.add(made.secret)
                if until >= Step.STORED:
                    self.stored, self.id = made.secret, made.id
                if until >= Step.RETIRED:
                    self.settle()
            case Wait(seconds):
                self.now += seconds
            case Restart.GATEWAY:
                self.settle()
            case Restart.PROVIDER:
                self._start_provider()
            case Restart.FROM_BACKUP:
                self.stored, self.id = self.backup
                self._start_provider()
            case Restart.WITHOUT_BOOKS:
                self._db.execute("DELETE FROM issued_key")
                self._start_provider()

    def settle(self) -> None:
        """Do the last step, as it is repeated by each gateway that begins."""
        with suppress(KeyError):  # of a key that the provider has lost
            self.keys.retire_before(self.id, end=self.now + OVERLAP, now=self.now)

    def _start_provider(self) -> None:
        self.keys = IssuedKeys(self._db)
        self.keys.adopt(self.kind, self.stored, now=self.now)

    def valid(self) -> set[str]:
        return {one for one in self.used if self.keys.find(self.kind, one, now=self.now)}


@given(kind=st.sampled_from(KeyKind), acts=ACTS)
def test_a_client_that_is_cut_off_anywhere_keeps_a_key_that_is_valid_without_an_end(
    kind: KeyKind, acts: list[Act]
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        client = Rotating(kind, db)
        for act in acts:
            client.do(act)
            found = client.keys.find(kind, client.stored, now=client.now)
            assert found is not None
            assert found.ends_at is None


@given(kind=st.sampled_from(KeyKind), acts=ACTS)
def test_after_a_whole_rotation_both_keys_are_valid_and_after_the_overlap_one(
    kind: KeyKind, acts: list[Act]
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        client = Rotating(kind, db)
        for act in acts:
            client.do(act)
        before = client.stored
        client.do(Rotate(Step.RETIRED))
        assert {before, client.stored} <= client.valid()
        client.do(Wait(OVERLAP - 0.01))
        assert before in client.valid()
        client.do(Wait(0.02))
        assert client.valid() == {client.stored}


def test_a_key_of_another_kind_does_not_end() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        keys = IssuedKeys(db)
        keys.adopt(KeyKind.API_KEY, "a", now=0.0)
        keys.adopt(KeyKind.WEBHOOK_SECRET, "a", now=0.0)
        made = keys.make(KeyKind.API_KEY, now=0.0)
        assert keys.retire_before(made.id, end=0.0, now=0.0) == 0
        assert keys.find(KeyKind.API_KEY, "a", now=0.0) is None
        assert keys.webhook_secrets(now=0.0) == ["a"]


def test_no_api_key_is_in_the_providers_file_and_ended_keys_are_forgotten() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        keys = IssuedKeys(db)
        keys.adopt(KeyKind.API_KEY, "opened with", now=0.0)
        first = keys.make(KeyKind.API_KEY, now=0.0)
        keys.retire_before(first.id, end=1.0, now=0.0)
        second = keys.make(KeyKind.API_KEY, now=2.0)
        rows = db.execute("SELECT id, kept FROM issued_key").fetchall()
        assert {id_ for id_, _ in rows} == {str(first.id), str(second.id)}
        assert not {"opened with", first.secret, second.secret} & {kept for _, kept in rows}
