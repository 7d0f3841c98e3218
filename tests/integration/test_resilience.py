# SPDX-License-Identifier: GPL-3.0-or-later
"""What must survive: a worker killed, the hub restarted, the hub away, a NAT that forgets.

    linodeHQ (hub) --- internet --- linode1, linode2 (one behind a NAT where said)
"""

import os
import re
import signal

import pytest

import nat
from world import wait_until


class Stream:
    """A ping stream between two LAN hosts, 20 a second, in the background."""

    def __init__(self, source, target):
        self.process = source.host.start(["ping", "-n", "-D", "-i", "0.05", "-W", "1", target.host4], name="stream")
        self.process.wait_line(r"icmp_seq=\d+ ttl")

    def wait_more(self, count=5, timeout=30):
        """`count` more answers, from now on."""
        for _ in range(count):
            self.process.wait_line(r"icmp_seq=\d+ ttl", timeout, start=self.process.mark())

    def stop(self):
        """(longest gap of sequence numbers, answers)."""
        self.process.stop(signal.SIGINT)
        got = [int(m.group(1)) for line in self.process.lines if (m := re.search(r"icmp_seq=(\d+) ttl", line))]
        gaps = [b - a for a, b in zip(got, got[1:])]
        return max(gaps, default=0), len(got)


def kill_worker(site, role):
    """kill -9, then waits until the monitor has started another."""
    old = site.worker_pid(role)
    os.kill(old, signal.SIGKILL)
    wait_until(f"a new {role}", lambda: site.worker_pid(role) != old)


@pytest.mark.parametrize("role", ["control", "api"])
def test_hub_worker_killed_touches_no_tunnel(network, role):
    hq, (one, two, _) = network
    one.host.wait_ping(two.host4)
    one.host.wait_ping(hq.host4)
    to_hub, to_spoke = Stream(one, hq), Stream(one, two)
    kill_worker(hq, role)
    to_hub.wait_more()
    to_spoke.wait_more()
    wait_until("the API answers again", lambda: hq.hub("status", check=False).returncode == 0)
    assert to_hub.stop()[0] <= 2
    assert to_spoke.stop()[0] <= 2
    # And it does its work again.
    wait_until("all links are back", lambda: sum(n["online"] for n in hq.json("hub", "status")["nodes"]) == 4, 60)
    assert "applied on 2 of 2" in hq.hub("node", "revoke", "linode3").stdout


def test_spoke_control_killed_touches_no_tunnel(network):
    hq, (one, two, _) = network
    one.host.wait_ping(two.host4)
    stream = Stream(one, two)
    kill_worker(one, "control")
    stream.wait_more()
    wait_until("the link is back", lambda: one.json("spoke", "status")["hub"]["up"], 40)
    assert stream.stop()[0] <= 2
    one.host.wait_ping(hq.host4)


@pytest.mark.parametrize("where", ["hub", "spoke"])
def test_engine_killed_comes_back(network, where):
    """Sessions are lost with the process; new ones must stand within seconds, without anybody's help."""
    hq, (one, two, _) = network
    one.host.wait_ping(two.host4)
    one.host.wait_ping(hq.host4)
    stream = Stream(one, two)
    kill_worker(hq if where == "hub" else one, "engine")
    stream.wait_more(timeout=15)
    one.host.wait_ping(hq.host4, 15)
    two.host.wait_ping(one.host4, 15)
    assert stream.stop()[0] <= 15 * 20


def test_hub_restart_under_traffic(network):
    """kill -9 of the whole hub: relayed sessions between spokes go on where they were, without a new handshake."""
    hq, (one, two, _) = network
    one.host.wait_ping(two.host4)

    def handshake():
        peers = {p["name"]: p for p in one.json("spoke", "status")["peers"]}
        return peers["linode2"]["handshake"]

    before = handshake()
    stream = Stream(one, two)
    children = [hq.worker_pid(r) for r in ("engine", "control", "api")]
    os.kill(hq.daemon_pid(), signal.SIGKILL)
    hq.daemon.popen.wait(10)
    for pid in children:
        wait_until("workers end with their monitor", lambda p=pid: not os.path.exists(f"/proc/{p}"))
    hq.start_daemon("hub")
    stream.wait_more(timeout=30)
    assert handshake() == before
    stream.stop()
    wait_until("all are back", lambda: sum(n["online"] for n in hq.json("hub", "status")["nodes"]) == 4, 70)


def test_spoke_starts_from_its_cache_while_the_hubs_control_is_away(network):
    """The link is blocked, the tunnel is not: a rebooted spoke works from its cached directory."""
    hq, (one, two, _) = network
    one.host.wait_ping(two.host4)
    hq.server.run(["nft", "add table ip f; add chain ip f in { type filter hook input priority 0; }; "
                   "add rule ip f in tcp dport 6655 drop"])
    assert one.daemon.stop() == 0
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4)
    one.host.wait_ping(two.host4)
    assert one.json("spoke", "status")["hub"]["up"] is False
    hq.server.run("nft delete table ip f")
    wait_until("the link is back", lambda: one.json("spoke", "status")["hub"]["up"], 70)


def test_nat_rebinding(world):
    """The NAT in front of a branch forgets its mappings: the hub finds the new address, sessions go on."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, nat=nat.Nat(world, nat.PORT_RESTRICTED, 1))
    two = world.branch(hq, "linode2", 2)
    one.host.wait_ping(hq.host4)
    one.host.wait_ping(two.host4)

    def endpoint():
        nodes = {n["name"]: n for n in hq.json("hub", "status")["nodes"]}
        return nodes["linode1"]["endpoint"]

    wait_until("an endpoint in the hub's status", endpoint)
    before = endpoint()
    stream = Stream(one, two)
    # New mappings get other ports, old ones are gone.
    one.nat.rebind()
    stream.wait_more(timeout=6)
    one.host.wait_ping(hq.host4, 6)
    assert stream.stop()[0] <= 6 * 20
    wait_until("the new endpoint in the status", lambda: endpoint() != before, 15)


def test_adding_a_node_touches_nobody(network, world):
    hq, (one, two, three) = network
    one.host.wait_ping(two.host4)
    stream = Stream(one, two)
    marks = [s.daemon.mark() for s in (hq, one, two)]
    four = world.branch(hq, "linode4", 4)
    four.host.wait_ping(one.host4)
    hq.hub("node", "delete", "linode3", "--yes")
    stream.wait_more()
    assert stream.stop()[0] <= 2
    for site, mark in zip((one, two), marks[1:]):
        assert not [line for line in site.daemon.lines[mark:] if "linode2: handshake" in line or "linode1: handshake" in line]
    assert not three.host.pings(one.host4)
