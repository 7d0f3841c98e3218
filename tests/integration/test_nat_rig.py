# SPDX-License-Identifier: GPL-3.0-or-later
"""The routers of tests/lib/nat.py behave as RFC 4787 describes their kind, seen with plain sockets: without this the grid would mean nothing.

    inside (100.64.N.2) ---- router ---- internet: two hosts, the first with two ports
"""

import os
import socket

import pytest

import nat
import world as w

UDP_KINDS = [k for k in nat.KINDS if k.out == "all"]
BLOCKED = [k for k in nat.KINDS if k.out != "all"]


def udp(ns, address="", port=0):
    s = ns.socket()
    s.settimeout(5)
    s.bind((address, port))
    return s


def tcp_opens(ns, address, port):
    with ns.socket(socket.SOCK_STREAM) as s:
        s.settimeout(0.7)
        try:
            s.connect((address, port))
        except OSError:
            return False
        return True


def drain(s):
    """The payloads that came."""
    s.setblocking(False)
    got = []
    try:
        while True:
            got.append(s.recv(100))
    except BlockingIOError:
        s.settimeout(5)
    return got


def arrivals(inner, payload_wanted):
    """Payloads up to the wanted one, which was sent last over a way that is open."""
    got = []
    while payload_wanted not in got:
        got.append(inner.recv(100))
    return got


class Bench:
    """A socket inside, and three outside: address 1 with two ports, address 2."""

    def __init__(self, world, kind, **kw):
        self.router = nat.behind(world, kind, 1, **kw)
        self.site = world.site("inside", 1, lan_host=False, nat=self.router)
        first, second = (world.site(name, n, lan_host=False) for name, n in (("first", 2), ("second", 3)))
        self.first, self.second = first, second
        self.inner = udp(self.site.server, port=nat.PORT)
        self.outside = {"1": udp(first.server, port=5001), "1, other port": udp(first.server, port=5002), "2": udp(second.server, port=5001)}
        self.where = {"1": (first.public4, 5001), "1, other port": (first.public4, 5002), "2": (second.public4, 5001)}

    def seen_from(self, who):
        """The address and port that something sent to `who` comes from."""
        self.inner.sendto(b"out", self.where[who])
        return self.outside[who].recvfrom(100)[1]

    def lets_in(self, who, to):
        """Does it come in? What host 1 sends afterwards from where it was sent to does, so that nobody has to wait for nothing."""
        self.outside[who].sendto(b"try", to)
        self.outside["1"].sendto(b"end", to)
        return b"try" in arrivals(self.inner, b"end")


@pytest.mark.parametrize("kind", UDP_KINDS, ids=lambda k: k.name)
def test_mapping_and_filtering(world, kind):
    bench = Bench(world, kind)
    one = bench.seen_from("1")
    assert one[0] == bench.site.public4
    assert bench.seen_from("1") == one
    expected = {"any": (True, True), "address": (True, False), "both": (False, False)}[kind.lets_in if kind.boxes else "any"]
    assert (bench.lets_in("1, other port", one), bench.lets_in("2", one)) == expected
    # What was refused has left no trace that would turn away what is asked for.
    assert (bench.seen_from("1, other port") == one, bench.seen_from("2") == one) == ((kind.mapping == "fixed"),) * 2
    if kind.mapping == "fixed":
        assert bench.lets_in("1, other port", one) and bench.lets_in("2", one)


@pytest.mark.parametrize("kind", [k for k in UDP_KINDS if k.boxes], ids=lambda k: k.name)
def test_rebinding(world, kind):
    bench = Bench(world, kind)
    before = bench.seen_from("1")
    bench.router.rebind()
    bench.outside["1"].sendto(b"old", before)
    after = bench.seen_from("1")
    assert after != before
    bench.outside["1"].sendto(b"end", after)
    assert arrivals(bench.inner, b"end") == [b"end"]


@pytest.mark.parametrize("hairpin", [False, True])
def test_neighbours(world, hairpin):
    """Two behind one router reach each other at their own addresses; at their outer ones only where the router hairpins."""
    router = nat.Nat(world, nat.FULL_CONE, 1, hairpin=hairpin)
    a, b = (world.site(name, n, lan_host=False, nat=router) for name, n in (("a", 1), ("b", 2)))
    outside = world.site("outside", 3, lan_host=False)
    sockets = [udp(s.server, port=nat.PORT) for s in (a, b)]
    far = udp(outside.server, port=5001)
    mapped = []
    for s in sockets:
        s.sendto(b"out", (outside.public4, 5001))
        mapped.append(far.recvfrom(100)[1])
    assert mapped[0] != mapped[1]
    sockets[0].sendto(b"try", mapped[1])
    sockets[0].sendto(b"end", (b.inner4, nat.PORT))
    got = {payload: source for payload, source in (sockets[1].recvfrom(100) for _ in range(1 + hairpin))}
    assert got == {b"end": (a.inner4, nat.PORT), **({b"try": mapped[0]} if hairpin else {})}
    # And it can be answered.
    if hairpin:
        sockets[1].sendto(b"answer", mapped[0])
        assert sockets[0].recvfrom(100) == (b"answer", mapped[1])


@pytest.mark.parametrize("kind", BLOCKED, ids=lambda k: k.name)
def test_what_is_blocked(world, kind):
    bench = Bench(world, kind)
    for port in (443, 6655):
        bench.first.server.start(["/usr/bin/python3", "-c", SERVE, str(port)], name=f"listener {port}").wait_line("ready")
    inside = bench.site.server
    assert (tcp_opens(inside, bench.first.public4, 443), tcp_opens(inside, bench.first.public4, 6655)) \
        == {"tcp": (True, True), "443": (True, False), "proxy": (False, False)}[kind.out]
    for who in bench.where:
        bench.inner.sendto(b"out", bench.where[who])
    # A packet that was let through would have been there before the answer to a later one on the same cable.
    assert inside.pings(bench.router.home.inner + ".1")
    assert [drain(s) for s in bench.outside.values()] == [[], [], []]
    if kind.out == "proxy":
        assert through_proxy(inside, bench, f"{bench.first.public4}:6655") == b"HTTP/1.1 200"
        assert through_proxy(inside, bench, f"{bench.first.public4}:6656") == b"HTTP/1.1 403"


SERVE = """
import socket, sys
s = socket.create_server(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"hello")
    c.close()
"""


def through_proxy(inside, bench, target):
    """The beginning of the proxy's answer; what is behind it has to be heard, too."""
    with inside.socket(socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect((bench.router.home.inner + ".1", nat.PROXY_PORT))
        s.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        got = b""
        while piece := s.recv(1000):
            got += piece
    assert got.endswith(b"\r\n\r\nhello") == got.startswith(b"HTTP/1.1 200")
    return got[:12]


def test_ipv6_beside_nat(world):
    """It has its own address outside, and lets in only what belongs to something that went out."""
    site = world.site("inside", 1, lan_host=False, nat=nat.Nat(world, nat.SYMMETRIC, 1), v6=True)
    outside = world.site("outside", 2, lan_host=False, v6=True)
    inner, far = (n.server.socket(family=socket.AF_INET6) for n in (site, outside))
    inner.bind(("::", nat.PORT))
    far.bind(("::", 5001))
    for s in (inner, far):
        s.settimeout(5)
    far.sendto(b"uninvited", (site.public6, nat.PORT))
    inner.sendto(b"out", (outside.public6, 5001))
    assert far.recvfrom(100)[1][:2] == (site.public6, nat.PORT)
    far.sendto(b"answer", (site.public6, nat.PORT))
    assert inner.recv(100) == b"answer"


def test_world_is_taken_away_after_a_failure():
    """Whatever is half made when something fails or somebody presses Ctrl-C is taken away."""
    with pytest.raises(KeyboardInterrupt):
        with w.World() as made:
            nat.Nat(made, nat.HTTP_PROXY, 1)
            processes, names, folder = list(made.processes), [n.name for n in made.namespaces], made.dir
            assert len(names) == 2 and processes[0].alive()
            raise KeyboardInterrupt
    w.wait_until("processes have ended", lambda: not any(p.alive() for p in processes))
    assert not [n for n in names if n in w.run(["ip", "netns", "list"]).stdout.split()]
    assert not os.path.exists(folder)
    with pytest.raises(w.Failed):
        with w.World() as made:
            names = [n.name for n in made.namespaces]
            raise w.Failed("on purpose")
    assert not [n for n in names if n in w.run(["ip", "netns", "list"]).stdout.split()]
