# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a world of namespaces for each test, and the usual network of one hub and three branches."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import world as w  # noqa: E402  (the path above)


@pytest.fixture
def world():
    with w.World() as made:
        yield made


@pytest.fixture
def network(world):
    """headquarters linodeHQ and branches linode1..linode3, all running."""
    hq = world.headquarters()
    branches = [world.branch(hq, f"linode{i}", i) for i in (1, 2, 3)]
    return hq, branches
