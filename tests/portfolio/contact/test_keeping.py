"""The site keeps each contact message once, within what one sender and all may write."""

from __future__ import annotations

import uuid
from http import HTTPStatus

import pytest

from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.contact import accept
from cluster.storefront.contact.accept import MOST_OF_ALL, MOST_OF_ONE, TooManyMessages, keep
from tests.portfolio.contact.messages import WORDS, a_message

pytestmark = pytest.mark.platform


def test_a_message_is_kept_as_it_was_written(site_work: UnitOfWork) -> None:
    letter = a_message(subject="A queue")
    keep(site_work, letter)
    site_work.cursor.execute(
        "SELECT name, email, subject, message, state, mailed_at FROM contact_message WHERE id = %s",
        (letter.id,),
    )
    assert site_work.cursor.fetchone() == (
        "Ada Obi",
        "ada@example.org",
        "A queue",
        WORDS,
        "new",
        None,
    )


def test_one_sender_may_write_five_times_an_hour(site_work: UnitOfWork) -> None:
    remote = uuid.uuid4().hex
    for _ in range(MOST_OF_ONE):
        keep(site_work, a_message(remote=remote))
    with pytest.raises(TooManyMessages) as refusal:
        keep(site_work, a_message(remote=remote))
    assert refusal.value.status == HTTPStatus.TOO_MANY_REQUESTS
    keep(site_work, a_message())  # the limit does not concern another sender


def test_a_flood_from_many_addresses_ends_for_the_day(site_work: UnitOfWork) -> None:
    for _ in range(MOST_OF_ALL):
        site_work.cursor.execute(
            accept.KEEP,
            (new_message_id(), "", "", "", "", site_work.now, uuid.uuid4().hex, "new", None),
        )
    with pytest.raises(TooManyMessages) as refusal:
        keep(site_work, a_message())
    assert refusal.value.status == HTTPStatus.SERVICE_UNAVAILABLE


def test_what_filled_in_the_trap_is_kept_for_the_owner_and_never_mailed(
    site_work: UnitOfWork,
) -> None:
    letter = a_message(trapped=True)
    keep(site_work, letter)
    site_work.cursor.execute(
        "SELECT state, mail_due_at FROM contact_message WHERE id = %s", (letter.id,)
    )
    assert site_work.cursor.fetchone() == ("spam", None)
