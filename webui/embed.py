#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the admin page's files, compressed, into a C file: embed.py OUT.c [DIR]; without DIR the table is empty."""
import gzip
import hashlib
import os
import re
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
HASHED = re.compile(r"-[0-9A-Z]{8}\.(js|css)$")
PER_LINE = 24


def rows_of(folder):
    """(C definitions, table rows) of all files of a folder, by name."""
    definitions, rows = [], []
    for number, name in enumerate(sorted(os.listdir(folder))):
        with open(os.path.join(folder, name), "rb") as f:
            plain = f.read()
        packed = gzip.compress(plain, 9, mtime=0)
        lines = [",".join(str(b) for b in packed[i:i + PER_LINE]) for i in range(0, len(packed), PER_LINE)]
        definitions.append(f"static const unsigned char file_{number}[] = {{\n" + ",\n".join(lines) + "\n};\n")
        rows.append(
            f'\t{{ "{name}", "{TYPES[os.path.splitext(name)[1]]}", "{hashlib.sha256(plain).hexdigest()[:32]}", '
            f"(const char *)file_{number}, {len(packed)}, {len(plain)}, {'true' if HASHED.search(name) else 'false'} }},"
        )
    return definitions, rows


def main(target, folder=None):
    definitions, rows = rows_of(folder) if folder else ([], [])
    temporary = target + ".new"
    with open(temporary, "w", encoding="ascii") as f:
        f.write("/* SPDX-License-Identifier: GPL-3.0-or-later */\n/* Made by webui/embed.py. */\n")
        f.write('#include "hub/api/webui.h"\n\n')
        f.write("\n".join(definitions))
        f.write("\nconst struct webui_file webui_files[] = {\n" + "\n".join([*rows, "\t{ 0 }"]) + "\n};\n")
        f.write(f"const size_t webui_n_files = {len(rows)};\n")
    os.replace(temporary, target)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
