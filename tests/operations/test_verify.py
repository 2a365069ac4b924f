"""Verdicts of the running platform, one after the other, and the checkpoints between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.health.checkers.checkpoint import checkpoint_file
from cluster.health.checkers.finding import Outcome
from cluster.health.checkers.verify import Verdict
from cluster.operations.verify import answer, run_verify
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.databases import superuser_session

pytestmark = pytest.mark.alone  # another test's load may keep a verdict from being clean

BY = "a test"
PATIENT = 60.0  # seconds


def clean_verdict(*, full: bool = False) -> Verdict:
    def clean() -> Verdict | None:
        verdict = run_verify(wait=PATIENT, by=BY, full=full)
        return verdict if verdict.clean else None

    verdict = eventually(clean, within=2 * PATIENT)
    assert verdict is not None
    return verdict


@pytest.fixture
def tampered(cluster: Cluster) -> Iterator[None]:
    """The oldest saga contradicts itself, for the length of the test, after a checkpoint."""
    clean_verdict()
    oldest = "id = (SELECT id FROM saga ORDER BY started_at LIMIT 1)"
    with superuser_session("checkout") as session:
        session.execute(f"UPDATE saga SET position = position + 1 WHERE {oldest}".encode())
        yield
        session.execute(f"UPDATE saga SET position = position - 1 WHERE {oldest}".encode())


def test_a_verdict_reads_what_changed_since_the_one_before(cluster: Cluster) -> None:
    first = clean_verdict(full=True)
    cluster.await_ended(cluster.start_checkouts(3))

    second = clean_verdict()

    assert first.reading.sentence == "Read every row."
    assert second.reading.since == first.checkpoint
    assert second.reading.rows >= 3
    assert f"vouched for by the checkpoint of {BY}" in answer(second)


def test_a_violation_is_found_and_leaves_the_checkpoint_as_it_was(tampered: None) -> None:
    kept = checkpoint_file().read_bytes()

    verdicts = [run_verify(wait=PATIENT, by=BY) for _ in range(2)]

    for verdict in verdicts:
        failed = [f.name for f in verdict.findings if f.outcome is Outcome.FAIL]
        assert failed == ["rows consistent: checkout"]
        assert verdict.reading.since is not None
        assert verdict.checkpoint is None
    assert checkpoint_file().read_bytes() == kept


def test_a_forged_checkpoint_leads_to_a_full_verdict(cluster: Cluster) -> None:
    clean_verdict()
    text = checkpoint_file().read_text()
    checkpoint_file().write_text(text.replace(f'"by":"{BY}"', '"by":"nobody"'))

    verdict = clean_verdict()

    told = "Read every row: the checkpoint was changed, or made by somebody else."
    assert verdict.reading.sentence == told
