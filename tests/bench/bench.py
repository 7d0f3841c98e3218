# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: Branchline beside other tunnels, in one run, on the same cables.

Every round visits every peer, in another order each time. A visit sets a peer up from nothing, measures it and takes it away.
Prints Markdown tables; the raw numbers go to build/bench/. Both ends and both iperf3 share this machine's processors, so what
counts is the ratio to another peer of the same run, not the figure.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import measure as m  # noqa: E402  (the path above)
import ours  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import world as w  # noqa: E402
from bed import Bed, mtu  # noqa: E402

PARTS = ("tcp", "udp", "ping", "voip", "slow", "wire", "loss")
VOICE_STREAMS = (0, 1, 4)
LOSS_PER_MILLE = (0, 1, 10)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Visit:
    """One peer on one bed in one round; `values` collects what was measured, `errors` what went wrong."""

    def __init__(self, peer, options, values):
        self.peer = peer
        self.seconds = options.seconds
        self.parts = options.parts
        self.values = values
        self.bed = None
        self.sink = None
        self.address = None

    def run(self, kind):
        # A world that fails shows what its processes said; standard output is for the tables.
        with contextlib.redirect_stdout(sys.stderr), w.World() as world:
            self.bed = Bed(world, kind)
            self.peer.open(self.bed)
            self.peer.prepare()
            self.sink, self.address = self.peer.sink()
            self.connect(kind)
            if kind == "loss":
                self.lossy()
            else:
                self.plain()

    def connect(self, kind):
        probe = m.FirstReply(self.bed.spoke, self.address)
        probe.began()
        self.peer.start_spoke()
        first_ms = probe.wait()
        self.peer.settle()
        if kind != "loss":
            self.values["first_reply_ms"] = first_ms if self.peer.ends else None
            self.values["mtu"] = mtu(self.bed.spoke, self.peer.device())

    def attempt(self, key, measurement, *args):
        """Measures; what fails is left out of the tables and named below them."""
        try:
            self.values[key] = measurement(*args)
        except (w.Failed, OSError, ValueError, KeyError, IndexError, w.subprocess.TimeoutExpired) as e:
            self.values.setdefault("errors", []).append(f"{key}: {str(e).splitlines()[0][:300] if str(e) else repr(e)}")

    def tcp(self, key, streams):
        self.attempt(key, m.tcp, self.bed.spoke, self.sink, self.address, self.seconds, streams, self.peer.ends)

    def plain(self):
        source = self.bed.spoke
        self.values["memory_idle"] = m.memory(self.peer.ends)
        if "ping" in self.parts:
            self.attempt("ping_idle", m.ping, source, self.address, max(50, int(100 * self.seconds)))
        if "tcp" in self.parts:
            self.tcp("tcp1", 1)
            self.tcp("tcp4", 4)
        if "udp" in self.parts:
            for size in (64, 1200):
                self.attempt(f"udp{size}", m.udp, source, self.sink, self.address, self.seconds, size)
            self.attempt("udp1200_usual", m.udp, source, self.sink, self.address, self.seconds, 1200, False)
        if "ping" in self.parts:
            self.attempt("ping_loaded", m.ping_under_load, source, self.sink, self.address, self.seconds)
        if "voip" in self.parts:
            for streams in VOICE_STREAMS:
                self.attempt(f"voice{streams}", m.voice, source, self.sink, self.address, self.seconds, streams)
        self.values["memory_after"] = m.memory(self.peer.ends)
        if "slow" in self.parts and self.bed.kind == "plain":
            self.slow()
        if "wire" in self.parts and self.bed.kind == "plain":
            self.bed.wire()
            self.tcp("wire1", 1)

    def slow(self):
        self.bed.slow()
        source = self.bed.spoke
        for streams in VOICE_STREAMS:
            self.attempt(f"slow_voice{streams}", m.voice, source, self.sink, self.address, self.seconds, streams)
        self.tcp("slow_tcp4", 4)
        self.bed.fast()

    def lossy(self):
        for per_mille in LOSS_PER_MILLE:
            self.bed.lose(per_mille)
            self.tcp(f"loss{per_mille}", 1)


def measure_peer(peer, options):
    values = {"foreign_load": m.foreign_load()}
    for kind in peer.beds:
        if kind == "loss" and "loss" not in options.parts:
            continue
        try:
            Visit(peer, options, values).run(kind)
        except (w.Failed, OSError, w.subprocess.TimeoutExpired) as e:
            values.setdefault("errors", []).append(f"{kind}: {e}"[-1500:])
    return values


def order_of(names, number, seed):
    """Round by round another order; the same for the same seed."""
    shuffled = list(names)
    random.Random(seed + number).shuffle(shuffled)
    return shuffled


def choose(options):
    known = {c.name: c for c in (*peers.ALL, *ours.ALL)}
    wanted = options.peers.split(",") if options.peers else list(known)
    unknown = [n for n in wanted if n not in known and n != "ours"]
    if unknown:
        sys.exit(f"unknown peer {unknown[0]}; there are: {', '.join(known)}")
    if "ours" in wanted:
        wanted = [n for n in known if n in wanted or known[n].is_ours]
    chosen, skipped = {}, {}
    for name in wanted:
        peer = known[name]()
        why = peer.missing()
        if why:
            skipped[name] = why
        else:
            chosen[name] = peer
    return chosen, skipped


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    return {
        "cpus": os.cpu_count(),
        "model": model,
        "kernel": os.uname().release,
        "iperf3": w.run(["iperf3", "--version"]).stdout.split("\n")[0].split(" (")[0],
        "openssl": w.run(["openssl", "version"]).stdout.strip(),
    }


def measure(options):
    chosen, skipped = choose(options)
    for name, why in skipped.items():
        say(f"without {name}: {why}")
    result = {
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "seconds": options.seconds,
        "parts": list(options.parts),
        "skipped": skipped,
        "peers": {n: {"version": p.version(), "settings": p.settings, "ours": p.is_ours} for n, p in chosen.items()},
        "rounds": [],
    }
    for number in range(options.rounds):
        values = {}
        result["rounds"].append(values)
        for name in order_of(chosen, number, options.seed):
            began = time.monotonic()
            values[name] = measure_peer(chosen[name], options)
            tcp1 = values[name].get("tcp1", {}).get("mbit")
            say(f"round {number + 1}/{options.rounds} {name}: " + (f"{tcp1:.0f} Mbit/s, " if tcp1 else "")
                + f"{time.monotonic() - began:.0f} s")
            for error in values[name].get("errors", ()):
                say(f"  {error}")
            save(result, options.out)
    return result


def save(result, folder):
    """After each visit, so that an interrupted run is worth something."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, result["began"].replace(":", "") + ".json")
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    os.replace(path + ".new", path)
    return path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each stream")
    parser.add_argument("--peers", help="a,b,c; 'ours' is all of ours; default: all there are")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one round, one second: is everything there and does it run")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--out", default=os.path.join(w.BUILD, "bench"), help="folder of the raw numbers")
    parser.add_argument("--from", dest="source", metavar="FILE", help="measure nothing, print the tables of a raw file")
    options = parser.parse_args()
    options.parts = tuple(options.parts.split(","))
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {unknown.pop()}")
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


def main():
    options = arguments()
    if options.source:
        with open(options.source, encoding="utf-8") as f:
            print(report.markdown(json.load(f)))
        return
    # SIGTERM ends it as Ctrl-C does: worlds take away what they made.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = measure(options)
    text = report.markdown(result)
    path = save(result, options.out)
    with open(os.path.splitext(path)[0] + ".md", "w", encoding="utf-8") as f:
        f.write(text + "\n")
    print(text)
    say(f"raw numbers: {path}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; all that was made is taken away")
