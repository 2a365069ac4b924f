"""After all that was broken in the platform: nothing was lost, doubled or made up.

It comes after all faults and before the sabotage, which leaves violations behind.
"""

from __future__ import annotations

import pytest

from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def test_no_invariant_of_the_broken_platform_is_violated(platform: None) -> None:
    Cluster().assert_conserved_now()
