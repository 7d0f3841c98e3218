# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packets can be lost, and retransmissions: the counters of sites, kernel and daemon, and which of them have changed.

    before = losses.snapshot(sites)
    ...
    print(losses.changes(before, losses.snapshot(sites)))

What every machine has only once is "machine": the queues of its processors, which all namespaces share, so that a flood anywhere
costs packets everywhere.
"""

import json
import os
import re

import world as w

# Of nstat's counters those that tell of something lost, late or refused.
TELLING = re.compile(r"Discard|Drop|Err|Retrans|Timeout|Overflow|Prune|NoRoute|Unreach|Fail|TooBig|Backlog|Collapse|Abort|Lost|ZeroWindow")


def numbers(value, path=()):
    """The numbers in nested objects and lists, by path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*path, str(key)))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from numbers(inner, (*path, str(at)))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield " ".join(path), value


def kernel(namespace):
    """Protocols, devices and UDP sockets of a namespace."""
    found = {}
    protocols = json.loads(namespace.run(["nstat", "-a", "-s", "-j"]).stdout)["kernel"]
    found |= {name: n for name, n in protocols.items() if TELLING.search(name)}
    for device in json.loads(namespace.run(["ip", "-j", "-s", "link"]).stdout):
        for name, n in numbers(device["stats64"]):
            if "dropped" in name or "errors" in name:
                found[f"{device['ifname']} {name}"] = n
    for line in namespace.run(["ss", "-H", "-u", "-a", "-n", "-m"]).stdout.replace("\n\t", " ").splitlines():
        words = line.split()
        dropped = re.search(r"skmem:\(.*,d(\d+)\)", line)
        if dropped and len(words) > 3:
            found[f"UDP {words[3]} dropped"] = int(dropped.group(1))
    return found


def machine():
    """Packets that a processor's queue had no room for."""
    with open("/proc/net/softnet_stat", encoding="utf-8") as f:
        return {f"processor {at} dropped": int(line.split()[1], 16) for at, line in enumerate(f)}


def daemon(site):
    """What a daemon says that it has dropped, and how many sessions it has made."""
    kind = "hub" if os.path.exists(os.path.join(site.etc, "hub.conf")) else "spoke"
    engine = site.json(kind, "status").get("engine") or {}
    return {f"engine {name}": n for name, n in numbers({k: engine.get(k, 0) for k in ("drops", "handshakes")})}


def snapshot(sites):
    """(where, counter) -> number. A daemon that does not answer has none."""
    found = {("machine", name): n for name, n in machine().items()}
    for site in sites:
        for namespace in filter(None, (site.server, site.host)):
            found |= {(namespace.short, name): n for name, n in kernel(namespace).items()}
        try:
            found |= {(site.name, name): n for name, n in daemon(site).items()}
        except (w.Failed, OSError, ValueError):
            continue
    return found


def changes(before, after):
    """What has grown, a line for each place."""
    lines = {}
    for (where, name), n in sorted(after.items()):
        if n != before.get((where, name), 0):
            lines.setdefault(where, []).append(f"{name} {n - before.get((where, name), 0):+g}")
    return "\n".join(f"{where}: {', '.join(names)}" for where, names in lines.items()) or "no counter of losses has changed"
