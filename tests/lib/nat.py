# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers between a branch and the internet that translate or filter, as namespaces with nftables. Terms are RFC 4787's.

    server 100.64.N.2 (and .3, .4: neighbours) ---- 100.64.N.1 router 203.0.113.x ---- internet
    carrier grade:    100.64.N.2 ---- home router 100.127.N.2 ---- 100.127.N.1 carrier 203.0.113.x ---- internet

What is translated for the tunnel's port goes by the rules of the kind; whatever else is sent is masqueraded with its own port.
IPv6 is never translated: a router that has it lets in what belongs to something that went out.
"""

import dataclasses
import os

import world as w

PORT = 6655
PROXY_PORT = 3128
PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.py")
# The outer ports of the tunnel's port: neighbour n of the g-th set of mappings has FIRST + STEP * g + n.
FIRST_OUTER, STEP = 41000, 100


@dataclasses.dataclass(frozen=True)
class Kind:
    """`mapping`: "fixed" is endpoint-independent, "fresh" another port for each destination. `lets_in`: "any" is endpoint-independent
    filtering, "address" address-dependent, "both" address- and port-dependent. `out`: what may leave."""

    name: str
    mapping: str = "fixed"
    lets_in: str = "both"
    out: str = "all"
    boxes: int = 1


NONE = Kind("none", boxes=0)
FULL_CONE = Kind("full cone", lets_in="any")
ADDRESS_RESTRICTED = Kind("address-restricted", lets_in="address")
PORT_RESTRICTED = Kind("port-restricted")
SYMMETRIC = Kind("symmetric", mapping="fresh")
CARRIER_GRADE = Kind("carrier-grade", boxes=2)
UDP_BLOCKED = Kind("UDP blocked", out="tcp")
TCP_443 = Kind("only TCP 443", out="443")
HTTP_PROXY = Kind("only HTTP proxy", out="proxy")
KINDS = (NONE, FULL_CONE, ADDRESS_RESTRICTED, PORT_RESTRICTED, SYMMETRIC, CARRIER_GRADE, UDP_BLOCKED, TCP_443, HTTP_PROXY)

# Of what comes from inside, IPv6 too: what may pass.
FORWARDED = {
    "all": "accept",
    "tcp": "meta l4proto tcp accept",
    "443": "tcp dport 443 accept",
    "proxy": "drop",
}


@dataclasses.dataclass(frozen=True)
class Mapping:
    address: str
    port: int
    outer: int


class Box:
    """One router: `in` is a bridge, where neighbours are, `wan` the other side with one IPv4 address."""

    def __init__(self, world, name, kind, inner, hairpin=False):
        self.world = world
        self.kind = kind
        self.out = kind.out
        self.inner = inner
        self.outer = None
        self.hairpin = hairpin
        self.generation = 0
        # Of each neighbour: what tells which of its ports carry the tunnel.
        self.neighbours = []
        self.behind = None
        self.ns = world.namespace(name)
        self.ns.forward()
        self.ns.run("ip link add in type bridge")
        self.ns.run("ip link set in up")
        self.ns.run(f"ip addr add {inner}.1/24 dev in")

    def connect(self, ns, dev, ports=lambda: [PORT]):
        """Gives a namespace the next address inside, and the way out; returns the address."""
        self.neighbours.append(ports)
        port = f"in{len(self.neighbours)}"
        self.world.veth(self.ns, port, ns, dev)
        self.ns.run(f"ip link set {port} master in")
        address = f"{self.inner}.{len(self.neighbours) + 1}"
        ns.run(f"ip addr add {address}/24 dev {dev}")
        ns.run(f"ip route replace default via {self.inner}.1")
        self.load()
        return address

    def mappings(self):
        pairs = [(f"{self.inner}.{n}", port) for n, ports in enumerate(self.neighbours, 2) for port in ports()]
        return [Mapping(a, p, FIRST_OUTER + STEP * self.generation + n) for n, (a, p) in enumerate(pairs)]

    def load(self):
        """Puts the rules in the place of those there were. Connections that the kernel knows stay as they are."""
        self.ns.run("nft -f -", user_input="add table inet box\ndelete table inet box\n" + self.rules())
        if self.behind:
            self.behind.load()

    def rules(self):
        remember = [f'iifname "in" ip saddr {m.address} udp sport {m.port} update @met{m.outer} {{ ip daddr }}' for m in self.restricted()]
        chains = {
            "forward": ("filter hook forward priority 0; policy drop;", [
                *remember, "ct state established,related accept", "ct status dnat accept",
                f'iifname "in" {FORWARDED[self.out]}']),
            # Who answered, or took note of what nobody has asked for, would spoil the port for what is asked for later.
            "input": ("filter hook input priority 0; policy drop;", [
                "ct state established,related accept", "meta l4proto { icmp, ipv6-icmp } accept",
                f'iifname "in" tcp dport {PROXY_PORT} accept']),
            "inward": ("nat hook prerouting priority -100;", self.inward()),
            "outward": ("nat hook postrouting priority 100;", self.outward()),
        }
        sets = [f"set met{m.outer} {{\ntype ipv4_addr\nflags dynamic,timeout\ntimeout 5m\n}}" for m in self.restricted()]
        bodies = [f"chain {name} {{\ntype {head}\n" + "\n".join(lines) + "\n}" for name, (head, lines) in chains.items()]
        return "table inet box {\n" + "\n".join(sets + bodies) + "\n}\n"

    def restricted(self):
        return self.mappings() if self.kind.lets_in == "address" else []

    def inward(self):
        """What comes for a mapping although its sender was never sent anything. Filtering by "both" is what the kernel does anyway."""
        if self.kind.lets_in == "both":
            return []
        side = "" if self.hairpin else 'iifname "wan" '
        return [f"{side}ip daddr {self.outer} udp dport {m.outer} "
                + (f"ip saddr @met{m.outer} " if self.kind.lets_in == "address" else "") + f"dnat ip to {m.address}:{m.port}"
                for m in self.mappings()]

    def outward(self):
        if self.kind.mapping == "fresh":
            return ['oifname "wan" meta nfproto ipv4 meta l4proto { tcp, udp } masquerade to :20000-39999 fully-random',
                    'oifname "wan" meta nfproto ipv4 masquerade']
        fixed = [f"ip saddr {m.address} udp sport {m.port} snat ip to {self.outer}:{m.outer}" for m in self.mappings()]
        back = [f'oifname "in" ct status dnat {rule}' for rule in fixed] if self.hairpin else []
        return [*(f'oifname "wan" {rule}' for rule in fixed), *back, 'oifname "wan" meta nfproto ipv4 masquerade']

    def rebind(self):
        """Forgets every connection; what is sent from now on gets other ports."""
        self.generation += 1
        self.load()
        self.ns.run("conntrack -F")


class Nat:
    """The router, or the two of them, in front of a site: give it as `nat` to World.site(); several sites may share it."""

    def __init__(self, world, kind, number, hairpin=False):
        self.world = world
        self.kind = kind
        self.number = number
        self.public4 = f"203.0.113.{number + 10}"
        self.boxes = [Box(world, f"nat{number}", kind, f"100.64.{number}", hairpin)]
        if kind.boxes == 2:
            self.boxes.append(Box(world, f"carrier{number}", kind, f"100.127.{number}", hairpin))
            self.home.behind = self.boxes[1]
            self.home.outer = self.boxes[1].connect(self.home.ns, "wan", lambda: [m.outer for m in self.home.mappings()])
        self.boxes[-1].outer = self.public4
        world.attach(self.boxes[-1].ns, "wan", self.public4, None)
        self.proxy = None
        if kind.out == "proxy":
            self.proxy = self.home.ns.start(["/usr/bin/python3", "-u", PROXY, "http", str(PROXY_PORT)], name=f"proxy{number}")
            self.proxy.wait_line("^ready")

    @property
    def home(self):
        """The router that the branch sees."""
        return self.boxes[0]

    def attach(self, site, v6=False):
        """Called by a site that is made."""
        site.inner4 = self.home.connect(site.server, "wan")
        if v6:
            self._route_v6(site)

    def _route_v6(self, site):
        """The site's address is one of the internet's own link: the router answers for it there."""
        ns = self.home.ns
        assert len(self.boxes) == 1
        ns.run(f"ip -6 addr add 2001:db8:ffff::{self.number + 1000}/64 dev wan nodad")
        ns.run("ip -6 addr add fe80::1/64 dev in nodad")
        ns.run("sysctl -qw net.ipv6.conf.wan.proxy_ndp=1 net.ipv6.neigh.wan.proxy_delay=0")
        ns.run(f"ip -6 neigh add proxy {site.public6} dev wan")
        ns.run(f"ip -6 route add {site.public6}/128 dev in")
        site.server.run(f"ip -6 addr add {site.public6}/128 dev wan nodad")
        site.server.run("ip -6 route add default via fe80::1 dev wan")

    def let_out(self, what=None):
        """What may leave from now on; by default what the kind says."""
        for box in self.boxes:
            box.out = what or self.kind.out
            box.load()
            box.ns.run("conntrack -F")

    def rebind(self):
        for box in reversed(self.boxes):
            box.rebind()


def behind(world, kind, number, **kw):
    """What to give World.site() as `nat`: None for no translation at all."""
    return Nat(world, kind, number, **kw) if kind.boxes else None


__all__ = ["ADDRESS_RESTRICTED", "CARRIER_GRADE", "FULL_CONE", "HTTP_PROXY", "KINDS", "NONE", "PORT", "PORT_RESTRICTED", "PROXY_PORT",
           "SYMMETRIC", "TCP_443", "UDP_BLOCKED", "Kind", "Nat", "behind"]
