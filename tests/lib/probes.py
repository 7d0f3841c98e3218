# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of small datagrams, one every few milliseconds, that says when none came back, and for how long. A program, not a module.

`echo PORT` at one host, `run ADDRESS PORT INTERVAL_MS SIZE` at the other, which prints "flowing" with the first answer, "silent" when none
came for SILENT_MS, "back after N ms" with the next one, and when it is told to end (SIGTERM) waits for what is under way and
prints "result" with all there is to know. Times are the monotonic clock's, which is the same for all processes.
"""

import heapq
import json
import select
import signal
import socket
import struct
import sys
import time

SILENT_MS = 100
# An answer that takes longer counts as lost.
LATE_S = 1.5
FORMAT = struct.Struct("!Qd")


def echo(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        print("ready", flush=True)
        while True:
            data, source = s.recvfrom(2000)
            try:
                s.sendto(data, source)
            except OSError:
                # No route, or an ICMP error about an earlier answer: a lost packet, as the other end will see.
                continue


def utc(monotonic):
    """The time of day of a time of the monotonic clock, UTC."""
    now = time.time() - time.monotonic() + monotonic
    return time.strftime("%H:%M:%S", time.gmtime(now)) + f"{now % 1:.3f}"[1:]


class Stream:
    def __init__(self, address, port, interval_ms, size):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.to = (address, port)
        self.interval = interval_ms / 1000
        self.padding = bytes(max(0, size - FORMAT.size))
        self.sent = 0
        self.pending = {}  # number -> when it was sent, in that order
        self.lost = []
        self.lost_at = []  # as the logs of daemons say it
        self.repeated = 0
        self.overtaken = 0
        self.newest = -1
        self.last = None
        self.silent = False
        self.gaps = []
        self.slowest = []
        self.ending = False

    def end(self, *_):
        self.ending = True

    def run(self):
        due = time.monotonic()
        while not self.ending:
            now = time.monotonic()
            if now >= due:
                self.send(now)
                # A machine that was busy does not make up for it with a burst.
                due = max(due + self.interval, now)
            self.listen(due)
        last_call = time.monotonic() + LATE_S
        while time.monotonic() < last_call and self.pending:
            self.listen(last_call)
        self.lost += self.pending
        self.lost_at += map(utc, self.pending.values())

    def send(self, now):
        try:
            self.sock.sendto(FORMAT.pack(self.sent, now) + self.padding, self.to)
        except OSError:
            pass  # an ICMP error, or no route: lost
        self.pending[self.sent] = now
        self.sent += 1

    def listen(self, until):
        left = until - time.monotonic()
        if left > 0 and select.select([self.sock], [], [], left)[0]:
            try:
                self.note(*FORMAT.unpack_from(self.sock.recv(2000)))
            except OSError:
                pass
        self.give_up_late()
        self.note_silence()

    def give_up_late(self):
        while self.pending and time.monotonic() - next(iter(self.pending.values())) > LATE_S:
            number = next(iter(self.pending))
            self.lost_at.append(utc(self.pending.pop(number)))
            self.lost.append(number)

    def note(self, number, sent_at):
        now = time.monotonic()
        if number in self.pending:
            del self.pending[number]
        elif number not in self.lost:
            self.repeated += 1
            return
        self.overtaken += number < self.newest
        self.newest = max(self.newest, number)
        heapq.heappush(self.slowest, now - sent_at)
        if len(self.slowest) > 100:
            heapq.heappop(self.slowest)
        if self.last is None:
            print("flowing", flush=True)
        elif now - self.last > SILENT_MS / 1000:
            ms = round((now - self.last) * 1000)
            self.gaps.append([self.last, ms])
            print(f"back after {ms} ms", flush=True)
        self.last, self.silent = now, False

    def note_silence(self):
        if self.last is not None and not self.silent and time.monotonic() - self.last > SILENT_MS / 1000:
            self.silent = True
            print("silent", flush=True)

    def result(self):
        return {"sent": self.sent, "lost": self.lost, "lost_at": self.lost_at, "repeated": self.repeated,
                "overtaken": self.overtaken, "gaps": self.gaps, "slowest_ms": round(max(self.slowest, default=0) * 1000, 1)}


def run(address, port, interval_ms, size):
    stream = Stream(address, port, interval_ms, size)
    signal.signal(signal.SIGTERM, stream.end)
    signal.signal(signal.SIGINT, stream.end)
    stream.run()
    print("result", json.dumps(stream.result()), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(int(sys.argv[2]))
    else:
        run(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
