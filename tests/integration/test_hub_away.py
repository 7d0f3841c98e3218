# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub is killed and stays away: sessions are renewed, a spoke restarts, old acquaintances meet, memory stays flat; then it is back.

The network is drawn in tests/lib/away.py; `make soak SOAK=--hub-away` does the same for minutes or hours.
"""

import os

import pytest

import world as w
from away import RENEWALS, HubAway

GROWTH_KIB = 256
UNNOTICED_MS = 1000


@pytest.fixture
def away():
    with w.World(build=os.path.join(w.BUILD, "fast")) as world:
        yield HubAway(world)


def test_nobody_is_hurt(away):
    away.leave()
    away.restart_spoke()
    before = away.memory()
    away.meet_again()
    away.wait_renewals(RENEWALS)
    after = away.memory()
    result = away.come_back()
    assert result["lost"] == [], result["lost_at"]
    # A hiccup of a busy machine is no silence.
    assert max((ms for _, ms in result["gaps"]), default=0) < UNNOTICED_MS
    assert {what: kib - before[what] for what, kib in after.items() if kib - before[what] > GROWTH_KIB} == {}
