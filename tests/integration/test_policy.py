# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy in what a spoke is told, in what the hub relays, and in what a spoke accepts.

    linodeHQ (hub) --- internet (a bridge) --- linode1, linode2   branches, in the group "default"
                                               ops                in the group "masters"
"""

import os
import re
import signal

import pytest

import evidence
import world as w

PROMISED_S = 1.0


class Net:
    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters()
        self.one, self.two = [world.branch(self.hq, f"linode{i}", i) for i in (1, 2)]
        self.hq.hub("group", "create", "masters", "--comment", "may reach every branch")
        self.ops = world.branch(self.hq, "ops", 3, add=["--group", "masters"])
        self.hq.hub("policy", "add", "masters", "default")
        self.spokes = [self.one, self.two, self.ops]
        w.wait_until("three spokes are connected", lambda: self.online() == 3)

    def online(self):
        return sum(1 for n in self.hq.json("hub", "status")["nodes"] if n["kind"] == "spoke" and n["online"])

    def wait_applied(self, sites=None):
        """Until the spokes have applied the present revision."""
        names = {s.name for s in sites or self.spokes}
        revision = self.hq.json("hub", "revision")["revision"]
        w.wait_until(f"{names} have applied {revision}", lambda: all(
            n["acked_revision"] >= revision for n in self.hq.json("hub", "status")["nodes"] if n["name"] in names))


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


@pytest.fixture(autouse=True)
def open_again(net):
    yield
    net.hq.hub("policy", "default", "allow")
    net.wait_applied()


def peers(site):
    return {p["name"] for p in site.json("spoke", "status")["peers"]}


def count_arrivals(host, source):
    """Counts the packets of `source` that reach a host, from now on."""
    host.run(["nft", "add table ip got; flush table ip got; add chain ip got in { type filter hook input priority 0; }; "
              f"add rule ip got in ip saddr {source} counter"])
    return lambda: int(re.search(r"packets (\d+)", host.run("nft list table ip got").stdout).group(1))


def denied_at(hq):
    return evidence.changed_at(hq, "policy.remove")


class Stopped:
    """A spoke whose control process learns nothing while its engine goes on."""

    def __init__(self, *sites):
        self.pids = [s.worker_pid("control") for s in sites]

    def __enter__(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


def test_branches_see_headquarters_and_masters_see_all(net):
    one, two, ops, hq = net.one, net.two, net.ops, net.hq
    one.host.wait_ping(two.host4)
    ops.host.wait_ping(one.host4)
    assert peers(one) == {"linodeHQ", "linode2", "ops"}
    cut = evidence.Echoes(one.host, two.host4)
    kept = evidence.Echoes(ops.host, one.host4)
    hq.hub("policy", "default", "deny")
    cut.wait_silence()
    assert cut.lived_on(denied_at(hq)) <= PROMISED_S
    cut.process.stop(signal.SIGINT)
    net.wait_applied()
    # What the spokes are told.
    assert peers(one) == peers(two) == {"linodeHQ", "ops"}
    assert peers(ops) == {"linodeHQ", "linode1", "linode2"}
    # The sessions of those who may talk went on.
    kept.wait_more()
    assert kept.stop() <= 2
    for a, b in ((ops, two), (two, ops), (one, hq), (hq, two)):
        a.host.wait_ping(b.host4)
    assert not one.host.pings(two.host4) and not two.host.pings(one.host4)


def test_who_decides(net):
    hq = net.hq
    check = hq.json("hub", "policy", "check", "linode1", "linode2")
    assert check["allowed"] and check["decided_by"] == "policy" and check["rules"][0]["from"] == "default"
    hq.hub("policy", "default", "deny")
    assert hq.hub("policy", "default").stdout == "deny\n"
    got = hq.hub("policy", "check", "linode1", "linode2", check=False)
    assert got.returncode == 1 and got.stdout.startswith("no: no policy allows")
    assert hq.hub("policy", "check", "linode2", "ops").stdout.startswith("yes: policy 65 allows masters -> default")
    assert hq.hub("policy", "check", "linode2", "linodeHQ").stdout.startswith("yes: every active node may talk to the hub")


def test_a_spoke_accepts_nobody_that_it_may_not_talk_to(net):
    """Of two spokes one does not listen to the hub: it goes on sending on its direct path, and nothing of it arrives."""
    one, two, hq = net.one, net.two, net.hq
    one.host.wait_ping(two.host4)
    with Stopped(one):
        echoes = evidence.Echoes(one.host, two.host4)
        hq.hub("policy", "default", "deny")
        echoes.wait_silence()
        assert echoes.lived_on(denied_at(hq)) <= PROMISED_S
        arrivals = count_arrivals(two.host, one.host4)
        echoes.wait_more(20, pattern=echoes.MISSING)
        echoes.process.stop(signal.SIGINT)
        assert arrivals() == 0


def test_the_hub_relays_nothing_that_policy_forbids(net):
    """Neither spoke listens, and there is no direct path between them: only the hub is left to refuse."""
    one, two, hq = net.one, net.two, net.hq
    inet = net.world.internet
    inet.run(["nft", "add table bridge wall; add chain bridge wall cut { type filter hook forward priority 0; }; "
              f"add rule bridge wall cut ip saddr {one.public4} ip daddr {two.public4} drop; "
              f"add rule bridge wall cut ip saddr {two.public4} ip daddr {one.public4} drop"])
    try:
        one.host.wait_ping(two.host4, 40)
        with Stopped(one, two):
            echoes = evidence.Echoes(one.host, two.host4)
            hq.hub("policy", "default", "deny")
            echoes.wait_silence()
            assert echoes.lived_on(denied_at(hq)) <= PROMISED_S
            arrivals = count_arrivals(two.host, one.host4)
            echoes.wait_more(20, pattern=echoes.MISSING)
            echoes.process.stop(signal.SIGINT)
            assert arrivals() == 0
    finally:
        inet.run("nft delete table bridge wall")


def test_what_is_in_use_cannot_be_deleted(net):
    hq = net.hq
    got = hq.hub("group", "delete", "masters", "--yes", check=False)
    assert got.returncode == 4
    assert "used by 1 policies and 1 nodes: masters -> default, ops [group_in_use]" in got.stderr
    hq.hub("group", "create", "spare")
    hq.hub("group", "edit", "spare", "--name", "reserve")
    hq.hub("node", "edit", "linode1", "--group", "+reserve,-default")
    assert hq.json("hub", "node", "show", "linode1")["groups"] == ["reserve"]
    w.wait_until("linode1 sees the hub only", lambda: peers(net.one) == {"linodeHQ"})
    hq.hub("node", "edit", "linode1", "--group", "default")
    w.wait_until("linode1 sees all", lambda: peers(net.one) == {"linodeHQ", "linode2", "ops"})
    hq.hub("group", "delete", "reserve", "--yes")
    assert [g["name"] for g in hq.json("hub", "group", "list")["items"]] == ["default", "masters"]
