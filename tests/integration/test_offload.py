# SPDX-License-Identifier: GPL-3.0-or-later
"""What segmentation, coalescing and checksum flags do must not be seen: random traffic comes out as it went in.

    10.0.0.10 -- linodeHQ (hub) --+-- linode1 -- 10.1.0.10     hub <-> spoke: direct
                                  +-- linode2 -- 10.2.0.10     spoke <-> spoke: relayed, the spokes do not reach each other

Hosts send super-packets; the last router takes its card's offloads away, so that what the receiving host sees is what a wire would
carry, and every packet of it is verified. Runs with offloads on, off, and on at one end only.
"""

import json
import os
import random
import socket
import struct

import pytest

import world as w
from capture import CWR, ECE, FIN, PSH, SYN, TCP, UDP, URG, Capture, ones_sum
from options import accepts

STREAMS = os.path.join(os.path.dirname(__file__), "..", "lib", "streams.py")
HOPS = 2
# Runs in a namespace: sends whole IP packets, given as hex one a line, as fast as it can.
INJECT = r"""
import socket, sys
packets = [bytes.fromhex(line) for line in sys.stdin]
four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
for p in packets:
    if p[0] >> 4 == 4:
        four.sendto(p, (socket.inet_ntoa(p[16:20]), 0))
    else:
        six.sendto(p, (socket.inet_ntop(socket.AF_INET6, p[24:40]), 0))
"""


def switch(on):
    return () if on else ("-o", "Offload=no")


class Office:
    """The network of the drawing; `hub_on` and `spoke_on` say whether offloads are used there."""

    def __init__(self, world, hub_on, spoke_on):
        self.hq = world.headquarters(options=switch(hub_on))
        self.one = world.branch(self.hq, "linode1", 1, options=[*switch(spoke_on), "-o", "DirectMax=0"])
        self.two = world.branch(self.hq, "linode2", 2, options=[*switch(hub_on), "-o", "DirectMax=0"])
        self.keep_apart()
        # ECN on all flows, some packets marked on their way, and no timestamps at one host: other options, other headers.
        for site in (self.hq, self.one, self.two):
            site.host.run("sysctl -qw net.ipv4.tcp_ecn=1")
            rule = "add rule inet marks f iifname lan meta l4proto tcp numgen random mod 50 < 1"
            site.server.run(["nft", "add table inet marks; add chain inet marks f { type filter hook forward priority 0; }; "
                             f"{rule} ip ecn != not-ect ip ecn set ce; {rule} ip6 ecn != not-ect ip6 ecn set ce"])
        self.two.host.run("sysctl -qw net.ipv4.tcp_timestamps=0")
        for site in (self.hq, self.one, self.two):
            site.host.start(["/usr/bin/python3", "-u", STREAMS, "serve"], name=f"{site.name} streams").wait_line("ready")
        self.one.host.wait_ping(self.hq.host4)
        self.one.host.wait_ping(self.two.host6)

    def keep_apart(self):
        for a, b in ((self.one, self.two), (self.two, self.one)):
            a.server.run(["nft", "add table inet apart; add chain inet apart out { type filter hook output priority 0; }; "
                          f"add rule inet apart out ip daddr {b.public4} drop"])

    def exchange(self, source, sink, seed, tcp=16, size=1_200_000, udp=4, bursts=15):
        """Random flows from the host of one site to that of another, TCP both ways. Returns what arrived at both."""
        device = source.server.run(f"cat /sys/class/net/{w.NET}/mtu").stdout
        job = {"address": {"4": sink.host4, "6": sink.host6}, "mtu": int(device), "hops": HOPS, "seed": seed, "tcp": tcp,
               "size": size, "udp": udp, "bursts": bursts}
        captures = [Capture(sink), Capture(source)]
        done = source.host.run(["/usr/bin/python3", STREAMS, "run", json.dumps(job)])
        assert json.loads(done.stdout) == []
        return [c.stop() for c in captures]


def modes():
    """Both ends with, both without, and either alone; only as the programs are while they have no such switch."""
    return [(True, True), (False, False), (True, False)] if os.path.exists(w.BUILD) and accepts("Offload=no") else [(True, True)]


@pytest.fixture(scope="module", params=modes(), ids=lambda m: "-".join("on" if x else "off" for x in m))
def office(request):
    with w.World() as world:
        yield Office(world, *request.param)


def verify(packets):
    wrong = [(p.error, p.protocol, len(p.l4)) for p in packets if p.error]
    assert not wrong, f"{len(wrong)} of {len(packets)}: {wrong[:5]}"
    ttls = {p.ttl for p in packets if p.protocol == TCP}
    assert ttls == {64 - HOPS}


def features(packets):
    """What patterns were there, so that the test is known to have tested them."""
    tcp = [p for p in packets if p.protocol == TCP and not p.fragment]
    seen = {name for name, bit in (("fin", FIN), ("psh", PSH), ("urg", URG), ("ece", ECE), ("cwr", CWR))
            if any(p.flags & bit and not p.flags & SYN for p in tcp)}
    seen |= {f"ipv{p.version}" for p in tcp}
    seen |= {"ce"} if any(p.tos & 3 == 3 for p in tcp) else set()
    seen |= {"ect"} if any(p.tos & 3 == 2 for p in tcp) else set()
    seen |= {"fragments"} if any(p.fragment for p in packets) else set()
    data = [p for p in tcp if len(p.payload()) > 100]
    return seen | {"timestamps" if any(p.options()[2:4] == b"\x08\x0a" for p in data) else "no timestamps"}


COMMON = {"fin", "psh", "urg", "ece", "cwr", "ipv4", "ipv6", "ce", "ect"}


def test_direct(office):
    """Spoke to hub, and hub to spoke in the same TCP connections and in UDP flows of its own."""
    there, back = office.exchange(office.one, office.hq, 1)
    verify(there)
    verify(back)
    assert features(there) >= COMMON | {"timestamps", "fragments"}
    there, back = office.exchange(office.hq, office.one, 2, tcp=4)
    verify(there)
    verify(back)


def test_relayed(office):
    """Spoke to spoke through the hub, without TCP timestamps."""
    there, back = office.exchange(office.one, office.two, 3)
    verify(there)
    verify(back)
    assert features(there) >= COMMON | {"no timestamps", "fragments"}
    peers = {p["name"]: p["path"] for p in office.one.json("spoke", "status")["peers"]}
    assert peers["linode2"] == "hub-udp"


def l4_sum(source, destination, protocol, l4):
    return ~ones_sum(source, destination, struct.pack("!II", len(l4), protocol), l4) & 0xFFFF


def ip_packet(source, destination, protocol, l4):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = [socket.inet_pton(family, a) for a in (source, destination)]
    at = 6 if protocol == UDP else 16
    l4 = l4[:at] + struct.pack("!H", l4_sum(*ends, protocol, l4)) + l4[at + 2:]
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(l4), protocol, 64) + b"".join(ends) + l4
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 7, 0x4000, 64, protocol, 0) + b"".join(ends)
    return header[:10] + struct.pack("!H", ~ones_sum(header) & 0xFFFF) + header[12:] + l4


def run_of_packets(source, destination, protocol, rng, count=48):
    """Packets of one flow that would be merged, each with its number; every third is damaged after its checksum was made."""
    for number in range(count):
        payload = struct.pack("!I", number) + rng.randbytes(796)
        if protocol == UDP:
            head = struct.pack("!HHHH", 4242, 4243, 8 + len(payload), 0)
        else:
            head = struct.pack("!HHIIBBHHH", 4242, 4243, 1000 + number * len(payload), 1, 5 << 4, 0x10, 1000, 0, 0)
        packet = bytearray(ip_packet(source, destination, protocol, head + payload))
        if number % 3 == 2:
            packet[-1 - rng.randrange(700)] ^= 1 << rng.randrange(8)
        yield bytes(packet)


@pytest.mark.parametrize("sink", ["hq", "two"])
def test_damaged_packets_are_not_repaired(office, sink):
    """A packet that comes with a wrong checksum is not merged with others under a new, right one."""
    rng = random.Random(4)
    one, sink = office.one, getattr(office, sink)
    for source, destination in ((one.host4, sink.host4), (one.host6, sink.host6)):
        for protocol in (UDP, TCP):
            capture = Capture(sink)
            sent = list(run_of_packets(source, destination, protocol, rng))
            one.host.run(["/usr/bin/python3", "-c", INJECT], user_input="\n".join(p.hex() for p in sent))
            one.host.wait_ping(destination)
            got = {}
            for p in capture.stop():
                if p.protocol == protocol and len(p.payload()) == 800:
                    assert p.payload() not in got, "twice"
                    got[p.payload()] = p.error
            for number, packet in enumerate(sent):
                if number % 3 == 2:
                    assert got.get(packet[-800:], "missing") is not None, f"packet {number} has a right checksum now"
                else:
                    assert got.get(packet[-800:], "missing") is None, f"packet {number}: {got.get(packet[-800:], 'missing')}"
