"""Tokens issued, used, exchanged, copied and revoked, and the moment each is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import jwt

from cluster.identity.domain.tokens import Family
from cluster.identity.queries import token_families
from cluster.identity.tokens import refresh_token
from cluster.storefront.journal.queries import entries_about, last_seq
from cluster.storefront.tokens.access import AUDIENCE, ISSUER, read_access
from cluster.storefront.tokens.denial import denied
from cluster.storefront.tokens.grants import revoke
from cluster.storefront.tokens.keys import ALGORITHM
from portfolio.demos.caller import Answer, Caller
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import expect, without
from portfolio.demos.queries import entry_rows, read, table
from portfolio.demos.result import Check, Exchange, Result, Side, Table, check, figure, note

TOKENS: Final = "/api/v1/tokens"
MINE: Final = f"{TOKENS}/mine"
KEYS: Final = "/.well-known/jwks.json"
USED_FOR: Final = 3.0  # seconds at most that a revoked token is tried again and again


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a token: when it began and ended (seconds), and how it was answered."""

    began: float
    ended: float
    answer: Answer


def run(visit: Visit, values: Values) -> Result:
    """End one family of tokens by a copied refresh token, and another by revocation."""
    newest = read("site", last_seq)
    # Without the session's cookie, so that the token alone names the visitor.
    bearer = Caller(visit.call.site, {})
    copied = _copied(visit.call, bearer)
    revoked = _revoked(visit.call, bearer, int(values["users"]))
    families = [copied.family, revoked.family]
    secrets = [*copied.secrets, *revoked.secrets, visit.visitor]
    naive, believed = _without_a_list(bearer, revoked.secrets[0])
    told = read("site", entries_about, [f"token/{family}" for family in families], newest)
    return Result(
        headline=f"Revoked, and refused {revoked.refused_after:.0f} ms later; no request that "
        "began after the answer was served.",
        sides=(
            Side(
                title="A refresh token that was copied",
                sentence="It is good for one exchange. When it comes again, one of the two who "
                "have it is a thief, and nobody can say which: the whole family ends.",
                exchanges=tuple(without(one, secrets) for one in copied.exchanges),
                tables=(_families(families), _denied(families)),
            ),
            Side(
                title="A token that is revoked while it is used",
                sentence=f"{values['users']} clients use it without a pause. Its revocation is a "
                "row of the deny list, and every request looks there.",
                figures=(
                    figure("Requests with it", len(revoked.uses)),
                    figure("Answered before it was revoked", revoked.served),
                    figure("From the answer to the first refusal", revoked.refused_after, "ms"),
                    figure("It would have been good for", believed, "s more"),
                ),
                exchanges=tuple(without(one, secrets) for one in (*revoked.exchanges, naive)),
                tables=(entry_rows("What was said of both", told),),
            ),
        ),
        checks=tuple(_checks(copied, revoked, families, believed)),
    )


@dataclass(frozen=True, slots=True)
class Copied:
    """The family whose refresh token came twice, and the answers to its tokens."""

    family: UUID
    secrets: tuple[str, ...]
    used_before: Answer
    again: Answer
    used_after: Answer
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    """The family that was revoked. `answered` is when the revocation was answered (seconds)."""

    family: UUID
    secrets: tuple[str, ...]
    uses: tuple[Use, ...]
    answered: float
    exchanges: tuple[Exchange, ...]

    @property
    def served(self) -> int:
        return sum(use.answer.status == HTTPStatus.OK for use in self.uses)

    @property
    def served_too_late(self) -> int:
        """The number of requests that began after the revocation was answered, and were served."""
        return sum(
            use.answer.status == HTTPStatus.OK and use.began > self.answered for use in self.uses
        )

    @property
    def refused_after(self) -> float:
        """Milliseconds from the answer to the first refusal, or 0 when a refusal came before it."""
        refusals = [use.ended for use in self.uses if use.answer.status == HTTPStatus.UNAUTHORIZED]
        return max(0.0, (min(refusals) - self.answered) * 1000) if refusals else float("inf")


def _copied(call: Caller, bearer: Caller) -> Copied:
    issued = expect(call("POST", TOKENS, body={}, note="For who you are."), HTTPStatus.CREATED)
    first = issued.json()
    seen = expect(_use(bearer, first["access_token"], note="It is used."), HTTPStatus.OK)
    exchanged = expect(
        _refresh(bearer, first["refresh_token"], "The refresh token is exchanged."),
        HTTPStatus.CREATED,
    )
    second = exchanged.json()
    before = expect(_use(bearer, second["access_token"]), HTTPStatus.OK)
    again = _refresh(bearer, first["refresh_token"], "The old one comes a second time.")
    after = _use(bearer, second["access_token"], note="The newer one is refused too.")
    answers = (issued, seen, exchanged, again, after)
    return Copied(
        family=UUID(seen.json()["family"]),
        secrets=tuple(t[name] for t in (first, second) for name in _SECRET),
        used_before=before,
        again=again,
        used_after=after,
        exchanges=tuple(answer.exchange for answer in answers),
    )


_SECRET: Final = ("access_token", "refresh_token")


def _revoked(call: Caller, bearer: Caller, users: int) -> Revoked:
    issued = expect(call("POST", TOKENS, body={}), HTTPStatus.CREATED).json()
    token = issued["access_token"]
    family = UUID(expect(_use(bearer, token), HTTPStatus.OK).json()["family"])
    ended: list[tuple[float, Answer]] = []

    def revoke() -> list[Use]:
        answer = bearer("POST", f"{TOKENS}/revoke", body={"token": token}, note="It is revoked.")
        ended.append((time.monotonic(), expect(answer, HTTPStatus.OK)))
        return []

    clients: list[Callable[[], list[Use]]]
    clients = [partial(_use_until_refused, bearer, token) for _ in range(users)]
    uses: list[Use] = []
    for one in bearer.at_once([*clients, revoke]):
        uses += one
    answered, answer = ended[0]
    last = max(uses, key=lambda use: use.ended)
    return Revoked(
        family=family,
        secrets=tuple(issued[name] for name in _SECRET),
        uses=tuple(uses),
        answered=answered,
        exchanges=(answer.exchange, last.answer.exchange),
    )


def _use_until_refused(bearer: Caller, token: str) -> list[Use]:
    """Use a token again and again until it is refused, or for USED_FOR seconds."""
    uses: list[Use] = []
    give_up = time.monotonic() + USED_FOR
    while time.monotonic() < give_up:
        began = time.monotonic()
        answer = _use(bearer, token, note="Used while it was revoked.")
        uses.append(Use(began, time.monotonic(), answer))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            break
    return uses


def _use(bearer: Caller, token: str, *, note: str = "") -> Answer:
    return bearer("GET", MINE, headers={"Authorization": f"Bearer {token}"}, note=note)


def _refresh(bearer: Caller, token: str, note: str) -> Answer:
    return bearer("POST", f"{TOKENS}/refresh", body={"refresh_token": token}, note=note)


def _without_a_list(bearer: Caller, token: str) -> tuple[Exchange, int]:
    """Verify the token by the public keys alone.

    Returns the request for the keys, and for how many seconds more the token is valid.
    """
    keys = expect(
        bearer("GET", KEYS, note="Whoever knows the keys and no deny list believes it still."),
        HTTPStatus.OK,
    )
    kid = jwt.get_unverified_header(token)["kid"]
    found: dict[str, Any] = next(key for key in keys.json()["keys"] if key["kid"] == kid)
    try:
        claims = jwt.decode(
            token,
            jwt.PyJWK(found, algorithm=ALGORITHM).key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
        )
    except jwt.InvalidTokenError:
        return keys.exchange, 0
    return keys.exchange, int(claims["exp"] - time.time())


def _families(families: Sequence[UUID]) -> Table:
    columns = ("family", "state", "secrets used", "changed (UTC)")
    return table("identity", "Both families", columns, read("identity", token_families, families))


def _denied(families: Sequence[UUID]) -> Table:
    rows = read("site", denied, families)
    return table("site", "The deny list", ("family", "since (UTC)"), rows)


def _checks(
    copied: Copied, revoked: Revoked, families: Sequence[UUID], believed: int
) -> Iterator[Check]:
    yield check(
        "a refresh token is good for one exchange",
        holds=copied.again.status == HTTPStatus.UNAUTHORIZED,
        sentence=f"The second time it was answered with {copied.again.status}.",
    )
    yield check(
        "a copied one ends its family",
        holds=copied.used_after.status == HTTPStatus.UNAUTHORIZED,
        sentence=f"The newer access token was answered with {copied.used_before.status} before, "
        f"and with {copied.used_after.status} after.",
    )
    yield check(
        "what is revoked is refused at once",
        holds=revoked.served_too_late == 0 and revoked.refused_after < USED_FOR * 1000,
        sentence=f"Of {len(revoked.uses)} requests {revoked.served_too_late} began after the "
        "revocation was answered, and were served.",
    )
    refused = len(read("site", denied, families))
    yield check(
        "both families are on the deny list",
        holds=refused == len(families),
        sentence=f"{refused} of {len(families)} are.",
    )
    yield note(
        "the signature alone, for comparison",
        "Whoever checks signature and time only believes the revoked token for another "
        f"{believed} s.",
    )


DEMO: Final = demo(
    "token-revocation",
    controls=(Number("users", "Clients that use it meanwhile", 1, 8, 4),),
    run=run,
    code=(read_access, revoke, refresh_token, Family),
    seconds=6,
)
