# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench-scale: what a hub costs as its network grows. Prints a Markdown table; the raw numbers go to BUILD/bench/scale.json.

One hub in a namespace, one process that plays all spokes in another (tests/bench/swarm), both on this machine's processors: a real
network would leave the hub more of them. Each N is measured in a world of its own, in this order:

    back        kill -9 of the hub and all its parts, started again at once: until the last spoke has link and tunnel session again
    memory      proportional set size of all processes of the hub, without that of the same hub without spokes, for each spoke
    idle        processor time of the hub, in percent of one processor; nobody changes anything
    change      messages to the spokes and bytes on their wire when a node is added and changed, when a change does not concern them (a branch is
                invited, changed and deleted before anybody joins as it), when a spoke flaps
    revocation  a spoke is revoked: from before the request until the hub has each confirmation
    reads       what GETs took meanwhile, from the start of the first revocation to the end of the last
"""

import argparse
import json
import os
import platform
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import measure as m  # noqa: E402  (the path above)
import rest  # noqa: E402
import swarm as sw  # noqa: E402
import world as w  # noqa: E402

FLAPS = 10
READS = ("/api/v1/status?limit=100", "/api/v1/nodes?limit=100", "/api/v1/nodes/s00001", "/api/v1/revision", "/api/v1/subnets?limit=100")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


def hub_cpu(hq):
    return sum(s for _, s in m.tree([hq.daemon]).values())


def hub_pss(hq):
    """KiB of all processes of the hub; shared pages are divided."""
    total = 0
    for pid in m.tree([hq.daemon]):
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def wire_bytes(spokes):
    """Of all IP packets between hub and spokes so far, with acknowledgements of TCP."""
    path = "/sys/class/net/wan/statistics"
    return sum(int(x) for x in spokes.namespace.run(f"cat {path}/rx_bytes {path}/tx_bytes").stdout.split())


def kill_hub(hq):
    """kill -9 of all of it, as a service manager does; returns when nothing is left."""
    pids = list(m.tree([hq.daemon]))
    hq.daemon.popen.kill()
    hq.daemon.popen.wait()
    w.wait_until("all parts are gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))


def measure_back(hq, spokes):
    spokes.ask("reset")
    spokes.ask("restarted")
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    kill_hub(hq)
    hq.start_daemon("hub", "-d0")
    ready = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    got = spokes.wait_all(timeout=120)
    return {"back_s": max(got["up_ms"], got["session_ms"]) / 1000 - began, "links_s": got["up_ms"] / 1000 - began,
            "sessions_s": got["session_ms"] / 1000 - began, "hub_ready_s": ready,
            "hellos": got["sent"]["hello"], "cookies": got["cookies"]}


def measure_idle(hq, seconds):
    before = hub_cpu(hq)
    w.pause(seconds)
    return {"idle_percent": 100 * (hub_cpu(hq) - before) / seconds}


def cost_of(hq, spokes, act):
    """Messages and bytes of what `act` does, the background (pings, reports, keepalives) of an equal time taken off."""
    def counted(do):
        spokes.ask("reset")
        before, began = wire_bytes(spokes), time.monotonic()
        do()
        took = time.monotonic() - began
        got = spokes.stats()
        return {k: v for k, v in got["got"].items() if k != "ping"}, wire_bytes(spokes) - before, took, got

    messages, octets, took, got = counted(act)
    _, background, _, _ = counted(lambda: w.pause(took))
    return {"messages": messages, "bytes": max(0, octets - background), "nodes": got["nodes"], "gone": got["gone"],
            "links_lost": got["links_lost"], "seconds": took}


def confirmed(api, spokes):
    """Until the hub knows that all hold the newest revision, or what is the same to them."""
    revision = api.get("/api/v1/revision")["revision"]
    w.wait_until("all have confirmed", lambda: api.get(f"/api/v1/revisions/{revision}")["applied"] >= spokes.n, 60)


def measure_changes(hq, spokes, api):
    def settled(answer):
        assert answer.status < 300, answer
        confirmed(api, spokes)

    def hidden():
        settled(api.call("POST", "/api/v1/nodes", {"name": "later"}))
        settled(api.call("PATCH", "/api/v1/nodes/later", {"keepalive_s": 20}))
        settled(api.call("DELETE", "/api/v1/nodes/later"))

    def flap():
        for _ in range(FLAPS):
            spokes.ask("flap 1")
            spokes.wait_all()

    # An invited node is told to nobody; one that has joined is. A WireGuard device joins when it is added.
    device = {"name": "device", "kind": "wireguard", "tunnel_key": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="}
    return {
        "add": cost_of(hq, spokes, lambda: settled(api.call("POST", "/api/v1/nodes", device))),
        "change": cost_of(hq, spokes, lambda: settled(api.call("PATCH", "/api/v1/nodes/device", {"keepalive_s": 20}))),
        "hidden": cost_of(hq, spokes, hidden),
        "flap": cost_of(hq, spokes, flap),
    }


class Reader(threading.Thread):
    """GETs, one after the other, 50 a second at most, and how long each took."""

    def __init__(self, hq):
        super().__init__(daemon=True)
        self.api = rest.Rest(hq)
        self.over = threading.Event()
        self.ms = []

    def run(self):
        while not self.over.wait(0.02):
            for path in READS:
                began = time.monotonic()
                got = self.api.call("GET", path)
                assert got.status == 200, (path, got)
                self.ms.append(1000 * (time.monotonic() - began))
                if self.over.wait(0.02):
                    return


def acked_ms(hq, revision):
    """Wall clock of every confirmation of a revision, as the hub wrote it down."""
    rows = w.run(["sqlite3", "-cmd", ".timeout 5000", os.path.join(hq.state, "presence.db"),
                  f"SELECT acked_ms FROM presence WHERE online = 1 AND acked_revision >= {revision} AND node_id > 1"]).stdout
    return [int(x) for x in rows.split()]


def measure_revocations(hq, spokes, api, count):
    took, reader = [], Reader(hq)
    reader.start()
    for _ in range(count):
        spokes.n -= 1
        began = time.time() * 1000
        got = api.call("POST", f"/api/v1/nodes/s{spokes.n:05}/revoke", {"reason": "bench"})
        assert got.status == 200, got
        revision = api.get("/api/v1/revision")["revision"]
        w.wait_until("all have confirmed", lambda revision=revision: len(acked_ms(hq, revision)) >= spokes.n)
        took += [x - began for x in acked_ms(hq, revision)]
        w.pause(0.5)
    reader.over.set()
    reader.join()
    return {"revocations": count, "confirmed": len(took), "confirm_p50_ms": percentile(took, 0.5), "confirm_p99_ms": percentile(took, 0.99),
            "confirm_max_ms": max(took), "reads": len(reader.ms), "read_p50_ms": percentile(reader.ms, 0.5),
            "read_p99_ms": percentile(reader.ms, 0.99), "read_max_ms": max(reader.ms)}


def measure_one(n, idle_s, revocations):
    began = time.monotonic()

    def stage(name):
        print(f"  {time.monotonic() - began:5.1f} s  {name}", file=sys.stderr, flush=True)

    with w.World() as world:
        stage("a hub without spokes")
        hq = sw.seeded_hub(world, 0, options=("-d0",))
        empty = hub_pss(hq)
        hq.daemon.stop()
        stage("their entries in the directory")
        hq.seeded = sw.seed(world, hq, n)
        hq.start_daemon("hub", "-d0")
        stage("spokes dial")
        spokes = sw.Swarm(world, hq, n)
        spokes.wait_all()
        api = rest.Rest(hq)
        result = {"spokes": n, "memory_kib": (hub_pss(hq) - empty) / n}
        stage("changes")
        result.update(measure_changes(hq, spokes, api))
        stage("idle")
        result.update(measure_idle(hq, idle_s))
        stage("revocations")
        result.update(measure_revocations(hq, spokes, api, revocations))
        stage("kill -9")
        result.update(measure_back(hq, spokes))
        stage("done")
        result["took_s"] = time.monotonic() - began
        return result


def each(cost, n):
    """Messages and bytes for each spoke."""
    return f"{sum(cost['messages'].values()) / n:.2f} / {cost['bytes'] / n:.0f} B"


def to_others(flap):
    """All but what the spoke that flaps is told itself: its welcomes, and the number of the revisions that did not concern it."""
    return sum(flap["messages"].values()) - FLAPS - min(1, flap["messages"].get("directory", 0))


ROWS = (
    ("all back after kill -9 of the hub, from the kill on", "<= 30 s", lambda r: f"{r['back_s']:.1f} s"),
    ("... of it until the hub is there again", "", lambda r: f"{r['hub_ready_s']:.1f} s"),
    ("... of it until all sessions are there", "", lambda r: f"{r['sessions_s']:.1f} s"),
    ("... of it until all links are up", "", lambda r: f"{r['links_s']:.1f} s"),
    ("hub memory, each connected spoke", "<= 28 KiB", lambda r: f"{r['memory_kib']:.1f} KiB"),
    ("idle hub, of one processor", "<= 5 %", lambda r: f"{r['idle_percent']:.1f} %"),
    ("node added: messages / bytes to each", "the delta", lambda r: each(r["add"], r["spokes"])),
    ("node changed: messages / bytes to each", "the delta", lambda r: each(r["change"], r["spokes"])),
    ("change that concerns no spoke, 3 times: messages to all", "0", lambda r: f"{sum(r['hidden']['messages'].values())}"),
    ("spoke flaps 10 times: messages to all others", "0", lambda r: f"{to_others(r['flap'])}"),
    ("revocation confirmed, p50", "", lambda r: f"{r['confirm_p50_ms']:.0f} ms"),
    ("revocation confirmed, p99", "<= 1 s", lambda r: f"{r['confirm_p99_ms']:.0f} ms"),
    ("API reads meanwhile, p50", "", lambda r: f"{r['read_p50_ms']:.1f} ms"),
    ("API reads meanwhile, p99", "<= 50 ms", lambda r: f"{r['read_p99_ms']:.1f} ms"),
)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    openssl = w.run(["openssl", "version"]).stdout.strip()
    limit = w.run(["sh", "-c", "ulimit -Hn"]).stdout.strip()
    return (f"{os.cpu_count()} processors ({model}), Linux {platform.release()}, {openssl}, at most {limit} open files a process; "
            "hub with default settings, TLS 1.3, no tickets, every spoke may see every other")


def report(results):
    print(f"\n{machine()}\n")
    print("| | aim | " + " | ".join(f"{r['spokes']:,} spokes" for r in results) + " |")
    print("|---|---|" + "---:|" * len(results))
    for name, aim, value in ROWS:
        print(f"| {name} | {aim} | " + " | ".join(value(r) for r in results) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--spokes", default="100,1000,10000", help="numbers of spokes (default 100,1000,10000)")
    p.add_argument("--idle", type=float, default=10, help="seconds of the idle measurement")
    p.add_argument("--revocations", type=int, default=5)
    p.add_argument("--from", dest="source", help="print the table of a file of raw numbers")
    args = p.parse_args()
    if args.source:
        with open(args.source, encoding="utf-8") as f:
            report(json.load(f))
        return
    results = []
    for n in map(int, args.spokes.split(",")):
        print(f"{n} spokes ...", file=sys.stderr, flush=True)
        results.append(measure_one(n, args.idle, args.revocations))
    folder = os.path.join(w.BUILD, "bench")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "scale.json"), "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
    report(results)


if __name__ == "__main__":
    main()
