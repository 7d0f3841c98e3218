# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path carries: a router on the way takes less all of a sudden, says so or not, and takes it all again later.

    host --- linode1 --- its router ("nat") --- internet --- linodeHQ --- host
                         ^ its routes get an MTU of 1300, both ways

An inner packet has 32 bytes of ours, 8 of UDP and 20 of IPv4 around it: 1300 carry 1240, in an envelope 1228.
"""

import os
import re
import signal
import time

import pytest

import nat
import world as w

SMALL = 1300
CARRIED = SMALL - 20 - 8 - 32
TUN_MTU = 1400
NOTICED_S = 10


@pytest.fixture
def fast():
    """The build that looks for more every few seconds instead of minutes."""
    with w.World(build=os.path.join(w.BUILD, "fast")) as made:
        yield made


def narrow(branch, mtu):
    """The routes of a branch's router take packets of `mtu` bytes; None: whatever their devices take."""
    lock = f"mtu lock {mtu}" if mtu else ""
    number = branch.public4.rsplit(".", 1)[1]
    inside = f"100.64.{int(number) - 10}"
    branch.nat.home.ns.run(f"ip route replace 203.0.113.0/24 dev wan proto kernel scope link src {branch.public4} {lock}")
    branch.nat.home.ns.run(f"ip route replace {inside}.0/24 dev in proto kernel scope link src {inside}.1 {lock}")


def silence(branch):
    """The router says nothing of what it drops: a black hole."""
    branch.nat.home.ns.run(["nft", "add table inet mute; add chain inet mute out { type filter hook output priority 0; }; "
                    "add rule inet mute out icmp type destination-unreachable drop"])


def pmtu(branch, peer):
    peers = {p["name"]: p for p in branch.json("spoke", "status")["peers"]}
    return peers[peer]["pmtu"]


def wait_pmtu(branch, peer, size, timeout=30):
    w.wait_until(f"{branch.name} knows that {size} bytes get to {peer}", lambda: pmtu(branch, peer) == size, timeout)


class Stream:
    """A TCP stream between two hosts; the receiver says every second what has come."""

    def __init__(self, source, target, seconds=90):
        self.server = target.host.start(["iperf3", "-s", "-1", "-i", "1", "-f", "k", "--forceflush"], name="iperf3-s")
        self.server.wait_line("Server listening")
        self.client = source.host.start(
            ["iperf3", "-c", target.host4, "-t", str(seconds), "-b", "20M", "-f", "k"], name="iperf3-c")
        self.flows(10)

    def flows(self, timeout):
        """Something has come in a whole second from now on; returns after how long."""
        began, mark = time.monotonic(), self.server.mark()
        self.server.wait_line(r"sec +[1-9][0-9.]* [KM]Bytes", timeout, mark)
        return time.monotonic() - began

    def stop(self):
        self.client.stop()
        self.server.stop()


def too_big(host, address, size, *options):
    """What a ping that must not be cut is told: the MTU."""
    said = host.run(["ping", "-n", "-M", "do", "-c", "1", "-W", "2", "-s", str(size), *options, address], check=False)
    found = re.search(r"mtu ?= ?(\d+)", said.stdout + said.stderr)
    return int(found.group(1)) if found else None


@pytest.mark.parametrize("mute", [False, True], ids=["icmp", "black-hole"])
def test_decrease_under_load(fast, mute):
    hq = fast.headquarters()
    one = fast.branch(hq, "linode1", 1, nat=nat.Nat(fast, nat.PORT_RESTRICTED, 1))
    if mute:
        silence(one)
    one.host.wait_ping(hq.host4)
    wait_pmtu(one, "linodeHQ", TUN_MTU)
    stream = Stream(one, hq)

    began = time.monotonic()
    narrow(one, SMALL)
    wait_pmtu(one, "linodeHQ", CARRIED, NOTICED_S)
    took = time.monotonic() - began
    resumed = stream.flows(NOTICED_S)
    print(f"{'black hole' if mute else 'ICMP'}: {CARRIED} known after {took:.1f} s, data {resumed:.1f} s later")
    assert took + resumed < NOTICED_S + 2

    # Who sends more than that without allowing to cut it is told how much it may be.
    w.wait_until("the host is told", lambda: too_big(one.host, hq.host4, CARRIED - 28 + 1) == CARRIED)
    # The hub finds out for its own direction.
    w.wait_until("the hub's host is told", lambda: too_big(hq.host, one.host4, CARRIED - 28 + 1) == CARRIED)
    assert one.host.pings(hq.host4, count=3, size=CARRIED - 28)
    # Others' packets are cut, here or on their way; both families, both ways, whatever the size.
    for size in (CARRIED - 27, 1300, 4000):
        assert one.host.pings(hq.host4, count=3, size=size), size
        assert hq.host.pings(one.host4, count=3, size=size), size
    assert one.host.pings(hq.host6, count=3, size=1280 - 48)
    w.wait_until("hosts have learned what to cut IPv6 to", lambda: one.host.pings(hq.host6, count=3, size=3000))

    narrow(one, None)
    wait_pmtu(one, "linodeHQ", TUN_MTU, 30)
    assert stream.flows(10) < 10
    stream.stop()


def test_own_device(fast):
    """The line itself takes less: the kernel refuses what was fine a moment ago, trains and all."""
    hq = fast.headquarters()
    one = fast.branch(hq, "linode1", 1)
    one.host.wait_ping(hq.host4)
    wait_pmtu(one, "linodeHQ", TUN_MTU)
    stream = Stream(one, hq)
    began = time.monotonic()
    one.server.run(f"ip link set wan mtu {SMALL}")
    wait_pmtu(one, "linodeHQ", CARRIED, NOTICED_S)
    took = time.monotonic() - began
    resumed = stream.flows(NOTICED_S)
    print(f"own device: {CARRIED} known after {took:.1f} s, data {resumed:.1f} s later")
    one.server.run("ip link set wan mtu 1500")
    wait_pmtu(one, "linodeHQ", TUN_MTU)
    stream.stop()


def test_relayed(fast):
    """Between branches that use the hub only: a message that does not fit the second leg is lost at the hub, which counts
    it, and the sender finds out end to end. The envelope takes 12 bytes more."""
    hq = fast.headquarters()
    one, two = (fast.branch(hq, f"linode{i}", i, options=("-o", "IndirectData=yes")) for i in (1, 2))
    one.host.wait_ping(two.host4)
    wait_pmtu(one, "linode2", TUN_MTU)
    stream = Stream(one, two)
    hq.server.run(f"ip link set wan mtu {SMALL}")
    wait_pmtu(one, "linode2", CARRIED - 12, NOTICED_S)
    stream.flows(NOTICED_S)
    w.wait_until("the host is told", lambda: too_big(one.host, two.host4, 1300) == CARRIED - 12)
    stream.stop()


def test_relayed_behind_the_hub(fast):
    """Only the second leg is narrow: what a host may not make smaller than it is (IPv6, 1280 bytes) is cut there, too."""
    hq = fast.headquarters(lan_host=False)
    one = fast.branch(hq, "linode1", 1, options=("-o", "IndirectData=yes"))
    two = fast.branch(hq, "linode2", 2, nat=nat.Nat(fast, nat.PORT_RESTRICTED, 2))
    one.host.wait_ping(two.host4)
    wait_pmtu(one, "linode2", TUN_MTU)
    stream = Stream(one, two)
    silence(two)
    narrow(two, SMALL)
    wait_pmtu(one, "linode2", CARRIED - 12, NOTICED_S)
    wait_pmtu(two, "linode1", CARRIED - 12, 30)
    stream.stop()
    for a, b in ((one, two), (two, one)):
        assert a.host.pings(b.host6, count=3, size=1280 - 48)
        assert too_big(a.host, b.host4, 1300) == CARRIED - 12


def test_configured(world):
    """PMTU is a limit whatever the path carries; without discovery larger outer packets are cut on their way."""
    hq = world.headquarters(options=("-o", "PMTUDiscovery=no"))
    one = world.branch(hq, "linode1", 1, nat=nat.Nat(world, nat.PORT_RESTRICTED, 1), options=("-o", "PMTUDiscovery=no", "-o", "PMTU=1350"))
    narrow(one, SMALL)
    one.host.wait_ping(hq.host4)
    assert pmtu(one, "linodeHQ") == 0
    assert one.host.pings(hq.host4, count=3, size=1350 - 28)
    w.wait_until("the host is told", lambda: too_big(one.host, hq.host4, 1350 - 27) == 1350)
    # And less for one node only, read again by SIGHUP.
    with open(os.path.join(one.etc, "hosts/linodeHQ"), "a", encoding="utf-8") as f:
        f.write("PMTU = 1000\n")
    one.daemon.popen.send_signal(signal.SIGHUP)
    w.wait_until("the host is told less", lambda: too_big(one.host, hq.host4, 1350 - 28) == 1000)
    assert one.host.pings(hq.host4, count=3, size=1350 - 28)


class Listener:
    """What tcpdump says of packets, as they come by."""

    def __init__(self, ns, device, *what):
        self.process = ns.start(["tcpdump", "-i", device, "-n", "-v", "-l", "--immediate-mode", *what], name="tcpdump")
        self.process.wait_line("listening on")

    def sees(self, pattern):
        self.process.wait_line(pattern, 20)

    def stop(self):
        self.process.stop()


def mark_ce(branch, what):
    """The branch's router is congested: it marks tunnel packets instead of dropping them."""
    branch.nat.home.ns.run(["nft", "table ip congested { chain out { type filter hook forward priority 0; "
                    f"udp dport 6655 {what} ip ecn set ce; }}; }}"])


def pings_with(host, address, tos):
    return host.run(["ping", "-n", "-c", "1", "-W", "1", "-Q", str(tos), address], check=False).returncode == 0


def test_tos_and_ecn(world):
    """DSCP outside only with PriorityInheritance; ECN always, and what a router marks on the way gets inside (RFC 6040)."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, nat=nat.Nat(world, nat.PORT_RESTRICTED, 1), options=("-o", "PriorityInheritance=yes"))
    two = world.branch(hq, "linode2", 2, nat=nat.Nat(world, nat.PORT_RESTRICTED, 2))
    outside = Listener(world.internet, "br0", "udp", "port", "6655")
    for branch, tos, seen in ((one, 0xB8, "tos 0xb8,"), (one, 0xBA, "tos 0xba,"), (two, 0x22, "tos 0x2,")):
        branch.host.wait_ping(hq.host4)
        w.wait_until("a ping", lambda b=branch, t=tos: pings_with(b.host, hq.host4, t))
        outside.sees(seen)
    outside.stop()
    assert not any("tos 0x20" in line or "tos 0x22" in line for line in outside.process.lines)

    inside = Listener(hq.host, "eth0", "icmp")
    mark_ce(two, "ip ecn ect0")
    w.wait_until("a ping", lambda: pings_with(two.host, hq.host4, 0x22))
    inside.sees("tos 0x23,")
    # Who has not said that it understands must feel it as loss.
    two.nat.home.ns.run("nft delete table ip congested")
    mark_ce(two, "meta length > 400")
    assert pings_with(two.host, hq.host4, 0)
    assert not two.host.pings(hq.host4, size=600)
    inside.stop()
