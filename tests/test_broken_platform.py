"""The platform has lost, doubled and invented nothing after all faults of the test session.

This test runs after all faults and before the sabotage, which leaves violations behind.
"""

from __future__ import annotations

import pytest

from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def test_no_invariant_of_the_broken_platform_is_violated(platform: None) -> None:
    Cluster().assert_conserved_now()
