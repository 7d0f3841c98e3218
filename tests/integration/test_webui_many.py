# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin page in front of a hub with three thousand branches: what an admin waits for.

    linodeHQ (hub) --- internet --- swarm (one process that plays all branches, tests/bench/swarm)
                          |
                         desk, where an admin's browser runs

All but a few are connected, and their tunnels are up; the hub, its database and its answers are real.
"""

import pytest

import browser
import swarm as s
import world as w

BRANCHES = 3000
AWAY = 60


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = s.seeded_hub(world, BRANCHES)
        site.spokes = s.Swarm(world, site, BRANCHES - AWAY)
        site.spokes.wait_all()
        yield site


def test_three_thousand_branches(hq):
    """First paint, scrolling, search and sorting; a change that another makes; then all of them go at once."""
    page = browser.start(browser.desk(hq.world), hq, "big", branches=BRANCHES, away=AWAY)
    page.wait_line("^ALL OF THEM GO", 240)
    hq.spokes.process.popen.kill()
    print(browser.finish(page))
