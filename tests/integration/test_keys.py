# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys: replaced while everything goes on, by their age, and never behind anybody's back.

    linodeHQ (hub) --- internet --- linode1, linode2
"""

import os
import signal

import pytest

import world as w
from traffic import ProbeStream, answer_probes
from world import wait_until

OVERLAP_S = 3


class Net:
    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters()
        self.hq.hub("key", "settings", "--overlap", str(OVERLAP_S))
        self.one, self.two = (world.branch(self.hq, f"linode{i}", i) for i in (1, 2))
        status = self.hq.json("hub", "status")
        self.address = {n["name"]: w.address_of(n) for n in status["nodes"]}
        for site in (self.hq, self.two):
            answer_probes(site.server)

    def keys(self, site, status="current"):
        """{kind: fingerprint} of the node, as the hub has them."""
        items = self.hq.json("hub", "key", "list", site.name)["items"]
        return {k["kind"]: k["fingerprint"] for k in items if k["status"] == status}

    def audit(self, action):
        return self.hq.json("hub", "audit", "list", "--action", action)["items"]


def spoke_keys(site):
    return site.json("spoke", "status")["keys"]


def wait_phase(site, phase, timeout=20):
    wait_until(f"keys of {site.name} are {phase}", lambda: spoke_keys(site)["phase"] == phase, timeout)


def wait_overlap(site, mark):
    """Until it has both keys, which it has for so short a time only that its status may be too late to tell."""
    site.daemon.wait_line(rf"the hub has taken our new keys; those of before are retired in {OVERLAP_S} s", start=mark)


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


@pytest.mark.parametrize("options", [["--tunnel"], ["--tunnel", "--identity"]])
def test_replaced_without_losing_a_packet(net, options):
    """The hub asks; the spoke makes the keys; streams to the hub and to another spoke do not notice."""
    one, two = net.one, net.two
    wait_phase(one, "stable")
    one.host.wait_ping(two.host4)
    before = net.keys(one)
    streams = [ProbeStream(one.server, net.address[site.name]) for site in (net.hq, two)]
    mark = one.daemon.mark()
    said = net.hq.json("hub", "node", "rotate", one.name, *options)
    assert said["done"] is True
    after = net.keys(one)
    assert after["tunnel"] != before["tunnel"]
    assert (after["identity"] != before["identity"]) == ("--identity" in options)
    wait_overlap(one, mark)
    # The link comes back by itself with the new identity; then the old keys go.
    wait_phase(one, "stable", OVERLAP_S + 20)
    results = [s.stop() for s in streams]
    for r in results:
        assert r["lost"] == [], results
    mine = spoke_keys(one)
    assert mine["tunnel"]["fingerprint"] == after["tunnel"] and mine["identity"]["fingerprint"] == after["identity"]
    assert not os.path.exists(os.path.join(one.etc, "tunnel.key.next"))
    assert net.hq.json("hub", "key", "rotations")["items"] == []
    assert net.audit("key.rotate")[-1]["object"] == f"node:{one.name}"


def crash(site):
    """As a power cut does, but for the kernel: every process at once, and a new start."""
    os.kill(site.daemon_pid(), signal.SIGKILL)
    site.daemon.popen.wait(10)
    # Its workers end with it, the last of them takes the interface away.
    wait_until("nothing of it is left", lambda: w.NET not in site.server.run(["ip", "link"]).stdout)
    site.start_daemon("spoke")


def test_an_admin_approves_and_a_crash_harms_nothing(net):
    """Proposed by the branch, killed, approved, killed again in the overlap: there is always a key that works."""
    one, two = net.one, net.two
    wait_phase(two, "stable", OVERLAP_S + 20)
    net.hq.hub("key", "settings", "--approval", "admin")
    before = net.keys(two)
    said = two.json("spoke", "rotate-key", "--tunnel", "--identity")
    assert (said["phase"], said["waits"]) == ("proposed", True)
    (row,) = net.hq.json("hub", "key", "rotations")["items"]
    assert (row["node"], row["state"], row["keys"]) == (two.name, "proposed", ["tunnel", "identity"])
    crash(two)
    wait_until("it proposes the same keys again", lambda: spoke_keys(two)["waits"])
    assert net.keys(two) == before
    one.host.wait_ping(two.host4)
    mark = two.daemon.mark()
    net.hq.hub("key", "approve", two.name)
    wait_overlap(two, mark)
    crash(two)
    after = net.keys(two)
    assert after == {"tunnel": row["tunnel_fingerprint"], "identity": row["identity_fingerprint"]}
    one.host.wait_ping(two.host4)
    two.host.wait_ping(net.hq.host4)
    wait_phase(two, "stable", OVERLAP_S + 20)
    one.host.wait_ping(two.host4)
    assert net.keys(two) == after


def test_old_keys_are_told_of_and_replaced(net):
    """At their maximum age keys are an event, a metric and a request for new ones, without anybody's doing."""
    one = net.one
    wait_phase(one, "stable", OVERLAP_S + 20)
    before = net.keys(one)
    hub_due = lambda: {k["due"] for k in net.hq.json("hub", "key", "list", net.hq.name)["items"] if k["status"] == "current"}
    assert hub_due() == {"no"}
    # All keys are older than that by now.
    net.hq.hub("key", "settings", "--max-age", "2", "--warn", "1", "--auto-rotate", "yes")
    wait_until("it has new keys", lambda: all(net.keys(one)[kind] != before[kind] for kind in before))
    assert hub_due() == {"overdue"}
    told = net.audit("key.old")
    assert set(before.values()) <= {a["detail"]["fingerprint"] for a in told}
    assert len(told) == len({a["detail"]["fingerprint"] for a in told})
    assert {"hub"} == {a["actor"] for a in told}
    net.hq.hub("key", "settings", "--max-age", "0", "--warn", "0", "--auto-rotate", "no")
    assert hub_due() == {"no"}
    for site in (one, net.two):
        wait_phase(site, "stable", OVERLAP_S + 20)
    one.host.wait_ping(net.two.host4)


def test_refused_keys_are_dropped(net):
    two = net.two
    before = net.keys(two)
    assert two.json("spoke", "rotate-key")["waits"] is True
    net.hq.hub("key", "refuse", two.name)
    wait_phase(two, "stable")
    assert net.keys(two) == before
    assert not os.path.exists(os.path.join(two.etc, "tunnel.key.next"))
    net.hq.hub("key", "settings", "--approval", "auto")
    net.one.host.wait_ping(two.host4)
