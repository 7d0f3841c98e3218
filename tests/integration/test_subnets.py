# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets: proposed by a branch and approved at the hub, conflicts with a name, and two branches with the same one.

    linodeHQ (hub) --- internet (a bridge) --- linode1, linode2   a pair in front of 10.50.0.0/24
                                               linode3            who talks with it
"""

import json
import os
import re

import pytest

import world as w

SHARED, SERVER = "10.50.0.0/24", "10.50.0.1"
# Not what is promised, only when to give up; how long traffic stops is measured in test_failover.py.
TAKES_OVER_S = 30


class Net:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.one, self.two, self.three = [world.branch(self.hq, f"linode{i}", i) for i in (1, 2, 3)]
        for site in (self.one, self.two):
            site.server.run(f"ip addr add {SERVER}/32 dev lo")
            site.server.run(["nft", "add table ip got; add chain ip got in { type filter hook input priority 0; }; "
                             f"add rule ip got in iifname {w.NET} ip daddr {SERVER} counter"])
        self.three.host.wait_ping(self.one.host4)
        self.three.host.wait_ping(self.two.host4)

    def subnets(self, status):
        return {(s["node"], s["prefix"], s["weight"]) for s in self.hq.json("hub", "subnet", "list")["items"]
                if s["status"] == status}

    def answers(self):
        """Which of the pair gets an echo request of linode3's host, and is it answered?"""
        before = [count(s) for s in (self.one, self.two)]
        answered = self.three.host.pings(SERVER)
        after = [count(s) for s in (self.one, self.two)]
        got = [s.name for s, b, a in zip((self.one, self.two), before, after) if a > b]
        return got[0] if answered and len(got) == 1 else None


def count(site):
    return int(re.search(r"packets (\d+)", site.server.run("nft list table ip got").stdout).group(1))


def propose(site, prefix):
    with open(os.path.join(site.etc, "hosts", site.name), "a", encoding="utf-8") as f:
        f.write(f"Subnet = {prefix}\n")
    site.daemon.stop()
    return site.start_daemon("spoke")


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


def test_a_proposal_waits_for_approval_and_a_conflict_names_the_other(net):
    propose(net.one, SHARED + "#5")
    w.wait_until("it is proposed", lambda: net.subnets("proposed") == {("linode1", SHARED, 5)})
    assert not net.three.host.pings(SERVER)
    net.hq.hub("subnet", "approve", "linode1", SHARED)
    assert net.subnets("proposed") == set() and ("linode1", SHARED, 5) in net.subnets("approved")
    w.wait_until("it is reached", lambda: net.answers() == "linode1")
    # Another branch cannot take it, nor a part of it; both sides are told by whom.
    clash = net.hq.hub("subnet", "add", "linode2", SHARED, check=False)
    assert clash.returncode == 4 and "linode1" in clash.stderr and SHARED in clash.stderr
    part = net.hq.hub("subnet", "add", "linode2", "10.50.0.128/25", "--failover", "--json", check=False)
    problem = json.loads(part.stdout)
    assert problem["code"] == "subnet_overlap" and "linode1" in problem["detail"]
    propose(net.two, "10.50.0.128/25").wait_line("the hub says: .*linode1.*subnet_overlap")


def test_the_lower_weight_has_it_and_the_other_takes_over(net):
    net.hq.hub("subnet", "add", "linode2", SHARED, "--weight", "20", "--failover")
    w.wait_until("the lower weight has it", lambda: net.answers() == "linode1")
    net.one.daemon.stop()
    w.wait_until("the other takes over", lambda: net.answers() == "linode2", TAKES_OVER_S)
    net.one.start_daemon("spoke")
    w.wait_until("and gives it back", lambda: net.answers() == "linode1", TAKES_OVER_S)
    # Another weight moves it, while both are there.
    net.hq.hub("subnet", "edit", "linode2", SHARED, "--weight", "1")
    w.wait_until("the other has it", lambda: net.answers() == "linode2", TAKES_OVER_S)
    net.hq.hub("subnet", "edit", "linode2", SHARED, "--weight", "20")
    w.wait_until("the lower weight has it again", lambda: net.answers() == "linode1", TAKES_OVER_S)
    # Disabled at the hub is away, too, and at once.
    net.hq.hub("node", "disable", "linode1")
    w.wait_until("the other takes over", lambda: net.answers() == "linode2")


def test_a_subnet_with_the_hubs_own_address_cuts_nobody_off(net):
    """The hub refuses it; forced, the branches leave the route out by themselves, also when they start with it."""
    hub = f"{net.hq.public4}/32"
    refused = net.hq.hub("subnet", "add", "linode2", hub, check=False)
    assert refused.returncode == 4 and "subnet_holds_hub" in refused.stderr and net.hq.public4 in refused.stderr

    def held():
        return net.three.json("spoke", "status")["routes_held"]

    def source():
        return json.loads(net.three.server.run(f"ip -j route get {net.hq.public4}").stdout)[0]["dev"]

    mark = net.three.daemon.mark()
    net.hq.hub("subnet", "add", "linode2", hub, "--force")
    net.three.daemon.wait_line(f"the route to {hub} is not set: the hub itself", start=mark)
    w.wait_until("it is held back", lambda: held() == [hub] and source() == "wan")
    net.three.daemon.stop()
    net.three.start_daemon("spoke")
    w.wait_until("it is held back again, and the link is up",
                 lambda: held() == [hub] and net.three.json("spoke", "status")["hub"]["up"])
    assert source() == "wan"
    net.hq.hub("subnet", "remove", "linode2", hub)
    w.wait_until("nothing is held any more", lambda: held() == [])
    net.three.host.wait_ping(net.hq.host4)
