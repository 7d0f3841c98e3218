# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub replaces its own identity key while branches are connected, are away, and while it is killed.

    linodeHQ (hub) --- internet --- linode1 (stays), linode2 (goes away, comes back in time or too late)
"""

import json
import os
import signal

import pytest

import world as w
from traffic import ProbeStream, answer_probes
from world import wait_until

PATIENCE_S = 60


class Net:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.one, self.two = (world.branch(self.hq, f"linode{i}", i) for i in (1, 2))
        status = self.hq.json("hub", "status")
        self.address = {n["name"]: w.address_of(n) for n in status["nodes"]}
        for site in (self.hq, self.two):
            answer_probes(site.server)

    def identity(self):
        return self.hq.json("hub", "identity", "show")

    def rotate(self):
        """The next key is announced; returns where that stands."""
        self.hq.hub("identity", "rotate", "--overlap", "3600")
        wait_until("the next key is announced", lambda: self.identity()["state"] == "overlap", PATIENCE_S)
        return self.identity()

    def wait_known(self, by):
        wait_until(f"{by} know it", lambda: self.identity()["known_by"] == by, PATIENCE_S)

    def wait_files(self):
        """The key in force is identity.key, and there is no other."""
        wait_until("no other key", lambda: not os.path.exists(os.path.join(self.hq.etc, "identity.key.next")), PATIENCE_S)

    def audit(self, action):
        return self.hq.json("hub", "audit", "list", "--action", action)["items"]


def pinned(site):
    """How the branch knows its hub."""
    return site.json("spoke", "pin")


def wait_pinned(site, fingerprint):
    wait_until(f"{site.name} knows the hub by it", lambda: pinned(site)["fingerprint"] == fingerprint, PATIENCE_S)
    wait_until("its file has its place", lambda: not os.path.exists(os.path.join(site.etc, "hub.pin.next")), PATIENCE_S)


def wait_link(site, state="up"):
    wait_until(f"the link of {site.name} is {state}", lambda: site.json("spoke", "status")["hub"]["state"] == state, PATIENCE_S)


def wait_gone(site):
    site.daemon.popen.wait(PATIENCE_S)
    # Its workers end with it, the last of them takes the interface away.
    wait_until("nothing of it is left", lambda: w.NET not in site.server.run(["ip", "link"]).stdout, PATIENCE_S)


def leave(site):
    site.daemon.popen.send_signal(signal.SIGTERM)
    wait_gone(site)


def crash(site, kind):
    """As a power cut does, but for the kernel: every process at once, and a new start."""
    os.kill(site.daemon_pid(), signal.SIGKILL)
    wait_gone(site)
    site.start_daemon(kind)


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


def test_replaced_without_losing_a_packet(net):
    """Announced, confirmed, switched: streams to the hub and between branches do not notice, nor do the links."""
    hq, one, two = net.hq, net.one, net.two
    one.host.wait_ping(two.host4)
    before = net.identity()
    assert (before["state"], before["known_by"], before["spokes"], before["missing"]) == ("stable", 2, 2, [])
    assert before["next_fingerprint"] is None and before["overlap_until"] is None
    assert hq.hub("identity", "finish", check=False).returncode == 4
    wet = hq.json("hub", "identity", "rotate", "--dry-run")
    assert (wet["dry_run"], wet["identity"]["state"], net.identity()["state"]) == (True, "preparing", "stable")
    streams = [ProbeStream(one.server, net.address[site.name]) for site in (hq, two)]
    links = [site.json("spoke", "status")["hub"]["since"] for site in (one, two)]
    during = net.rotate()
    assert during["fingerprint"] == before["fingerprint"] and during["next_fingerprint"] != before["fingerprint"]
    assert hq.hub("identity", "rotate", check=False).returncode == 4
    net.wait_known(2)
    for site in (one, two):
        known = pinned(site)
        assert (known["fingerprint"], known["next_fingerprint"]) == (before["fingerprint"], during["next_fingerprint"])
        assert os.stat(os.path.join(site.etc, "hub.pin.next")).st_mode & 0o022 == 0
    wait_until("it is told", lambda: len(net.audit("hub.identity_known")) == 1)
    after = hq.json("hub", "identity", "finish")["identity"]
    assert (after["fingerprint"], after["state"], after["known_by"]) == (during["next_fingerprint"], "stable", 2)
    for site in (one, two):
        wait_pinned(site, after["fingerprint"])
    net.wait_files()
    results = [s.stop() for s in streams]
    assert [r["lost"] for r in results] == [[], []], results
    assert links == [site.json("spoke", "status")["hub"]["since"] for site in (one, two)]
    (entry,) = net.audit("hub.identity_switch")
    assert entry["detail"]["missing"] == 0 and entry["detail"]["old_fingerprint"] == before["fingerprint"]
    # Both start anew from their files.
    crash(one, "spoke")
    crash(hq, "hub")
    for site in (one, two):
        wait_link(site)
    one.host.wait_ping(two.host4)
    assert net.identity()["fingerprint"] == after["fingerprint"]


def test_cancelled(net):
    """Taken back before the switch: also those who were away for that have only the present key."""
    before = net.identity()
    net.rotate()
    net.wait_known(2)
    leave(net.two)
    net.hq.hub("identity", "cancel")
    wait_until("it is taken back", lambda: pinned(net.one)["next_fingerprint"] is None, PATIENCE_S)
    net.wait_files()
    net.two.start_daemon("spoke")
    wait_link(net.two)
    wait_until("it is taken back", lambda: pinned(net.two)["next_fingerprint"] is None, PATIENCE_S)
    assert not os.path.exists(os.path.join(net.two.etc, "hub.pin.next"))
    after = net.identity()
    assert (after["fingerprint"], after["state"], after["known_by"]) == (before["fingerprint"], "stable", 2)


def test_away_and_back_within_the_overlap(net):
    """A branch that was off when the key was announced, and a hub that is killed at every step."""
    hq, one, two = net.hq, net.one, net.two
    leave(two)
    during = net.rotate()
    net.wait_known(1)
    (missing,) = net.identity()["missing"]
    assert (missing["name"], missing["online"]) == (two.name, False)
    refused = hq.hub("identity", "finish", "--json", check=False)
    assert refused.returncode == 4
    problem = json.loads(refused.stdout)
    assert (problem["code"], problem["used_by_total"]) == ("identity_unknown_to", 1)
    assert problem["used_by"] == [{"kind": "node", "name": two.name}]
    crash(hq, "hub")
    assert net.identity()["next_fingerprint"] == during["next_fingerprint"]
    two.start_daemon("spoke")
    net.wait_known(2)
    assert pinned(two)["next_fingerprint"] == during["next_fingerprint"]
    # Away again for the switch, which the hub does not live to tell anybody.
    leave(two)
    hq.hub("identity", "finish")
    crash(hq, "hub")
    net.wait_files()
    assert net.identity()["fingerprint"] == during["next_fingerprint"]
    wait_link(one)
    wait_pinned(one, during["next_fingerprint"])
    two.start_daemon("spoke")
    wait_link(two)
    wait_pinned(two, during["next_fingerprint"])
    one.host.wait_ping(two.host4)


def test_away_for_all_of_it(net):
    """Too late: a clear error that says what to do, and doing that helps. Old join lines say it as well."""
    hq, one, two = net.hq, net.one, net.two
    line = hq.hub("node", "add", "linode9").stdout.strip()
    leave(two)
    after = net.rotate()["next_fingerprint"]
    net.wait_known(1)
    hq.hub("identity", "finish", "--force")
    wait_pinned(one, after)
    here = net.identity()
    assert (here["state"], here["known_by"], [m["name"] for m in here["missing"]]) == ("stable", 1, [two.name])
    daemon = two.start_daemon("spoke")
    daemon.wait_line(rf"is not our hub.*{after}.*branchline-spoke pin", PATIENCE_S)
    wait_until("it says whom it refuses", lambda: pinned(two)["refused_fingerprint"] == after, PATIENCE_S)
    assert two.json("spoke", "status")["hub"]["state"] != "up"
    # Nobody else's key is taken by its fingerprint.
    assert two.spoke("pin", "0" * 64, check=False).returncode == 4
    two.spoke("pin", after)
    wait_link(two)
    wait_until("it is not missing any more", lambda: net.identity()["missing"] == [], PATIENCE_S)
    one.host.wait_ping(two.host4)
    # By a join line of now: nothing changes, since that is how it is known.
    two.spoke("pin", hq.hub("token", "create", two.name).stdout.split()[-1])
    wait_link(two)
    assert pinned(two)["fingerprint"] == after
    late = one.join(line, check=False, extra=["--force"])
    assert late.returncode == 4 and "ask its admin for a new join line" in late.stderr
    hq.hub("node", "delete", "linode9", "--yes")


def test_the_end_of_the_overlap(net):
    """Nobody finishes: the hub switches by itself when the time is over. The links are from before the last switch."""
    before = net.identity()
    net.hq.hub("identity", "rotate", "--overlap", "3")
    wait_until("it has switched", lambda: net.identity()["fingerprint"] != before["fingerprint"], PATIENCE_S)
    after = net.identity()
    for site in (net.one, net.two):
        wait_pinned(site, after["fingerprint"])
    net.wait_known(2)
    assert {a["actor"] for a in net.audit("hub.identity_switch")} == {"hub", "unix:root"}
    net.one.host.wait_ping(net.two.host4)
