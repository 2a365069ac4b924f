"""The sink of the site's queue, by which every delivery becomes a journal entry."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from cluster.messaging import middleware
from cluster.messaging.dead_letters import Reason, Rejected, give_up, inapplicable
from cluster.messaging.envelope import Envelope, InvalidMessage, decode_envelope
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.work import attempt
from cluster.secrets.postgres import DatabaseSession, is_outage
from cluster.storefront.journal.recorder import record
from cluster.storefront.journal.wake import announce, changed_products

logger = logging.getLogger(__name__)

SOURCE: Final = "site"

# An envelope, its bytes, and the time of its arrival (ns of the epoch).
Entry = tuple[Envelope, bytes, int]


class JournalSink:
    """Records batches of deliveries in the journal, as a `cluster.messaging.service.Sink`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        """Record and commit a batch, then wake the web processes.

        A delivery that is not an envelope, or cannot be stored, becomes a dead letter of the site.
        Raises psycopg.Error in an outage.
        """
        entries: list[Entry] = []
        for body, came in zip(bodies, arrivals or [time.time_ns()] * len(bodies), strict=True):
            try:
                entries.append((decode_envelope(body), body, came))
            except InvalidMessage as error:
                self.give_up(Rejected(body, Reason.INVALID, str(error)))
        try:
            self._record(entries)
        except Exception as error:
            if is_outage(error):
                raise
            logger.info("recording one by one, since the batch failed: %r", error)
            for entry in entries:
                self._record_or_file(entry)

    def _record(self, entries: Sequence[Entry]) -> None:
        # With the messages that the site sends in reaction to others.
        with unit_of_work(self._session, source=SOURCE) as work:
            last_seq = record(
                work, [envelope for envelope, _, _ in entries], [body for _, body, _ in entries]
            )
        if last_seq is not None:
            announce(last_seq, changed_products(envelope for envelope, _, _ in entries))
        middleware.processed(SOURCE, [(envelope, came) for envelope, _, came in entries])

    def give_up(self, letter: Rejected) -> None:
        """Keep a delivery that cannot be recorded as a dead letter.

        Raises psycopg.Error in an outage.
        """
        give_up(self._session, SOURCE, letter)

    def _record_or_file(self, entry: Entry) -> None:
        error = attempt(lambda: self._record([entry]))
        if error is None:
            return
        if is_outage(error):
            raise error
        envelope, body, _ = entry
        logger.error("%s cannot be recorded", envelope.type, exc_info=error)
        self.give_up(inapplicable(body, error, envelope))
