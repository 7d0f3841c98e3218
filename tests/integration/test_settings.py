# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub sets on a spoke: tried there first, and taken back by the spoke unless it reaches the hub again.

    linodeHQ (hub) --- internet (a bridge) --- linode1   a branch whose firewall is not the hub's business
"""

import json
import os
import re
import signal

import pytest

import evidence
import world as w

WITHIN_S = "6"


class Net:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.one = world.branch(self.hq, "linode1", 1)
        self.one.host.wait_ping(self.hq.host4)
        w.wait_until("it has told its settings", lambda: self.settings()["effective"])
        self.one.server.run("nft add table inet f")
        self.one.server.run(["nft", "add chain inet f out { type filter hook output priority 0; }"])

    def settings(self):
        return self.hq.json("hub", "node", "settings", "linode1")

    def state(self):
        return self.settings()["change"]["state"]

    def set(self, *words, check=True):
        return self.hq.hub("node", "set", "linode1", *words, check=check)

    def port(self):
        """Where the branch's tunnels are, as the kernel says."""
        return {int(p) for p in re.findall(r":(\d+)\s+\S+:\*", self.one.server.run("ss -Huln").stdout)}

    def mtu(self):
        return json.loads(self.one.server.run(f"ip -j link show {w.NET}").stdout)[0]["mtu"]

    def drop(self, *rules):
        for rule in rules:
            self.one.server.run(["nft", f"add rule inet f out {rule} drop"])

    def drop_nothing(self):
        self.one.server.run("nft flush chain inet f out")

    def path(self):
        return next(p["path"] for p in self.one.json("spoke", "status")["peers"] if p["name"] == "linodeHQ")


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


def test_a_change_that_works_is_confirmed(net):
    said = net.set("mtu=1300", "direct_max=7", "port=7001")
    assert "confirmed" in said.stdout
    assert net.mtu() == 1300 and net.port() == {7001}
    now = net.settings()
    assert now["settings"] == {"mtu": 1300, "direct_max": 7, "port": 7001}
    assert now["effective"]["direct_max"] == {"value": 7, "source": "hub"}
    assert now["effective"]["clamp_mss"] == {"value": True, "source": "default"}
    assert now["effective"]["log_level"] == {"value": 3, "source": "local"}  # -d3 of its command line
    net.one.host.wait_ping(net.hq.host4)
    # It holds after a restart, and what the branch's own admin writes holds before it.
    net.one.daemon.stop()
    with open(os.path.join(net.one.etc, "spoke.conf"), "a", encoding="utf-8") as f:
        f.write("\nDirectMax = 9\n")
    net.one.start_daemon("spoke")
    w.wait_until("its port again", lambda: net.port() == {7001})
    w.wait_until("the hub knows who decides", lambda: net.settings()["effective"]["direct_max"] ==
                 {"value": 9, "source": "local"})
    assert net.mtu() == 1300
    net.one.host.wait_ping(net.hq.host4)


def test_a_port_that_does_not_work_is_taken_back_by_the_branch(net):
    net.one.host.wait_ping(net.hq.host4)
    net.drop("udp sport 7002")
    said = net.set("port=7002", "--confirm-within", WITHIN_S, check=False)
    net.drop_nothing()
    assert said.returncode == 1 and "by UDP" in said.stderr
    now = net.settings()
    assert now["change"]["state"] == "rolled_back" and "did not answer by UDP" in now["change"]["reason"]
    assert now["settings"]["port"] == 7001 and net.port() == {7001}
    w.wait_until("by UDP as before", lambda: "udp" in net.path())
    net.one.host.wait_ping(net.hq.host4)
    [entry] = evidence.audit(net.hq, "node.settings.rolled_back", "linode1")
    assert entry["after"]["port"] == 7002 and "by UDP" in entry["reason"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_branch_that_is_cut_off_comes_back_by_itself(net, killed):
    """Nothing but the change can be the reason, as far as the branch can know: the hub is not reached with it."""
    w.wait_until("by UDP", lambda: "udp" in net.path())
    net.drop("tcp flags syn", "udp sport 7003")
    net.set("port=7003", "--confirm-within", WITHIN_S, "--no-wait")
    mark = net.one.daemon.mark()
    w.wait_until("it is tried", lambda: net.port() == {7003})
    if killed:
        net.one.daemon.stop(signal.SIGKILL)
        net.one.start_daemon("spoke")
        mark = 0
    assert net.state() == "pending"
    net.one.daemon.wait_line("taken back: the hub was not reached", start=mark)
    w.wait_until("the old port", lambda: net.port() == {7001})
    assert net.state() == "pending"  # nobody could tell the hub
    net.drop_nothing()
    w.wait_until("the hub knows", lambda: net.state() == "rolled_back", 40)
    assert "not reached within" in net.settings()["change"]["reason"]
    net.one.host.wait_ping(net.hq.host4)


def test_a_change_waits_for_a_branch_that_is_away_and_can_be_cancelled(net):
    net.one.daemon.stop()
    net.set("mtu=1280", "--no-wait")
    again = net.set("mtu=1290", check=False)
    assert again.returncode == 4 and "cancel" in again.stderr
    net.hq.hub("node", "settings", "linode1", "--cancel")
    assert net.state() == "cancelled"
    net.one.start_daemon("spoke")
    net.one.daemon.wait_line("is confirmed")
    assert net.mtu() == 1300
    net.one.daemon.stop()
    net.set("mtu=", "port=", "direct_max=", "--no-wait")
    net.one.start_daemon("spoke")
    w.wait_until("it has confirmed what it missed", lambda: net.state() == "confirmed")
    assert net.mtu() == 1400 and net.settings()["settings"] == {}
    w.wait_until("the usual port", lambda: net.port() == {6655})
    net.one.host.wait_ping(net.hq.host4)


def test_the_log_level_of_a_running_hub(net):
    mark = net.hq.daemon.mark()
    assert net.hq.json("hub", "log-level")["level"] == 3
    assert net.hq.json("hub", "log-level", "0") == {"level": 0, "configured": 0}
    net.hq.daemon.wait_line("log level 0 is used", start=mark)
    w.wait_until("all know", lambda: net.hq.json("hub", "log-level")["level"] == 0)
    mark = net.hq.daemon.mark()
    net.hq.hub("log-level", "3")
    net.one.daemon.stop()
    net.one.start_daemon("spoke")
    net.hq.daemon.wait_line(r"branchline-hub\[control\]: control: hello from linode1|\[control\].*linode1", start=mark)
    assert evidence.ask(net.hq, "SELECT count(*) FROM audit WHERE action = 'hub.log_level'") == [(2,)]
