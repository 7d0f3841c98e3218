# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of router against every other: which path two branches find, and which reason they give.

    a0..a8 ---- router of kind 0..8 ----+---- internet ---- linodeHQ (hub, UDP and TCP 6655, TCP 443)
    b0..b8 ---- router of kind 0..8 ----+

What is expected follows from RFC 4787, not from what the daemons do. A hole can be punched if one side's packets can come in:
  - into "none" and a full cone come packets from anywhere, so whatever the other's mapping is, the first one tells it;
  - an address-restricted router lets in any port of an address that was tried, so the other's fresh port does not matter;
  - a port-restricted one (and carrier grade, which is two of them) lets in only the very port that was tried, which
    can be known only when the other's mapping is the same for everybody: a symmetric router's is not.
Without UDP there is the hub's TCP: the other branch's own half of the way is still UDP.
"""

import concurrent.futures
import re

import nat
import world as w
from paths import columns, overlay, peers, report, wait_all_online, wait_path
from traffic import PingStream
from world import wait_until

KINDS = nat.KINDS
# Of a pair (row: branch a, column: branch b) what a says, then what b says.
SAYS = {
    "D": ("direct-udp", "validated"),
    "S": ("hub-udp", "silent"),
    "H": ("hub-udp", "nat-both-hard"),
    "P": ("hub-udp", "peer-tcp"),
    "B": ("hub-tcp", "udp-blocked"),
}
EXPECTED = """
                     none  full  addr  port  sym   cgn   udp   443   http
none                 DD    DD    DD    DD    DD    DD    PB    PB    PB
full cone                  DD    DD    DD    DD    DD    PB    PB    PB
address-restricted               DD    DD    DD    DD    PB    PB    PB
port-restricted                        DD    SS    DD    PB    PB    PB
symmetric                                    HH    SS    PB    PB    PB
carrier-grade                                      DD    PB    PB    PB
UDP blocked                                              BB    BB    BB
only TCP 443                                                   BB    BB
only HTTP proxy                                                      BB
"""
AT_ONCE = 4
# From the first packets until the last path is found: several rounds of probes.
SETTLE_S = 60


def expected_pairs():
    """(number of a's kind, number of b's kind) -> ((path, reason) of a, of b)."""
    found = {}
    for row, line in enumerate(EXPECTED.strip("\n").split("\n")[1:]):
        codes = re.sub(r"^" + re.escape(KINDS[row].name), "", line).split()
        for column, code in enumerate(codes, row):
            found[row, column] = (SAYS[code[0]], SAYS[code[1]])
    assert len(found) == len(KINDS) * (len(KINDS) + 1) / 2
    return found


def spoke_options(kind, router):
    """What the branch's admin has to say so that the hub is found from there."""
    if kind.out == "proxy":
        return [f"-oProxy=http {router.home.inner}.1 {nat.PROXY_PORT}"]
    return []


class Grid:
    """All branches, each with a ping to each partner that never ends."""

    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters(lan_host=False, options=["-oListenTCP=443"])
        self.sites = {}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            made = [pool.submit(self.branch, side, n) for n in range(len(KINDS)) for side in "ab"]
            for m in made:
                m.result()
        for site in self.sites.values():
            site.daemon.wait_line(rf"{site.name} on network {w.NET} is ready", 60)
        wait_all_online(self.hq)

    def branch(self, side, n):
        number = 1 + n + (len(KINDS) if side == "b" else 0)
        kind = KINDS[n]
        router = nat.behind(self.world, kind, number)
        name = f"{side}{n}"
        options = spoke_options(kind, router)
        if router:
            # Joined where the network was not in the way yet.
            router.let_out("all")
        b = self.world.branch(self.hq, name, number, start=False, lan_host=False, nat=router)
        if router:
            router.let_out()
        b.start_daemon("spoke", *options, wait=False)
        self.sites[side, n] = b

    def talk(self, pairs):
        """Starts pings that go on: nobody finds a path who has nothing to say."""
        address = overlay(self.hq)
        return {(a, b): PingStream(self.sites["a", a].server, address[f"b{b}"], 0.5, wait=False) for a, b in pairs}

    def seen(self, pairs):
        """(a, b) -> ((path, reason) of a, of b); a spoke is asked once for all of its partners."""
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            said = dict(zip(self.sites, pool.map(says, self.sites.values())))
        return {(a, b): (said["a", a].get(f"b{b}"), said["b", b].get(f"a{a}")) for a, b in pairs}


def says(site):
    """Name -> (path, reason) of all peers of a spoke."""
    return {name: (p["path"], p["reason_id"]) for name, p in peers(site).items()}


def table(expected, seen):
    """One row a pair, and what is not as it should be marked."""
    def words(says):
        return " / ".join("-" if s is None else s[0] if s[1] == "validated" else f"{s[0]} ({s[1]})" for s in says)

    rows = [("a", "b", "expected, a / b", "seen, a / b", "")]
    rows += [(KINDS[a].name, KINDS[b].name, words(expected[a, b]), words(seen[a, b]), "" if seen[a, b] == expected[a, b] else "UNEXPECTED")
             for a, b in expected]
    return columns(rows)


def test_all_pairs(world, capsys):
    expected = expected_pairs()
    grid = Grid(world)
    streams = grid.talk(expected)
    seen = {}

    def as_expected():
        seen.update(grid.seen(expected))
        return seen == expected

    try:
        wait_until("every pair has found its path", as_expected, SETTLE_S)
        # They stay there, and every one of them carries packets.
        for stream in streams.values():
            stream.wait_answers(len(stream.answered()) + 3)
        assert as_expected()
    finally:
        report(capsys, "nat-grid.txt", table(expected, seen or grid.seen(expected)))


def test_neighbours_behind_one_router(world):
    """It does not hairpin, and both sides' outer addresses lead nowhere: they find each other by their local ones."""
    hq = world.headquarters(lan_host=False)
    router = nat.Nat(world, nat.SYMMETRIC, 1)
    one, two = (world.branch(hq, f"linode{n}", n, nat=router) for n in (1, 2))
    one.host.wait_ping(two.host4)
    stream = PingStream(one.host, two.host4)
    wait_path(one, two, "direct-udp")
    assert peers(one)[two.name]["endpoint"] == f"{two.inner4}:{nat.PORT}"
    assert peers(two)[one.name]["endpoint"] == f"{one.inner4}:{nat.PORT}"
    assert stream.stop() == []


def test_ipv6_beside_nat(world):
    """IPv4 is translated in the worst way at both; IPv6 is not, though a firewall lets nobody in who was not asked."""
    hq = world.headquarters(lan_host=False, v6=True, init=("--address", "[2001:db8:ffff::10]"))
    one, two = (world.branch(hq, f"linode{n}", n, nat=nat.Nat(world, nat.SYMMETRIC, n), v6=True) for n in (1, 2))
    one.host.wait_ping(two.host4)
    stream = PingStream(one.host, two.host4)
    wait_path(one, two, "direct-udp")
    assert peers(one)[two.name]["endpoint"] == f"[{two.public6}]:{nat.PORT}"
    assert stream.stop() == []
