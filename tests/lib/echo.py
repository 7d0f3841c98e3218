# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests of which every one has to come back. ping(8) waits for the last one of several only twice as long as the slowest before it
took, which on a busy machine is too short: what is late there is no loss."""

import ipaddress
import os
import select
import socket
import struct
import time

INTERVAL_S = 0.05
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
HEADER = struct.Struct("!BBHHH")


def checksum(data):
    """RFC 1071."""
    words = struct.unpack(f"!{len(data) // 2}H", data) if len(data) % 2 == 0 else struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0")
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Echo:
    """A number of requests to one address from a socket of a namespace, INTERVAL_S apart."""

    def __init__(self, namespace, address, size):
        self.version = 6 if ":" in address else 4
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if self.version == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
        self.socket = namespace.socket(socket.SOCK_RAW, family, protocol)
        self.socket.setblocking(False)
        self.address = ipaddress.ip_address(address)
        self.ident = int.from_bytes(os.urandom(2), "big")
        self.data = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
        self.answered = set()

    def send(self, number):
        head = HEADER.pack(REQUEST[self.version], 0, 0, self.ident, number)
        if self.version == 4:  # the kernel does it for IPv6
            head = HEADER.pack(REQUEST[4], 0, checksum(head + self.data), self.ident, number)
        try:
            self.socket.sendto(head + self.data, (str(self.address), 0))
        except OSError:
            pass  # no route, or more than the path carries: it will not come back

    def listen(self, until):
        """Takes what comes until then."""
        while (left := until - time.monotonic()) > 0 and select.select([self.socket], [], [], left)[0]:
            self.take()

    def take(self):
        try:
            packet, source = self.socket.recvfrom(65536)
        except OSError:
            return  # an ICMP error about one of them
        if self.version == 4:
            packet = packet[(packet[0] & 15) * 4:]
        if len(packet) < HEADER.size or ipaddress.ip_address(source[0]) != self.address:
            return
        kind, _, _, ident, number = HEADER.unpack_from(packet)
        if (kind, ident) == (REPLY[self.version], self.ident) and packet[HEADER.size:] == self.data:
            self.answered.add(number)

    def run(self, count, wait):
        """Does every one of `count` come back, the last at most `wait` seconds after it was sent?"""
        for number in range(1, count + 1):
            self.send(number)
            self.listen(time.monotonic() + INTERVAL_S)
        end = time.monotonic() + wait
        while len(self.answered) < count and time.monotonic() < end:
            self.listen(min(end, time.monotonic() + INTERVAL_S))
        return len(self.answered) == count


def all_come_back(namespace, address, count, wait, size):
    echo = Echo(namespace, address, size)
    with echo.socket:
        if echo.run(count, wait):
            return True
    missing = sorted(set(range(1, count + 1)) - echo.answered)
    print(f"{namespace.short} to {address}: of {count} echoes of {size} bytes these did not come back: {missing}")
    return False
