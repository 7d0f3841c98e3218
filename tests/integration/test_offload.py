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
        # ECN on all flows, some packets marked and some lost on their way, and no timestamps at one host: other options, other headers.
        for site in (self.hq, self.one, self.two):
            site.host.run("sysctl -qw net.ipv4.tcp_ecn=1")
            some = "add rule inet marks streams numgen random mod"
            site.server.run(["nft", "add table inet marks; add chain inet marks streams; "
                             "add chain inet marks f { type filter hook forward priority 0; }; "
                             "add rule inet marks f iifname lan tcp sport 7001 goto streams; "
                             "add rule inet marks f iifname lan tcp dport 7001 goto streams; "
                             f"{some} 50 < 1 ip ecn != not-ect ip ecn set ce; {some} 50 < 1 ip6 ecn != not-ect ip6 ecn set ce; "
                             f"{some} 400 < 1 drop"])
            # Packets that no connection has sent are not answered. The first answer would move their flow to another queue of the
            # device while some are still in the first; a connection has nothing under way then but its SYN.
            site.host.run(["nft", "add table inet quiet; add chain inet quiet out { type filter hook output priority 0; }; "
                           "add rule inet quiet out tcp sport 4243 drop"])
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


SACK = 5


def option_kinds(packet):
    """The kinds of a packet's TCP options (RFC 9293 section 3.1)."""
    options, kinds = packet.options(), set()
    while options and options[0]:
        kinds.add(options[0])
        options = options[1 if options[0] == 1 else max(2, options[1] if len(options) > 1 else 2):]
    return kinds


def features(packets):
    """What patterns were there, so that the test is known to have tested them."""
    tcp = [p for p in packets if p.protocol == TCP and not p.fragment]
    seen = {name for name, bit in (("fin", FIN), ("psh", PSH), ("urg", URG), ("ece", ECE), ("cwr", CWR))
            if any(p.flags & bit and not p.flags & SYN for p in tcp)}
    seen |= {f"ipv{p.version}" for p in tcp}
    seen |= {"ce"} if any(p.tos & 3 == 3 for p in tcp) else set()
    seen |= {"ect"} if any(p.tos & 3 == 2 for p in tcp) else set()
    seen |= {"fragments"} if any(p.fragment for p in packets) else set()
    seen |= {"sack"} if any(SACK in option_kinds(p) for p in tcp) else set()
    data = [p for p in tcp if len(p.payload()) > 100]
    return seen | {"timestamps" if any(p.options()[2:4] == b"\x08\x0a" for p in data) else "no timestamps"}


COMMON = {"fin", "psh", "urg", "ece", "cwr", "ipv4", "ipv6", "ce", "ect", "sack"}


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


# --- any header ---------------------------------------------------------------------------------------------------------------------

# Of IPv6, between it and the protocol: hop-by-hop options, destination options; each an option of padding.
EXTENSIONS = {0: (), 1: (0,), 2: (60,), 3: (0, 60)}


def any_options(rng):
    """TCP options, a multiple of four bytes: timestamps, SACK blocks, one that nobody knows, padding in any place."""
    known = (b"\x01\x01\x08\x0a" + rng.randbytes(8), b"\x01\x01\x05\x0a" + rng.randbytes(8), b"\xfd\x04" + rng.randbytes(2),
             b"\x08\x0a" + rng.randbytes(8) + b"\x01\x01", b"")
    return b"".join(rng.choice(known) for _ in range(rng.randrange(3)))


def any_l4(rng, port, flow, size):
    """One packet of a flow that mostly goes on as flows do, so that much of it can be merged."""
    payload = rng.randbytes(rng.choice((size, size, size, size, rng.randrange(size + 1))))
    if flow["protocol"] == UDP:
        return struct.pack("!HHHH", port, 4243, 8 + len(payload), 0) + payload
    flags = rng.choice((0x10,) * 24 + (0x18, 0x11, 0x30, 0x50, 0x90, 0xD8, 0x38, rng.randrange(256)))
    options = flow["options"]
    reserved = rng.choice((0,) * 19 + (rng.randrange(16),))
    head = struct.pack("!HHIIBBHHH", port, 4243, flow["seq"], flow["ack"], (5 + len(options) // 4) << 4 | reserved, flags,
                       flow["window"], 0, flow["urgent"])
    flow["seq"] = (flow["seq"] + len(payload)) & 0xFFFFFFFF
    return head + options + payload


def any_ip(rng, ends, flow, number, l4):
    """The IP packet around it: TOS, flow label, DF, id, IPv4 options or IPv6 extension headers, UDP without a checksum."""
    v6 = len(ends[0]) == 16
    no_checksum = flow["protocol"] == UDP and not v6 and number % 5 == 4
    at = 6 if flow["protocol"] == UDP else 16
    check = 0 if no_checksum else l4_sum(*ends, flow["protocol"], l4) or 0xFFFF
    l4 = l4[:at] + struct.pack("!H", check) + l4[at + 2:]
    special = rng.randrange(4) if rng.random() < 0.05 else 0
    if v6:
        kinds = (*EXTENSIONS[special], flow["protocol"])
        chain = b"".join(bytes((following, 0, 1, 4, 0, 0, 0, 0)) for following in kinds[1:])
        first = 6 << 28 | flow["tos"] << 20 | flow["label"]
        return struct.pack("!IHBB", first, len(chain) + len(l4), kinds[0], 64 + flow["ttl"]) + b"".join(ends) + chain + l4
    options = b"\x01" * 4 * special
    # Routers may count on the id of what may be fragmented only (RFC 6864 section 4.1).
    fragment, ident = (0x4000, 7) if flow["df"] else (0, flow["id"])
    flow["id"] += 1
    header = struct.pack("!BBHHHBBH", 0x45 + special, flow["tos"], 20 + len(options) + len(l4), ident, fragment, 64 + flow["ttl"],
                         flow["protocol"], 0) + b"".join(ends) + options
    return header[:10] + struct.pack("!H", ~ones_sum(header) & 0xFFFF) + header[12:] + l4


def change(rng, flow):
    """One field of the headers is another from now on, all others are as before: what is merged over that is found."""
    fields = [("tos", 8), ("label", 20), ("ttl", 3)]
    if flow["protocol"] == TCP:
        fields += [("ack", 32), ("window", 16), ("urgent", 16), ("seq", 32), ("options", 0)]
    field, bits = rng.choice(fields)
    flow[field] = rng.randrange(1 << bits) if bits else any_options(rng)


def any_flows(rng, ends, protocol):
    """Packets of three flows in turns, some in trains, as (port, packet)."""
    flows = {4300 + i: {"protocol": protocol, "df": i != 1, "id": 500 * i + 1, "seq": rng.randrange(1 << 32),
                        "ack": rng.randrange(1 << 32), "window": 1000, "urgent": 0, "options": any_options(rng),
                        "tos": rng.randrange(256), "label": rng.randrange(1 << 20), "ttl": 0}
             for i in range(3)}
    for number in range(60):
        port = rng.choice(list(flows))
        size = rng.choice((1, 700, 1200))
        for _ in range(rng.randrange(1, 6)):
            if rng.random() < 0.3:
                change(rng, flows[port])
            yield port, any_ip(rng, ends, flows[port], number, any_l4(rng, port, flows[port], size))


def routed(packet):
    """The packet behind all routers, but for the header's checksum."""
    at = 7 if packet[0] >> 4 == 6 else 8
    return packet[:at] + bytes((packet[at] - HOPS,)) + packet[at + 1:]


def compared(packet):
    """What has to be the same of a packet: all but the header's checksum, and the id of one that may not be fragmented."""
    p = bytearray(packet)
    if p[0] >> 4 == 6:
        return bytes(p)
    p[10] = p[11] = 0
    if p[6] & 0x40:
        p[4] = p[5] = 0
    return bytes(p)


def source_port(packet):
    """Of a TCP or UDP packet, whatever stands before it; None of others."""
    at, kind = (packet[0] & 15) * 4, packet[9]
    if packet[0] >> 4 == 6:
        at, kind = 40, packet[6]
        while kind in (0, 60):
            at, kind = at + 8, packet[at]
    return struct.unpack_from("!H", packet, at)[0] if kind in (TCP, UDP) else None


@pytest.mark.parametrize("sink", ["hq", "two"])
@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_any_header_comes_through(office, sink, protocol):
    """Whatever is in its headers: each packet comes out byte for byte, once, and in the order of its flow."""
    rng = random.Random(protocol)
    one, sink = office.one, getattr(office, sink)
    for source, destination in ((one.host4, sink.host4), (one.host6, sink.host6)):
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        ends = [socket.inet_pton(family, a) for a in (source, destination)]
        capture = Capture(sink)
        sent = list(any_flows(rng, ends, protocol))
        one.host.run(["/usr/bin/python3", "-c", INJECT], user_input="\n".join(p.hex() for _, p in sent))
        one.host.wait_ping(destination)
        came = [p.data for p in capture.stop() if p.source == ends[0]]
        for port in {port for port, _ in sent}:
            want = [compared(routed(p)).hex() for at, p in sent if at == port]
            got = [compared(p).hex() for p in came if source_port(p) == port]
            assert (set(want) - set(got), set(got) - set(want)) == (set(), set()), "sent and not come, come and not sent"
            assert got == want, f"overtaken at {next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), len(got))} of {len(want)}"
