# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers = 2 everywhere: an engine and a mover at the hub and at each branch move packets side by side.

    10.0.0.10 -- linodeHQ (hub) --+-- linode1 -- 10.1.0.10
                                  +-- linode2 -- 10.2.0.10
                                  +-- phone (wireguard-go) -- 10.9.0.10

Which worker gets a packet is the kernel's choice: by the flow from the tunnel interface, by the outer addresses and ports from the
network. So there are many flows, and sources with many ports.
"""

import json
import os
import signal
import time

import pytest

import losses
import world as w
from traffic import PingStream
from wire import INJECT, LISTEN, Catcher, send, spoofed_udp
from wireguard import PORT, Device
from world import wait_until

STREAMS = os.path.join(os.path.dirname(__file__), "..", "lib", "streams.py")
TWO = ("-o", "Workers=2")


class Network:
    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters(options=TWO)
        self.one, self.two = (world.branch(self.hq, f"linode{i}", i, options=TWO) for i in (1, 2))
        self.sites = [self.hq, self.one, self.two]


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Network(world)


@pytest.fixture(scope="module")
def fast():
    """A new session every 6 s."""
    with w.World(build=os.path.join(w.BUILD, "fast")) as world:
        yield Network(world)


def everybody_pings(sites):
    for a in sites:
        for b in sites:
            if a is not b:
                a.host.wait_ping(b.host4)
                a.host.wait_ping(b.host6)


def nonce_spaces(packets):
    """The workers that sealed these datagrams, in envelopes or not: the top byte of the counter."""
    inner = [p[12:] if p[0] == 8 else p for p in packets]
    return {p[15] for p in inner if p[0] == 7}


def rx_bytes(site, other):
    peers = {p["name"]: p for p in site.json("spoke", "status")["peers"]}
    return peers[other.name]["rx_bytes"]


def test_every_lan_reaches_every_lan(net):
    everybody_pings(net.sites)
    before = losses.snapshot(net.sites)
    assert net.one.host.pings(net.two.host4, count=50, size=1300), losses.changes(before, losses.snapshot(net.sites))
    for site in net.sites:
        with open(f"/proc/{site.worker_pid('mover1')}/status", encoding="utf-8") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        assert "0" not in status["Uid"].split() and int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


def test_streams_come_out_as_they_went_in(net):
    """TCP both ways, many flows, both families, compared by hash: direct and through the hub; both workers seal."""
    for site in net.sites:
        site.host.start(["/usr/bin/python3", "-u", STREAMS, "serve"], name=f"{site.name} streams").wait_line("ready")
    for source, sink, seed in ((net.one, net.hq, 1), (net.hq, net.two, 2), (net.one, net.two, 3)):
        catcher = Catcher(source.server, "wan", port=0)
        job = {"address": {"4": sink.host4, "6": sink.host6}, "mtu": 1400, "hops": 2, "seed": seed, "tcp": 16,
               "size": 300_000, "udp": 0, "bursts": 0}
        done = source.host.run(["/usr/bin/python3", STREAMS, "run", json.dumps(job)])
        assert json.loads(done.stdout) == []
        wait_until(f"all workers of {source.name} seal", lambda c=catcher: nonce_spaces(c.packets()) == {0, 1})
        catcher.stop()


def test_parallel_streams(net):
    server = net.hq.host.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3")
    server.wait_line("Server listening")
    got = json.loads(net.one.host.run(["iperf3", "-c", net.hq.host4, "-P", "8", "-t", "3", "-J"]).stdout)
    flows = [s["receiver"]["bytes"] for s in got["end"]["streams"]]
    assert len(flows) == 8 and all(n > 100_000 for n in flows), flows


def resting_rx_bytes(site, other):
    """The counter once it has not changed for longer than a mover waits before it tells the engine."""
    seen = []

    def rests():
        now, value = time.monotonic(), rx_bytes(site, other)
        if not seen or seen[0][1] != value:
            seen[:] = [(now, value)]
        return now - seen[0][0] > 1.5 and (value,)

    return wait_until("a counter that rests", rests)[0]


def test_counters_are_summed(net):
    """What the status says is of all workers together, and each packet is counted once."""
    one, hq = net.one, net.hq
    one.host.wait_ping(hq.host4)
    before = resting_rx_bytes(one, hq)
    # Echoes of many flows: each has another id.
    sizes = range(100, 140)
    for size in sizes:
        assert one.host.pings(hq.host4, count=5, size=size)
    assert resting_rx_bytes(one, hq) == before + sum(5 * (28 + size) for size in sizes)


def test_replays_are_dropped_by_all_workers(net):
    """A datagram is taken once, from whichever port, and so by whichever worker, it comes again."""
    one, hq = net.one, net.hq
    one.host.wait_ping(hq.host4)
    listener = hq.host.start(["/usr/bin/python3", "-u", "-c", LISTEN], name="listener")
    listener.wait_line("ready")
    catcher = Catcher(one.server, "wan")
    for i in range(8):
        packet = spoofed_udp(one.host4, hq.host4, f"only once {i}".encode())
        one.server.run(["/usr/bin/python3", "-c", INJECT, packet.hex()])
        listener.wait_line(f"got b'only once {i}'")
    caught = wait_until("the sealed packets on the wire",
                        lambda: (p := [p for p in catcher.packets() if p[0] == 7]) and len(p) >= 8 and p)
    catcher.stop()
    for _ in range(12):  # each from a fresh port
        assert send(one.server, hq.public4, caught) == []
    one.host.wait_ping(hq.host4)
    assert len([line for line in listener.lines if "only once" in line]) == 8


def test_sessions_are_renewed_without_loss(fast):
    hq, one, two = fast.sites
    pairs = [(one, hq), (one, two), (two, hq)]
    everybody_pings(fast.sites)
    streams = [PingStream(a.host, address) for a, b in pairs for address in (b.host4, b.host6)]
    handshakes = {"hub": set(), "spokes": set()}

    def renewed():
        peers = {p["name"]: p for p in one.json("spoke", "status")["peers"]}
        handshakes["hub"].add(peers[hq.name]["handshake"])
        handshakes["spokes"].add(peers[two.name]["handshake"])
        return min(map(len, handshakes.values())) >= 4

    wait_until("three new sessions of each", renewed, 40)
    for s in streams:
        s.wait_answers(len(s.answered()) + 20)
    assert [s.stop() for s in streams] == [[]] * len(streams)


@pytest.mark.parametrize("where", ["hub", "spoke"])
def test_a_dead_mover_is_replaced(net, where):
    site = net.hq if where == "hub" else net.one
    engine, mover = site.worker_pid("engine"), site.worker_pid("mover1")
    streams = [PingStream(net.one.host, a) for a in (net.hq.host4, net.two.host4, net.hq.host6)]
    mark = site.daemon.mark()
    os.kill(mover, signal.SIGKILL)
    site.daemon.wait_line("mover1 .*ended by signal 9", start=mark)
    wait_until("a new mover", lambda: site.worker_pid("mover1") != mover)
    for s in streams:
        s.wait_answers(len(s.answered()) + 40)
    # What was lost was lost at once: the rest of the time nothing is. 1.5 s are 30 echoes.
    lost = [s.stop() for s in streams]
    assert all(len(x) <= 30 and (not x or x[-1] - x[0] < 30) for x in lost), lost
    assert site.worker_pid("engine") == engine
    everybody_pings(net.sites)


def test_an_engine_takes_its_movers_with_it(net):
    site = net.one
    mover = site.worker_pid("mover1")
    os.kill(site.worker_pid("engine"), signal.SIGKILL)
    wait_until("a new mover", lambda: site.worker_pid("mover1") != mover)
    everybody_pings(net.sites)


def test_stock_devices(net):
    """A WireGuard device knows one row of counters; the hub's workers share it, and forward for it."""
    phone = Device(net.world, "phone", 9)
    phone.add_to(net.hq, "--endpoint", f"{phone.public4} {PORT}")
    phone.start()
    phone.host.wait_ping(net.one.host4)
    net.hq.host.wait_ping(phone.host4)
    streams = [PingStream(phone.host, a) for a in (net.hq.host4, net.one.host4, net.two.host4, net.one.host6)]
    streams += [PingStream(site.host, phone.host4) for site in net.sites]
    server = phone.host.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3")
    server.wait_line("Server listening")
    got = json.loads(net.one.host.run(["iperf3", "-c", phone.host4, "-P", "4", "-t", "2", "-J"]).stdout)
    assert all(s["receiver"]["bytes"] > 100_000 for s in got["end"]["streams"])
    for s in streams:
        s.wait_answers(60)
        s.stop()
    assert phone.host.pings(net.one.host4, count=50) and net.hq.host.pings(phone.host4, count=50)


def test_many_workers(world):
    """As many as there may be start and stop; one more is refused."""
    hq = world.headquarters(options=("-o", "Workers=8"))
    one = world.branch(hq, "linode1", 1, options=("-o", "Workers=8"))
    one.host.wait_ping(hq.host4)
    assert hq.worker_pid("mover7") and one.worker_pid("mover7")
    mark = one.daemon.mark()
    assert one.daemon.stop() == 0 and hq.daemon.stop() == 0
    assert not [line for line in one.daemon.lines[mark:] if "warning" in line or "error" in line]
    refused = one.spoke("-D", "-o", "Workers=9", "run", check=False)
    assert refused.returncode != 0 and "Workers" in refused.stderr
