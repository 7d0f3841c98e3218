# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that tcpdump has seen at a host: parsed, and their checksums verified (RFC 791, 768, 9293, 8200, 1071)."""

import os
import signal
import struct
import time

import world as w

ICMP, TCP, UDP, FRAGMENT, ICMP6 = 1, 6, 17, 44, 58
FRAME_MAX = 1514
# A little more than a frame: tcpdump's ring has slots of this size.
SNAP = "2000"
FIN, SYN, PSH, URG, ECE, CWR = 0x01, 0x02, 0x08, 0x20, 0x40, 0x80


def ones_sum(*pieces):
    """The one's complement sum of 16-bit words is the number modulo 0xffff (each piece but the last has an even length)."""
    total = 0
    for p in pieces:
        total += int.from_bytes(p + b"\0" if len(p) % 2 else p, "big")
    return total % 0xFFFF


class Packet:
    """An IP packet without its frame; `error` says what is wrong with it, or is None."""

    def __init__(self, data):
        self.data = data
        self.version = data[0] >> 4
        self.error = None
        if self.version == 4:
            self._parse4(data)
        else:
            self._parse6(data)
        self.flags = self.l4[13] if self.protocol == TCP and len(self.l4) >= 20 else 0
        if not self.error and self.l4:
            self.error = self._check_l4()

    def _parse4(self, data):
        header = (data[0] & 15) * 4
        length, = struct.unpack_from("!H", data, 2)
        self.tos, self.ttl, self.protocol = data[1], data[8], data[9]
        self.source, self.destination = data[12:16], data[16:20]
        # Of a fragment nothing can be said but its header.
        self.fragment = bool(struct.unpack_from("!H", data, 6)[0] & 0x3FFF)
        self.l4 = b"" if self.fragment else data[header:length]
        if ones_sum(data[:header]):
            self.error = "IP header checksum"
        elif length > len(data):
            self.error = "shorter than its header says"

    def _parse6(self, data):
        length, self.protocol, self.ttl = struct.unpack_from("!HBB", data, 4)
        self.tos = (data[0] & 15) << 4 | data[1] >> 4
        self.source, self.destination = data[8:24], data[24:40]
        self.fragment = self.protocol == FRAGMENT
        self.l4 = b"" if self.fragment else data[40:40 + length]
        if 40 + length > len(data):
            self.error = "shorter than its header says"

    def _check_l4(self):
        if self.protocol == UDP and struct.unpack_from("!H", self.l4, 4)[0] != len(self.l4):
            return "UDP length"
        if self.protocol == UDP and self.l4[6:8] == b"\0\0":
            return "UDP without a checksum"
        if self.protocol == ICMP:
            return "ICMP checksum" if ones_sum(self.l4) else None
        if self.protocol not in (TCP, UDP, ICMP6):
            return None
        pseudo = self.source + self.destination + struct.pack("!II", len(self.l4), self.protocol)
        return f"checksum of protocol {self.protocol}" if ones_sum(pseudo, self.l4) else None

    def payload(self):
        return self.l4[(self.l4[12] >> 4) * 4:] if self.protocol == TCP else self.l4[8:]

    def options(self):
        return self.l4[20:(self.l4[12] >> 4) * 4] if self.protocol == TCP else b""


def parse(path):
    """The IP packets of a pcap file. A frame that no wire would carry counts as an error."""
    with open(path, "rb") as f:
        data = f.read()
    found = []
    at = 24
    while at + 16 <= len(data):
        _, _, caught, length = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + caught]
        at += 16 + caught
        if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
            continue
        packet = Packet(frame[14:])
        if length > FRAME_MAX:
            packet.error = f"a frame of {length} bytes"
        found.append(packet)
    return found


class Capture:
    """All that arrives at a host by its cable. The cable's other end is told to send what a wire would carry."""

    def __init__(self, site):
        self.host = site.host
        site.server.run("ethtool -K lan tx off tso off gso off tx-udp-segmentation off")
        self.path = os.path.join(site.world.dir, f"{site.name}-{time.monotonic_ns()}.pcap")
        self.process = site.host.start(["tcpdump", "-i", "eth0", "-Q", "in", "-s", SNAP, "-B", "65536", "-n",
                                        "--immediate-mode", "-w", self.path], name="tcpdump")
        self.process.wait_line("listening on")
        self.seen, self.missed = None, 0

    def stop(self):
        """The packets. Fails if tcpdump has missed any, which would make an all-clear worthless."""
        w.wait_until("tcpdump has seen all that came", self._is_idle)
        self.process.stop()
        if self.missed:
            raise w.Failed(f"tcpdump missed {self.missed} packets")
        return parse(self.path)

    def _is_idle(self):
        """Whether nothing has come since it was asked last."""
        mark, before = self.process.mark(), self.seen
        self.process.popen.send_signal(signal.SIGUSR1)
        said = self.process.wait_line(r"(\d+) packets? captured, \d+ packets? received by filter, (\d+) packets? dropped", 5, mark)
        self.seen, self.missed = int(said.group(1)), int(said.group(2))
        return self.seen == before


__all__ = ["CWR", "ECE", "FIN", "PSH", "SYN", "TCP", "UDP", "URG", "Capture", "Packet", "ones_sum", "parse"]
