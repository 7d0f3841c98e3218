# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands inside a transport packet (schema/PROTOCOL.md, section 6), and the few IPv4 packets that a test needs."""

import ipaddress
import os
import struct
import zlib

from second.noise import Refused

PROBE, PROBE_REPLY, COMPRESSED = 1, 2, 3
RELAYED_TCP, RELAYED, DIRECT = 1, 2, 3  # how a probe came


def probe(size=24):
    """Its id, and the probe."""
    marked = os.urandom(8)
    return marked, struct.pack("<BBHI8sQ", PROBE, 0, size, 0, marked, 0) + bytes(size - 24)


def probe_reply(asked, way, source):
    """The answer to a probe; `source` is None for one that was relayed."""
    kind, flags, size, _, marked, sent = struct.unpack_from("<BBHI8sQ", asked)
    if size != len(asked):
        raise Refused("a probe of another size")
    family, port, address = 0, 0, b""
    if source:
        host = ipaddress.ip_address(source[0])
        family, port, address = host.version, source[1], host.packed
    return struct.pack("<BBHBBH8sQ16s", PROBE_REPLY, flags, size, way, family, port, marked, sent, address)


def inflate(packed):
    """The IP packet of a compressed one whose method is 1."""
    method, length, zero = struct.unpack_from("<xBHB", packed)
    if method != 1 or zero:
        raise Refused("not deflate")
    inflater = zlib.decompressobj(-15)
    plain = inflater.decompress(packed[5:], length + 1)
    if len(plain) != length or not inflater.eof or inflater.unused_data or plain[0] >> 4 not in (4, 6):
        raise Refused("does not inflate to what it says")
    return plain


def deflate(packet, level):
    deflater = zlib.compressobj(level, wbits=-15)
    data = deflater.compress(packet) + deflater.flush()
    smaller = struct.pack("<BBHB", COMPRESSED, 1, len(packet), 0) + data
    return smaller if len(smaller) < len(packet) else packet


def total(data):
    """The Internet checksum, not inverted."""
    n = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while n >> 16:
        n = (n & 0xFFFF) + (n >> 16)
    return n


def ipv4(source, destination, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                         ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed)
    return header[:10] + struct.pack("!H", ~total(header) & 0xFFFF) + header[12:] + payload


def echo(source, destination, number, payload=b"second", reply=False):
    body = struct.pack("!BBHHH", 0 if reply else 8, 0, 0, 77, number) + payload
    return ipv4(source, destination, 1, body[:2] + struct.pack("!H", ~total(body) & 0xFFFF) + body[4:])


def pseudo(source, destination, protocol, length):
    return source + destination + struct.pack("!HH", protocol, length)


def udp(source, destination, ports, payload):
    head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
    ends = (ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed)
    checksum = ~total(pseudo(*ends, 17, 8 + len(payload)) + head + payload) & 0xFFFF
    return ipv4(source, destination, 17, head[:6] + struct.pack("!H", checksum or 0xFFFF) + payload)


class Packet:
    """An IPv4 packet that came; what is behind its length is cut off."""

    def __init__(self, data):
        words = (data[0] & 15) * 4
        size = struct.unpack_from("!H", data, 2)[0]
        if not 20 <= words <= size <= len(data):
            raise Refused("no IPv4 packet")
        self.protocol = data[9]
        self.source, self.destination = (str(ipaddress.ip_address(data[i:i + 4])) for i in (12, 16))
        self.ends = data[12:16], data[16:20]
        self.body = data[words:size]

    def checksum_holds(self, partial):
        """Of UDP: a partial one is the sum of the pseudo-header alone."""
        head = pseudo(*self.ends, 17, len(self.body))
        if partial:
            return struct.unpack_from("!H", self.body, 6)[0] == total(head)
        return total(head + self.body) == 0xFFFF
