# SPDX-License-Identifier: GPL-3.0-or-later
"""How long traffic stops when a path is lost or changes, measured with a datagram every 10 ms; and that a restart of the hub stops none.

    linodeHQ (hub) --- internet --+--- a0 b0 a1 b1       pairs with public addresses
                                  +--- [NAT] a2 b2 a3 b3 pairs behind port-restricted routers
                                  +--- c0 c1 c2 c3       talk with the hub only

Pairs go through the same scenes side by side, the c meanwhile through theirs. Each scene of each pair is one sample.
"""

import concurrent.futures
import dataclasses
import os
import select
import signal
import threading
import time

import impair
import nat
import world as w
from paths import columns, kill, overlay, path, peers, report, wait_all_online, wait_path
from traffic import ProbeStream, answer_probes
from world import wait_until

PAIRS, SOLO, REPEATS = 4, 4, 2
# What the design promises, in ms.
FAIL_OVER_MS, ROAMING_MS, PMTU_MS = 2000, 3000, 10000
# A hiccup of a busy machine is no silence; what counts there is that nothing was lost.
UNNOTICED_MS = 500
# Nothing may come for this long after the event, then the sample ends: a silence that has not begun by then is another event's.
WINDOW_S = 3.5


@dataclasses.dataclass(frozen=True)
class Scene:
    name: str
    limit_ms: int
    # Packets of a sample that may be lost: None for those that a silence of that length costs.
    may_lose: int | None = None


BLOCKED = Scene("direct path blocked -> hub-udp", FAIL_OVER_MS)
UNBLOCKED = Scene("direct path works again", UNNOTICED_MS, may_lose=0)
REBOUND = Scene("NAT forgets, other ports", ROAMING_MS)
MOVED = Scene("another address at a branch", ROAMING_MS)
NARROWED = Scene("path MTU drops, nobody tells", PMTU_MS)
NO_UDP = Scene("UDP to the hub blocked -> hub-tcp", FAIL_OVER_MS)
NO_UDP_AT_ALL = Scene("all UDP of a branch blocked, direct path -> hub-tcp", FAIL_OVER_MS)
UDP_AGAIN = Scene("UDP to the hub works again", UNNOTICED_MS, may_lose=0)
HUB_KILLED = Scene("hub killed and started, direct paths", UNNOTICED_MS, may_lose=0)
SCENES = (BLOCKED, UNBLOCKED, REBOUND, MOVED, NARROWED, NO_UDP, NO_UDP_AT_ALL, UDP_AGAIN, HUB_KILLED)


class Samples:
    """(scene, who) -> what the stream has said."""

    def __init__(self):
        self.lock = threading.Lock()
        self.taken = {scene: [] for scene in SCENES}

    def add(self, scene, who, result):
        gap = max((ms for _, ms in result["gaps"]), default=0)
        with self.lock:
            self.taken[scene].append((f"{who} {' '.join(result['lost_at'][:1])}", gap, len(result["lost"]), result["overtaken"]))

    def table(self):
        rows = [("scene", "samples", "p50 ms", "p99 ms", "max ms", "limit", "lost (max)", "overtaken (max)", "")]
        for scene, taken in self.taken.items():
            gaps = sorted(ms for _, ms, _, _ in taken)
            if gaps:
                rows.append((scene.name, len(gaps), quantile(gaps, 0.5), quantile(gaps, 0.99), gaps[-1], scene.limit_ms,
                             max(lost for _, _, lost, _ in taken), max(late for _, _, _, late in taken),
                             "TOO LONG" if self.too_long(scene) else ""))
        return columns(rows) + "\n0 ms: no silence of more than 100 ms"

    def too_long(self, scene):
        """The samples that are not as they should be."""
        return [s for s in self.taken[scene] if s[1] > scene.limit_ms or scene.may_lose is not None and s[2] > scene.may_lose]


def quantile(values, q):
    """Of sorted values, the nearest rank that is not below."""
    return values[min(len(values) - 1, int(q * len(values)))]


class Bed:
    def __init__(self, world):
        self.world = world
        self.cuts = impair.Cuts(world)
        self.hq = world.headquarters(lan_host=False)
        self.samples = Samples()
        names = [f"{side}{n}" for n in range(PAIRS) for side in "ab"] + [f"c{n}" for n in range(SOLO)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.sites = dict(zip(names, pool.map(self.branch, range(1, len(names) + 1), names)))
        for site in self.sites.values():
            site.daemon.wait_line("is ready", 60)
        wait_all_online(self.hq)
        self.address = overlay(self.hq)
        answer_probes(self.hq.server)

    def branch(self, number, name):
        behind = name[0] != "c" and int(name[1]) >= PAIRS / 2
        b = self.world.branch(self.hq, name, number, start=False, lan_host=False,
                              nat=nat.Nat(self.world, nat.PORT_RESTRICTED, number) if behind else None)
        b.start_daemon("spoke", wait=False)
        b.server.run("sysctl -qw net.ipv4.conf.all.promote_secondaries=1 net.ipv4.conf.wan.promote_secondaries=1")
        answer_probes(b.server)
        return b

    def pair(self, n):
        return self.sites[f"a{n}"], self.sites[f"b{n}"]

    def sample(self, scene, one, two, act, until, size=64):
        """One event, watched by a stream from `one` to `two` until `until()`, and for as long as a silence could take to begin."""
        stream = ProbeStream(one.server, self.address[two.name], size=size)
        began = time.monotonic()
        act()
        wait_until(f"{one.name}, {two.name}: {scene.name}",
                   lambda: time.monotonic() - began > WINDOW_S and not stream.silent() and until(), 60)
        self.samples.add(scene, f"{one.name} {two.name}", stream.stop())


def direct(one, two):
    return path(one, two) == path(two, one) == "direct-udp"


def through_hub(one, two):
    return path(one, two) == path(two, one) == "hub-udp"


def change_address(site):
    """As another lease of DHCP: the old address is gone at once. The next change takes it back."""
    inside = site.nat.home.inner if site.nat else "203.0.113"
    old = site.inner4 if site.nat else site.public4
    new = f"{inside}.{(int(old.split('.')[3]) + 100) % 200}"
    site.server.run(f"ip addr add {new}/24 dev wan")
    site.server.run(f"ip addr del {old}/24 dev wan")
    if site.nat:
        site.inner4 = new
    else:
        site.public4 = new


def scenes_of_pair(bed, n):
    one, two = bed.pair(n)
    # Until the first packet is answered the hub's way is taken; then both look for a better one.
    ProbeStream(one.server, bed.address[two.name]).stop()
    for turn in range(REPEATS):
        wait_path(one, two, "direct-udp")
        bed.sample(BLOCKED, one, two, lambda: bed.cuts.cut(one, two), lambda: through_hub(one, two))
        bed.sample(UNBLOCKED, one, two, lambda: bed.cuts.join(one, two), lambda: direct(one, two))
        if one.nat:
            bed.sample(REBOUND, one, two, (one, two)[turn % 2].nat.rebind, lambda: True)
        bed.sample(MOVED, one, two, lambda t=turn: change_address((one, two)[t % 2]), lambda: True)
        wait_path(one, two, "direct-udp")
    blocked = (one, two)[n % 2]
    bed.sample(NO_UDP_AT_ALL, one, two, lambda: bed.cuts.block_udp(blocked), lambda: path(blocked, bed.hq) == "hub-tcp")
    bed.cuts.allow_udp(blocked)
    wait_path(one, two, "direct-udp")
    large = peers(one)[two.name]["pmtu"] - 28
    bed.sample(NARROWED, one, two, lambda: bed.cuts.narrow(one, two), lambda: True, size=large)
    bed.cuts.widen(one, two)


def scenes_of_one(bed, n):
    site, hq = bed.sites[f"c{n}"], bed.hq
    for _ in range(REPEATS):
        bed.sample(NO_UDP, site, hq, lambda: bed.cuts.cut(site, hq), lambda: path(site, hq) == "hub-tcp")
        bed.sample(UDP_AGAIN, site, hq, lambda: bed.cuts.join(site, hq), lambda: path(site, hq) == "direct-udp")


def hub_restarts(bed):
    """kill -9 of the hub, a while without it, and its return: no direct tunnel loses a packet or makes a new session."""
    pairs = [bed.pair(n) for n in range(PAIRS)]
    for one, two in pairs:
        wait_path(one, two, "direct-udp")
    before = [(peers(one)[two.name]["handshake"], peers(two)[one.name]["handshake"]) for one, two in pairs]
    streams = [ProbeStream(one.server, bed.address[two.name]) for one, two in pairs]
    kill(bed.hq)
    began = time.monotonic()
    wait_until("a while without the hub", lambda: time.monotonic() - began > WINDOW_S)
    bed.hq.start_daemon("hub")
    wait_all_online(bed.hq)
    for (one, two), stream in zip(pairs, streams):
        bed.samples.add(HUB_KILLED, f"{one.name} {two.name}", stream.stop())
    assert [(peers(one)[two.name]["handshake"], peers(two)[one.name]["handshake"]) for one, two in pairs] == before


def test_fail_over(world, capsys):
    bed = Bed(world)
    try:
        with concurrent.futures.ThreadPoolExecutor(PAIRS + SOLO) as pool:
            running = [pool.submit(scenes_of_pair, bed, n) for n in range(PAIRS)] + [pool.submit(scenes_of_one, bed, n) for n in range(SOLO)]
            for r in running:
                r.result()
        hub_restarts(bed)
    finally:
        report(capsys, "failover.txt", bed.samples.table())
    assert {scene.name: found for scene in SCENES if (found := bed.samples.too_long(scene))} == {}
    assert all(bed.samples.taken.values())


class OneWay:
    """Datagrams in one direction only, every 10 ms, as they leave and arrive."""

    PORT = 7011

    def __init__(self, source, target, address):
        self.sender, self.receiver = source.server.socket(), target.server.socket()
        self.receiver.bind(("", self.PORT))
        self.to = (address, self.PORT)
        self.last = None

    def run(self, until):
        """Until `until` is true of the longest silence in ms, and nothing is silent; returns that."""
        longest, patience = 0, w.Patience(30)
        self.last = self.last or time.monotonic()
        while not (until(longest) and time.monotonic() - self.last < 0.1):
            assert not patience.over(), f"silent for {time.monotonic() - self.last:.1f} s"
            self.sender.sendto(b"one way", self.to)
            if select.select([self.receiver], [], [], 0.01)[0]:
                self.receiver.recv(100)
                now = time.monotonic()
                longest, self.last = max(longest, int((now - self.last) * 1000)), now
        return longest


def test_one_way_traffic_through_a_nat_that_forgets(world, capsys):
    """Nothing that is sent gets in any more until the branch itself sends something, which it has no data for."""
    hq = world.headquarters(lan_host=False)
    one = world.branch(hq, "linode1", 1, lan_host=False)
    two = world.branch(hq, "linode2", 2, lan_host=False, nat=nat.Nat(world, nat.PORT_RESTRICTED, 2))
    wait_all_online(hq)
    address = overlay(hq)
    answer_probes(two.server)
    ProbeStream(one.server, address["linode2"]).stop()
    rows = [("from", "to", "silent ms")]
    for source, target, name in ((one, two, "linode2"), (hq, two, "linode2")):
        stream = OneWay(source, target, address[name])
        if source is one:
            wait_path(one, two, "direct-udp")
        began = time.monotonic()
        # Longer than any answer of before is still on its way.
        stream.run(lambda _, t=began: time.monotonic() - t > 2)
        two.nat.rebind()
        rows.append((source.name, target.name, stream.run(lambda ms: ms > 100)))
        stream.sender.close()
        stream.receiver.close()
    report(capsys, "one-way.txt", columns(rows))
    assert all(ms <= FAIL_OVER_MS for _, _, ms in rows[1:])


def everyone_of(site):
    """All processes of a daemon, the monitor first."""
    return [site.daemon_pid(), *map(int, w.run(["pgrep", "-P", str(site.daemon_pid())]).stdout.split())]


def test_a_branch_that_slept(world, capsys):
    """A branch's machine stands still for so long that all have given it up, and its router forgets it meanwhile."""
    hq = world.headquarters(lan_host=False)
    one = world.branch(hq, "linode1", 1, lan_host=False)
    two = world.branch(hq, "linode2", 2, lan_host=False, nat=nat.Nat(world, nat.PORT_RESTRICTED, 2))
    wait_all_online(hq)
    answer_probes(two.server)
    stream = ProbeStream(one.server, overlay(hq)["linode2"])
    wait_path(one, two, "direct-udp")
    session = peers(one)["linode2"]["handshake"]
    mark, sleepers = stream.mark(), everyone_of(two)
    for pid in sleepers:
        os.kill(pid, signal.SIGSTOP)
    wait_until("the peer is given up", lambda: path(one, two) == "down", 30)
    two.nat.rebind()
    woken = time.monotonic()
    for pid in sleepers:
        os.kill(pid, signal.SIGCONT)
    stream.wait_back(mark)
    took = int((time.monotonic() - woken) * 1000)
    report(capsys, "slept.txt", f"traffic flows again {took} ms after the branch woke up")
    assert took <= ROAMING_MS
    wait_path(one, two, "direct-udp")
    assert everyone_of(two) == sleepers, "a process died of it"
    assert peers(one)["linode2"]["handshake"] >= session
    stream.stop()


def test_little_loss_does_not_flap(world):
    """5 % of what two direct neighbours send is lost both ways: no reason to leave the path, not even once."""
    hq = world.headquarters(lan_host=False)
    one, two = (world.branch(hq, f"linode{n}", n, lan_host=False) for n in (1, 2))
    cables = [impair.Cable(world, site.server, seed=n) for n, site in enumerate((one, two))]
    answer_probes(two.server)
    stream = ProbeStream(one.server, overlay(hq)["linode2"])
    wait_path(one, two, "direct-udp")
    since = [peers(a)[b.name]["since"] for a, b in ((one, two), (two, one))]
    for cable in cables:
        cable.set(loss=0.05)
    # So many that a machine which gives up after two or three losses in a row would have.
    wait_until("1500 datagrams on each cable", lambda: all(c.counted()["seen"] > 1500 for c in cables), 60)
    assert [peers(a)[b.name]["since"] for a, b in ((one, two), (two, one))] == since
    assert path(one, two) == path(two, one) == "direct-udp"
    result = stream.stop()
    assert 0.05 < len(result["lost"]) / result["sent"] < 0.35
