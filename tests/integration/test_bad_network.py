# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels over bad lines, with a build that renews sessions every 6 s: every byte arrives as it was sent, and handshakes get through.

    linodeHQ (hub) --- internet --+-- [bad cable] -- linode1     each with a fault of its own, all at the same time
                                  +-- [bad cable] -- linode2 ...
"""

import json
import os

import pytest

import impair
import streams
import world as w
from traffic import PingStream
from world import wait_until

# What the cable does to each datagram, both ways.
FAULTS = {
    "loss 1 %": {"loss": 0.01},
    "loss 5 %": {"loss": 0.05},
    "loss 20 %": {"loss": 0.2},
    "reordering 20 %": {"reorder": 0.2, "held_ms": 5},
    "duplication 20 %": {"duplicate": 0.2},
    "delay 80 ms and jitter": {"delay_ms": 40, "jitter_ms": 10},
    "2 Mbit/s": {"rate_kbps": 2000, "queue_ms": 100},
    "all at 5 %": {"loss": 0.05, "reorder": 0.05, "duplicate": 0.05, "delay_ms": 10},
}
SIZE = 150_000


def spoken(site, name):
    """The peer's entry in the spoke's status."""
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}[name]


class BadLines:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.branches = {fault: world.branch(self.hq, f"linode{n}", n) for n, fault in enumerate(FAULTS, 1)}
        self.cables = {fault: impair.Cable(world, b.server, seed=n) for n, (fault, b) in enumerate(self.branches.items())}
        for b in self.branches.values():
            b.host.wait_ping(self.hq.host4)
        self.hq.host.start(["/usr/bin/python3", "-u", streams.__file__, "serve"], name="streams").wait_line("ready")

    def transfer(self, fault, seed):
        """Starts random streams from a branch to headquarters and back."""
        job = {"address": {"4": self.hq.host4, "6": self.hq.host6}, "mtu": 1400, "hops": 2, "seed": seed, "tcp": 2, "size": SIZE,
               "udp": 0, "bursts": 0}
        return self.branches[fault].host.start(["/usr/bin/python3", "-u", streams.__file__, "run", json.dumps(job)], name=f"streams {fault}")


@pytest.fixture(scope="module")
def lines():
    with w.World(build=os.path.join(w.BUILD, "fast")) as world:
        yield BadLines(world)


def test_bytes_arrive_and_sessions_are_renewed(lines):
    before = {fault: (lines.cables[fault].counted(), spoken(b, "linodeHQ")["handshake"]) for fault, b in lines.branches.items()}
    for fault, settings in FAULTS.items():
        lines.cables[fault].set(**settings)
    running = {fault: lines.transfer(fault, seed) for seed, fault in enumerate(FAULTS)}
    # Sessions are renewed for as long as something is sent.
    pings = {fault: PingStream(b.host, lines.hq.host4, 0.2) for fault, b in lines.branches.items()}
    found = {fault: p.wait_line(r"^\[", 90).string for fault, p in running.items()}
    assert found == dict.fromkeys(FAULTS, "[]")
    renewed = {fault: set() for fault in FAULTS}

    def all_renewed():
        for fault, b in lines.branches.items():
            renewed[fault].add(spoken(b, "linodeHQ")["handshake"])
        return all(len(seen - {before[fault][1]}) >= 2 for fault, seen in renewed.items())

    wait_until("two new sessions on each line", all_renewed, 60)
    for p in pings.values():
        p.wait_answers(len(p.answered()) + 5)
        p.stop()
    # And the lines were as bad as they should be.
    for fault, settings in FAULTS.items():
        now = lines.cables[fault].counted()
        happened = {k: now[k] - before[fault][0][k] for k in now}
        for setting, counter in (("loss", "lost"), ("duplicate", "repeated"), ("reorder", "held"), ("rate_kbps", "overflowed")):
            assert (happened[counter] > 0) == bool(settings.get(setting)), (fault, happened)


def test_firewall_drops_by_chance(lines):
    """5 % of all the hub sends and receives, without a cable that does anything."""
    for cable in lines.cables.values():
        cable.set()
    loss = impair.RandomLoss(lines.hq.server, 5)
    try:
        faults = list(FAULTS)[:3]
        running = [lines.transfer(fault, 100 + seed) for seed, fault in enumerate(faults)]
        assert [p.wait_line(r"^\[", 90).string for p in running] == ["[]"] * 3
        assert loss.dropped() > 10
    finally:
        loss.end()
