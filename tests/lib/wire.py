# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of the data plane on a wire of a test: catch them, send them again, change them."""

import socket
import struct

# Runs in a namespace: prints each UDP payload that leaves through a device towards a port (0: any), as hex, one a line.
CATCH = r"""
import socket, sys
dev, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((dev, 0))
print("ready", flush=True)
while True:
    frame, meta = s.recvfrom(65535)
    if meta[2] != 4 or len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        continue
    header = 14 + (frame[14] & 15) * 4
    if port in (0, int.from_bytes(frame[header + 2:header + 4], "big")):
        print(frame[header + 8:].hex(), flush=True)
"""

# Runs in a namespace: sends hex payloads from standard arguments to address:port, from a source port of choice.
SEND = r"""
import socket, sys
address, port, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if source:
    s.bind(("", source))
for line in sys.stdin:
    s.sendto(bytes.fromhex(line.strip()), (address, port))
s.settimeout(0.3)
try:
    while True:
        print(s.recv(65535).hex())
except TimeoutError:
    pass
"""

# Reads packets that arrive at a host, so that a test can say that none did.
LISTEN = r"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4242))
print("ready", flush=True)
while True:
    print("got", s.recv(2000), flush=True)
"""

INJECT = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
packet = bytes.fromhex(sys.argv[1])
s.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
"""


def send(ns, address, packets, port=6655):
    """Sends payloads (bytes) from a fresh port of a namespace; returns what came back."""
    got = ns.run(
        ["/usr/bin/python3", "-c", SEND, address, str(port), "0"],
        user_input="".join(p.hex() + "\n" for p in packets),
    )
    return [bytes.fromhex(line) for line in got.stdout.split()]


class Catcher:
    """Collects the UDP payloads that leave a namespace through a device towards a port (0: any)."""

    def __init__(self, ns, dev, port=6655):
        self.process = ns.start(["/usr/bin/python3", "-u", "-c", CATCH, dev, str(port)], name="catcher")
        self.process.wait_line("ready")

    def packets(self):
        with self.process.changed:
            return [bytes.fromhex(line) for line in self.process.lines if line != "ready"]

    def stop(self):
        self.process.popen.kill()


def spoofed_udp(source, destination, payload=b"spoofed"):
    """A whole IPv4/UDP packet with a source of choice, port 4242 to 4242."""
    udp = struct.pack("!HHHH", 4242, 4242, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    total = sum(struct.unpack("!10H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:] + udp


__all__ = ["INJECT", "LISTEN", "Catcher", "send", "spoofed_udp"]
