# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of before a revocation is restored: the revoked branch does not come back into any tunnel.

    linodeHQ (hub) --- internet --- linode1   knows of the revocation
                                    linode2   is revoked after the backup was made
"""

import os
import shutil

import pytest

import evidence
import world as w

PASSPHRASE = "correct horse battery\n"


@pytest.fixture(scope="module")
def restored():
    """The two branches, and the hub after the restore; the revoked one is not running."""
    with w.World() as world:
        yield build(world)


def build(world):
    hq = world.headquarters()
    hq.cli("hub", "backup", "passphrase", user_input=PASSPHRASE)
    one, two = (world.branch(hq, f"linode{i}", i) for i in (1, 2))
    one.host.wait_ping(two.host4)
    path = os.path.join(hq.dir, "hub.blb")
    hq.cli("hub", "backup", "create", path)
    before = hq.json("hub", "revision")["revision"]
    hq.hub("node", "revoke", two.name, "--reason", "stolen")
    two.daemon.wait_line("the hub refuses this node")
    assert two.daemon.stop() == 0
    hq.daemon.stop()
    for folder in (hq.etc, hq.state):
        shutil.rmtree(folder)
    # A spoke's memory is on its disk: one that was started again in between knows it as well.
    assert one.daemon.stop() == 0
    hq.cli("hub", "backup", "restore", path, user_input=PASSPHRASE)
    hq.start_daemon("hub")
    # The numbers of what is lost are not used again: a branch that was away would take ours for what it knows.
    assert status(hq, two) == "active" and hq.json("hub", "revision")["revision"] > before + 2**24
    one.start_daemon("spoke")
    return hq, one, two


def status(hq, site):
    return [n for n in hq.json("hub", "status")["nodes"] if n["name"] == site.name][0]["status"]


def test_the_hub_is_told_and_warns(restored):
    hq, one, two = restored
    one.daemon.wait_line(f"node {two.name} is refused: its key was revoked at revision")
    w.wait_until("it is disabled", lambda: status(hq, two) == "disabled")
    hq.daemon.wait_line(f"node {two.name} is disabled: {one.name} says .*node revoke {two.name} .*node enable {two.name}")
    asked = {a["code"]: a["node"] for a in hq.json("hub", "status")["attention"]}
    assert asked["node_quarantined"] == two.name and "backup_restored" in asked
    (entry,) = evidence.audit(hq, "node.quarantine", two.name)
    assert entry["revoked_at"] > 0
    assert evidence.audit(hq, "store.rollback", one.name)
    one.host.wait_ping(hq.host4)


def test_the_revoked_branch_stays_out(restored):
    """Of the hub's tunnel and of the others', also when an admin takes it back by mistake."""
    hq, one, two = restored
    w.wait_until("it is disabled", lambda: status(hq, two) == "disabled")
    two.start_daemon("spoke")
    two.daemon.wait_line("the hub has disabled this node")
    assert not two.host.pings(hq.host4) and not two.host.pings(one.host4)

    hq.hub("node", "enable", two.name)
    assert two.daemon.stop() == 0  # rather than wait until it asks again
    two.start_daemon("spoke")
    two.host.wait_ping(hq.host4)
    assert not two.host.pings(one.host4)
    assert two.name not in [p["name"] for p in one.json("spoke", "status")["peers"]]
    # What an admin has decided is not turned round by what a spoke tells again.
    assert one.daemon.stop() == 0
    one.start_daemon("spoke")
    hq.daemon.wait_line(f"{one.name} says that the key of node {two.name} was revoked, which this directory does not know")
    assert status(hq, two) == "active" and len(evidence.audit(hq, "node.quarantine", two.name)) == 1

    hq.hub("node", "revoke", two.name)
    two.daemon.wait_line("its key was revoked")
    one.host.wait_ping(hq.host4)
