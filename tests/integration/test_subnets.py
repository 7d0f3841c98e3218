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
    net.hq.hub("subnet", "add", "linode1", SHARED, "--weight", "5")
    assert net.subnets("proposed") == set()
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
    # Disabled at the hub is away, too, and at once.
    net.hq.hub("node", "disable", "linode1")
    w.wait_until("the other takes over", lambda: net.answers() == "linode2")
