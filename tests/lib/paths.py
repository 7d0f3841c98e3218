# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of paths have in common: what spokes say of their peers, and tables of what was found."""

import os

import world as w


def peers(site):
    """Name -> the peer's entry in a spoke's status."""
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}


def path(site, other):
    return peers(site)[other.name]["path"]


def overlay(hq):
    """Name -> the node's IPv4 address in the overlay."""
    return {n["name"]: w.address_of(n) for n in hq.json("hub", "status")["nodes"]}


def wait_path(one, two, wanted, timeout=60):
    """Until both say that packets to the other take this path."""
    w.wait_until(f"{one.name} and {two.name}: {wanted}", lambda: path(one, two) == path(two, one) == wanted, timeout)


def wait_all_online(hq, timeout=70):
    w.wait_until("all links are up", lambda: all(n["online"] for n in hq.json("hub", "status")["nodes"]), timeout)


def kill(site):
    """kill -9 of a whole daemon; returns when nothing of it is left."""
    pids = [site.daemon_pid(), *map(int, w.run(["pgrep", "-P", str(site.daemon_pid())]).stdout.split())]
    site.daemon.popen.kill()
    site.daemon.popen.wait(10)
    for pid in pids:
        w.wait_until("workers end with their monitor", lambda p=pid: not os.path.exists(f"/proc/{p}"))


def columns(rows):
    """Rows of cells as lines, the cells of each column below each other."""
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def report(capsys, name, text):
    """Shown while the tests run, and kept with the build."""
    folder = os.path.join(w.BUILD, "reports")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text + "\n")
    with capsys.disabled():
        print(f"\n{text}")


__all__ = ["columns", "kill", "overlay", "path", "peers", "report", "wait_all_online", "wait_path"]
