# SPDX-License-Identifier: GPL-3.0-or-later
"""Straight from branch to branch, and back through the hub when that does not work.

    linodeHQ (hub) --- internet (one Ethernet) --- linode1, linode2

The two branches see each other. A firewall rule in front of linode1 cuts the straight path.
"""

import re
import signal

import pytest

from world import World, wait_until

BLOCK = ("add table ip cut; add chain ip cut in { type filter hook input priority 0; }; "
         "add rule ip cut in ip saddr %s udp dport 6655 drop; "
         "add chain ip cut out { type filter hook output priority 0; }; "
         "add rule ip cut out ip daddr %s udp dport 6655 drop")
COUNT = ("add table ip seen; add chain ip seen in { type filter hook input priority 0; }; "
         "add rule ip seen in ip saddr %s udp dport 6655 counter")


@pytest.fixture(name="pair")
def two_branches():
    with World() as world:
        hq = world.headquarters()
        one, two = (world.branch(hq, f"linode{n}", n) for n in (1, 2))
        yield hq, one, two


def path(site, peer):
    peers = {p["name"]: p for p in site.json("spoke", "status")["peers"]}
    return peers[peer]["path"]


def wait_direct(one, two, timeout=30):
    one.host.wait_ping(two.host4)
    wait_until(f"{one.name} goes straight", lambda: path(one, two.name) == "direct-udp", timeout)
    wait_until(f"{two.name} goes straight", lambda: path(two, one.name) == "direct-udp", timeout)


class Stream:
    """A ping stream between two LAN hosts, 100 a second, in the background."""

    def __init__(self, source, target):
        self.process = source.host.start(["ping", "-n", "-D", "-i", "0.01", "-W", "1", target.host4], name="stream")
        self.process.wait_line(r"icmp_seq=\d+ ttl")

    def wait_more(self, count, timeout=30):
        start = self.process.mark()
        wait_until(f"{count} more answers", lambda: self.process.mark() >= start + count, timeout)

    def stop(self):
        """(longest time between answers in s, how many answers came twice)."""
        self.process.stop(signal.SIGINT)
        at = [float(m.group(1)) for line in self.process.lines if (m := re.match(r"\[([\d.]+)\].*icmp_seq=\d+ ttl", line))]
        twice = sum("DUP!" in line for line in self.process.lines)
        return max((b - a for a, b in zip(at, at[1:])), default=0), twice


def packets_seen(site):
    return int(re.search(r"counter packets (\d+)", site.server.run("nft list table ip seen").stdout).group(1))


def test_neighbours_go_straight(pair):
    """The session is made through the hub at once; then the hub sees no data any more."""
    hq, one, two = pair
    wait_direct(one, two)
    hq.server.run(["nft", COUNT % one.public4])
    assert one.host.pings(two.host4, count=300, size=1000)
    assert packets_seen(hq) < 60  # probes and what is for the hub itself


def test_blocked_path_falls_back_and_returns(pair):
    _, one, two = pair
    wait_direct(one, two)
    stream = Stream(one, two)
    stream.wait_more(50)
    one.server.run(["nft", BLOCK % (two.public4, two.public4)])
    wait_until("it goes through the hub", lambda: path(one, "linode2") == "hub-udp", 10)
    stream.wait_more(100)
    gap, twice = stream.stop()
    print(f"fall back: {gap:.2f} s without an answer")
    assert gap < 2 and twice == 0
    stream = Stream(one, two)
    one.server.run("nft delete table ip cut")
    wait_until("it goes straight again", lambda: path(one, "linode2") == "direct-udp", 90)
    wait_until("so does the other", lambda: path(two, "linode1") == "direct-udp", 90)
    gap, twice = stream.stop()
    print(f"return: {gap:.2f} s without an answer")
    assert gap < 1 and twice == 0


def test_hub_killed_under_a_straight_path(pair):
    """Nobody between two branches notices."""
    hq, one, two = pair
    wait_direct(one, two)
    stream = Stream(one, two)
    hq.daemon.stop(signal.SIGKILL)
    stream.wait_more(500, 60)
    assert path(one, "linode2") == path(two, "linode1") == "direct-udp"
    gap, _ = stream.stop()
    print(f"hub killed: {gap:.2f} s without an answer")
    assert gap < 1
