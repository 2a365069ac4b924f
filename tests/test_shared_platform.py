"""The shared platform is intact after all tests that break nothing of it.

These tests run before all that break something. Run alone, they see a platform that has just
started.
"""

from __future__ import annotations

import pytest

from compose.supervisor import Supervisor
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.platform


def test_no_process_of_the_shared_platform_has_died(platform: None) -> None:
    restarted = {
        found.name: found.restarts for found in Supervisor.connect().processes() if found.restarts
    }
    assert restarted == {}


def test_no_invariant_of_the_shared_platform_is_violated(platform: None) -> None:
    Cluster().assert_conserved_now()
