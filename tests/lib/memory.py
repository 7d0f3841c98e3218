# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes hold of the machine's memory, each page counted once, whoever else maps it."""

import os
import struct

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
PRESENT, OF_A_FILE = 1 << 63, 1 << 61


def _file_pages(pid):
    """(file, page number) of each page of a file that is mapped in the process at this moment and is as in the file."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        for line in maps:
            span, _, offset, device, inode = line.split()[:5]
            if inode == "0":
                continue
            start, end = (int(x, 16) // (PAGE_KIB << 10) for x in span.split("-"))
            pagemap.seek(start * 8)
            entries = struct.unpack(f"{end - start}Q", pagemap.read((end - start) * 8))
            first = int(offset, 16) // (PAGE_KIB << 10)
            found.update((device, inode, first + i) for i, e in enumerate(entries) if e & PRESENT and e & OF_A_FILE)
    return found


def _own_kib(pid):
    """Memory that is in no file. What processes share of it since a fork is divided among them, so the sum counts it once."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon:"))


def resident_kib(pids):
    """Own memory, and pages of program and libraries, of these processes together (which are all that share own memory)."""
    return sum(_own_kib(p) for p in pids) + PAGE_KIB * len(set().union(*(_file_pages(p) for p in pids)))
