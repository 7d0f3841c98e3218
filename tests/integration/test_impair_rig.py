# SPDX-License-Identifier: GPL-3.0-or-later
"""The bad cable of tests/lib does to datagrams what it is told, and nothing else; seen with plain sockets.

    left ---- cable ---- internet ---- right
"""

import itertools
import os
import socket
import time

import pytest

import impair
import nat
import streams
import world as w
from traffic import ProbeStream, answer_probes

COUNT = 2000


class Line:
    def __init__(self, world):
        self.left, self.right = (world.site(name, n, lan_host=False, v6=True) for name, n in (("left", 1), ("right", 2)))
        self.cable = impair.Cable(world, self.left.server)
        self.near, self.far = self.left.server.socket(), self.right.server.socket()
        for s in (self.near, self.far):
            s.bind(("", 5001))
            # Whatever the machine does beside it: what is lost is lost by the cable.
            s.setsockopt(socket.SOL_SOCKET, streams.SO_RCVBUFFORCE, 16 << 20)
        self.meet()

    def meet(self):
        """Until the kernels know each other's link addresses they keep only a few datagrams."""
        self.far.settimeout(0.2)

        def met():
            self.near.sendto(b"hello", (self.right.public4, 5001))
            return self.far.recv(100)

        w.wait_until("the first datagram", met)
        w.wait_until("the last of those", lambda: not self.cable.counted()["waiting"])
        self.far.setblocking(False)
        try:
            while self.far.recv(100):
                pass
        except BlockingIOError:
            self.far.setblocking(True)

    def idle_after(self, seen):
        counted = self.cable.counted()
        return counted["seen"] >= seen and not counted["waiting"]

    def carry(self, count=COUNT, size=200):
        """The numbers of the datagrams that arrive at the right, in their order. Their content is looked at."""
        got = []
        before = self.cable.counted()["seen"]
        bodies = [n.to_bytes(4, "big") + os.urandom(size - 4) for n in range(count)]
        for body in bodies:
            self.near.sendto(body, (self.right.public4, 5001))
        w.wait_until("the cable has carried all", lambda: self.idle_after(before + count))
        self.far.settimeout(0.3)
        try:
            while True:
                data = self.far.recv(2000)
                got.append(int.from_bytes(data[:4], "big"))
                assert data == bodies[got[-1]]
        except TimeoutError:
            return got


@pytest.fixture(scope="module")
def line():
    with w.World() as world:
        yield Line(world)


def near(count, share, of=COUNT):
    """Within five standard deviations of a share."""
    return abs(count - share * of) <= 5 * (of * share * (1 - share)) ** 0.5


def test_no_faults(line):
    line.cable.set()
    assert line.carry() == list(range(COUNT))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_loss(line, share):
    line.cable.set(loss=share)
    got = line.carry()
    assert got == sorted(set(got))
    assert near(COUNT - len(got), share)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_duplicates(line, share):
    line.cable.set(duplicate=share)
    got = line.carry()
    assert got == sorted(got) and set(got) == set(range(COUNT))
    assert near(len(got) - COUNT, share)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_reordering(line, share):
    line.cable.set(reorder=share, held_ms=3, delay_ms=1)
    got = line.carry()
    assert sorted(got) == list(range(COUNT))
    late = sum(number < newest for number, newest in zip(got, itertools.accumulate(got, max)))
    assert share * COUNT / 2 < late < share * COUNT * 2


def test_delay_is_both_ways_and_keeps_the_order(line):
    line.cable.set(delay_ms=30, jitter_ms=10)
    began = time.monotonic()
    line.near.sendto(b"there", (line.right.public4, 5001))
    line.far.settimeout(5)
    data, source = line.far.recvfrom(100)
    line.far.sendto(data, source)
    line.near.settimeout(5)
    assert line.near.recv(100) == b"there"
    assert time.monotonic() - began >= 0.06
    assert line.carry() == list(range(COUNT))


def test_rate(line):
    """1 Mbit/s: 2000 frames of 242 bytes are more than the queue takes; what passes took its time."""
    line.cable.set(rate_kbps=1000, queue_ms=200)
    before = line.cable.counted()["overflowed"]
    began = time.monotonic()
    got = line.carry()
    assert got == sorted(set(got))
    assert line.cable.counted()["overflowed"] - before == COUNT - len(got) > 0
    assert len(got) * 242 * 8 <= 1e6 * (time.monotonic() - began)


def test_only_udp_is_harmed(line):
    line.cable.set(loss=1.0)
    assert line.carry(50) == []
    assert line.left.server.pings(line.right.public4, count=5)
    assert line.left.server.pings(line.right.public6, count=5)
    line.cable.set()


def test_firewall_by_chance(line):
    line.cable.set()
    loss = impair.RandomLoss(line.right.server, 10)
    got = line.carry()
    assert got == sorted(set(got)) and near(COUNT - len(got), 0.1)
    assert loss.dropped() == COUNT - len(got)
    loss.end()
    assert line.carry(100) == list(range(100))


def test_ways_are_cut_and_narrowed(world):
    """Between two addresses only, both ways; what is sent last over an open way says that nothing is under way any more."""
    a, b, c = (world.site(name, n, lan_host=False) for n, name in enumerate("abc", 1))
    sockets = {site: site.server.socket() for site in (a, b, c)}
    for s in sockets.values():
        s.bind(("", 5001))
        s.settimeout(5)
    cuts = impair.Cuts(world)

    def arrive(source, sizes):
        """The sizes of what a site gets of these, before a last word of c's."""
        for size in sizes:
            sockets[source].sendto(bytes(size), (b.public4 if source is a else a.public4, 5001))
        target = b if source is a else a
        assert source.server.pings(target.public4)
        sockets[c].sendto(b"last word", (target.public4, 5001))
        got = []
        while got[-1:] != [b"last word"]:
            got.append(sockets[target].recv(2000))
        return [len(data) for data in got[:-1]]

    fits = 1300 - 28
    for change, expected in ((None, [10, fits, fits + 1]), (cuts.narrow, [10, fits]), (cuts.cut, []), (cuts.widen, []),
                             (cuts.join, [10, fits, fits + 1])):
        if change:
            change(a, b)
        assert [arrive(source, (10, fits, fits + 1)) for source in (a, b)] == [expected, expected]


def test_probe_stream_measures(line):
    """A silence of known length, loss and repetition are reported as they were."""
    answer_probes(line.right.server)
    stream = ProbeStream(line.left.server, line.right.public4)
    stream.process.wait_line("flowing")
    mark = stream.mark()
    line.cable.set(loss=1.0)
    began = time.monotonic()
    stream.process.wait_line("silent", start=mark)
    w.wait_until("700 ms have passed", lambda: time.monotonic() - began > 0.7)
    line.cable.set()
    ended = time.monotonic()
    gap = stream.wait_back(mark)
    before = line.cable.counted()["repeated"]
    line.cable.set(duplicate=1.0)
    w.wait_until("some were repeated", lambda: line.cable.counted()["repeated"] - before > 40)
    line.cable.set()
    result = stream.stop()
    assert [ms for _, ms in result["gaps"]][:1] == [gap]
    assert 700 <= gap <= (ended - began) * 1000 + 300
    assert len(result["lost"]) >= 20 and result["lost"] == list(range(result["lost"][0], result["lost"][-1] + 1))
    assert result["repeated"] >= 10 and result["overtaken"] == 0


def test_cable_before_a_router(world):
    """It may be laid at a router's outer side, too."""
    site = world.site("inside", 1, lan_host=False, nat=nat.Nat(world, nat.SYMMETRIC, 1))
    outside = world.site("outside", 2, lan_host=False)
    cable = impair.Cable(world, site.nat.boxes[-1].ns)
    inner, far = site.server.socket(), outside.server.socket()
    far.bind(("", 5001))
    far.settimeout(5)
    inner.sendto(b"out", (outside.public4, 5001))
    assert far.recv(100) == b"out"
    assert cable.counted()["seen"] == 1
