# SPDX-License-Identifier: GPL-3.0-or-later
"""A cable that loses, repeats, delays and mixes up datagrams. A program: bad_cable.py SETTINGS SEED, between the devices `near` and `far`.

It carries frames from each to the other; only those with UDP are harmed. SETTINGS is a JSON file, read again at SIGHUP:
loss, duplicate, reorder (shares of 1), held_ms (how long a frame is held back that others are to overtake), delay_ms, jitter_ms
(each way, without change of order), rate_kbps with queue_ms (0: no limit). SIGUSR1 prints what happened so far.
"""

import heapq
import itertools
import json
import random
import select
import signal
import socket
import sys
import time

SOL_PACKET, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE, ETH_P_ALL = 263, 23, 33, 3
FRAME_MAX = 65536
DEFAULTS = {"loss": 0, "duplicate": 0, "reorder": 0, "held_ms": 20, "delay_ms": 0, "jitter_ms": 0, "rate_kbps": 0, "queue_ms": 100}


def is_udp(frame):
    kind = frame[12:14]
    return kind == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP or kind == b"\x86\xdd" and frame[20] == socket.IPPROTO_UDP


def raw(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.bind((device, ETH_P_ALL))
    s.setblocking(False)
    return s


class Way:
    """One direction: when its line is free again, and when its last frame leaves."""

    def __init__(self, out):
        self.out = out
        self.free = 0.0
        self.last = 0.0


class Cable:
    def __init__(self, path, seed):
        self.path = path
        self.rng = random.Random(seed)
        self.order = itertools.count()
        self.waiting = []
        self.counted = dict.fromkeys(("seen", "lost", "repeated", "held", "overflowed"), 0)
        self.read_settings()

    def read_settings(self, *_):
        with open(self.path, encoding="utf-8") as f:
            self.set = {**DEFAULTS, **json.load(f)}
        print("now", json.dumps(self.set), flush=True)

    def print_counted(self, *_):
        print("counted", json.dumps({**self.counted, "waiting": len(self.waiting)}), flush=True)

    def take(self, frame, way, now):
        if not is_udp(frame):
            self.send(frame, way)
            return
        self.counted["seen"] += 1
        if self.rng.random() < self.set["loss"]:
            self.counted["lost"] += 1
            return
        self.queue(frame, way, now)
        if self.rng.random() < self.set["duplicate"]:
            self.counted["repeated"] += 1
            self.queue(frame, way, now)

    def queue(self, frame, way, now):
        leaves = now
        if self.set["rate_kbps"]:
            leaves = max(now, way.free)
            if leaves - now > self.set["queue_ms"] / 1000:
                self.counted["overflowed"] += 1
                return
            leaves += len(frame) * 8 / (self.set["rate_kbps"] * 1000)
            way.free = leaves
        leaves += (self.set["delay_ms"] + self.rng.uniform(0, self.set["jitter_ms"])) / 1000
        if self.rng.random() < self.set["reorder"]:
            self.counted["held"] += 1
            leaves += self.set["held_ms"] / 1000
        else:
            leaves = way.last = max(leaves, way.last)
        heapq.heappush(self.waiting, (leaves, next(self.order), frame, way))

    def send(self, frame, way):
        try:
            way.out.send(frame)
        except (BlockingIOError, OSError):
            self.counted["overflowed"] += 1

    def release(self):
        """Sends what is due; the time until the next, or None."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, frame, way = heapq.heappop(self.waiting)
            self.send(frame, way)
        return None

    def run(self):
        near, far = raw("near"), raw("far")
        ways = {near.fileno(): (near, Way(far)), far.fileno(): (far, Way(near))}
        poll = select.epoll()
        for fd in ways:
            poll.register(fd, select.EPOLLIN)
        print("ready", flush=True)
        while True:
            for fd, _ in poll.poll(self.release()):
                source, way = ways[fd]
                self.receive(source, way)

    def receive(self, source, way):
        now = time.monotonic()
        for _ in range(64):
            try:
                frame = source.recv(FRAME_MAX)
            except (BlockingIOError, OSError):
                return
            self.take(frame, way, now)


if __name__ == "__main__":
    cable = Cable(sys.argv[1], int(sys.argv[2]))
    signal.signal(signal.SIGHUP, cable.read_settings)
    signal.signal(signal.SIGUSR1, cable.print_counted)
    cable.run()
