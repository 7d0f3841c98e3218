# SPDX-License-Identifier: GPL-3.0-or-later
"""A telephone call between two hosts of one machine: 50 packets a second of 200 bytes in each direction.

    python3 voice.py answer            prints "ready", waits for a caller, talks with it
    python3 voice.py call HOST SECONDS

Each side prints one JSON object about what it heard: how many packets were expected and came, and their one-way delays in
microseconds. A packet carries the time at which it was handed to the kernel, and the kernel notes when it came to the socket: how
busy the listening program is kept by others does not count.
"""

import json
import select
import socket
import struct
import sys
import time

PORT = 5004
INTERVAL_S = 0.02
BYTES = 200
# Of stragglers, once all is sent.
LINGER_S = 1.0
HEAD = struct.Struct("!IQ")
STAMP = struct.Struct("@qq")
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python does not name it


def delay_us(ancillary, sent_ns):
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, ns = STAMP.unpack(data)
            return (seconds * 1_000_000_000 + ns - sent_ns) / 1000
    raise OSError("the kernel gave no time of arrival")


class Side:
    """One end of the call, once it knows the other one's address."""

    def __init__(self, sock, other, packets):
        self.sock = sock
        self.other = other
        self.packets = packets
        self.heard = {}

    def hear(self):
        data, ancillary, _, _ = self.sock.recvmsg(2048, 256)
        if len(data) != BYTES:
            return  # a repeated first packet
        number, sent_ns = HEAD.unpack_from(data)
        self.heard.setdefault(number, delay_us(ancillary, sent_ns))

    def hear_until(self, end):
        while (left := end - time.monotonic()) > 0 and len(self.heard) < self.packets:
            if select.select([self.sock], [], [], left)[0]:
                self.hear()

    def talk(self):
        began = time.monotonic()
        for number in range(self.packets):
            while (left := began + number * INTERVAL_S - time.monotonic()) > 0:
                if select.select([self.sock], [], [], left)[0]:
                    self.hear()
            self.sock.sendto(HEAD.pack(number, time.time_ns()).ljust(BYTES, b"\0"), self.other)
        self.hear_until(time.monotonic() + LINGER_S)
        return {"expected": self.packets, "delays_us": [self.heard[n] for n in sorted(self.heard)]}


def opened(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind(("0.0.0.0", port))
    return sock


def answer():
    sock = opened(PORT)
    print("ready", flush=True)
    # The first packet says who calls and how long; it is repeated until there is an answer, which is the first of ours.
    data, other = sock.recvfrom(2048)
    return Side(sock, other, struct.unpack_from("!I", data)[0]).talk()


def call(host, seconds):
    sock = opened(0)
    packets = int(seconds / INTERVAL_S)
    for _ in range(50):
        sock.sendto(struct.pack("!I", packets), (host, PORT))
        if select.select([sock], [], [], 0.2)[0]:
            return Side(sock, (host, PORT), packets).talk()
    sys.exit("nobody answers")


if __name__ == "__main__":
    print(json.dumps(answer() if sys.argv[1] == "answer" else call(sys.argv[2], float(sys.argv[3]))), flush=True)
