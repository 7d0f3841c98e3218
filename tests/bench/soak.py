# SPDX-License-Identifier: GPL-3.0-or-later
"""make soak: a hub and three branches under mixed load for half an hour. Memory stays flat, no part is started anew, nothing is forged.

    linode1 LAN --TCP, both directions--> linodeHQ LAN        linode3 LAN --UDP, all sizes--> linodeHQ LAN
    linode2 LAN --TCP, both directions--> linode3 LAN         linode1 LAN --random streams, compared--> linode2 LAN

Fails if the memory of a process at the end is larger than after the warm-up by more than a bound, if any process of a daemon ended,
if an engine counted a malformed or unauthentic packet, if a stream came out changed, or if a daemon or a sanitizer complained.

With --hub-away (default 10 minutes, a build that renews sessions every 6 s): the network of tests/lib/away.py, whose hub is killed and stays
away; spokes restart and meet again in turns. Fails if a packet between two direct neighbours is lost, before, during and after its return.
"""

import argparse
import json
import os
import random
import re
import signal
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import losses  # noqa: E402  (the path above)
import measure as m  # noqa: E402
import world as w  # noqa: E402
from away import HubAway  # noqa: E402

STREAMS = os.path.join(HERE, "..", "lib", "streams.py")
SAMPLE_S = 2
WARM_UP = 0.25
COMPLAINT = re.compile(r"Sanitizer|runtime error:|\bBUG\b|ended with (code|signal)")
FORGED = ("malformed", "auth")
# Of iperf3's own connections, which share a line with as much UDP as it takes.
FAILED_SHARE = 0.05


class Load:
    """One kind of traffic between two hosts, one run after the other; `argv(rng)` says what the next one is."""

    def __init__(self, source, argv, name):
        self.source = source
        self.argv = argv
        self.name = name
        self.process = None
        self.done = 0
        self.failed = []

    def go_on(self, rng):
        if self.process and self.process.alive():
            return
        self.finish()
        self.process = self.source.start(self.argv(rng), name=self.name)

    def finish(self):
        """Takes the result; a run that is cut short has none but what it has found already."""
        if not self.process:
            return
        cut_short = self.process.alive()
        code = self.process.stop(signal.SIGTERM)
        self.done += 1
        wrong = self.judge(list(self.process.lines), code, cut_short)
        if wrong:
            self.failed.append(wrong)
        self.source.world.processes.remove(self.process)
        self.process = None

    def judge(self, lines, code, cut_short):
        """What was wrong with a run, or nothing."""
        return (lines or ["without a word"])[-1] if code and not cut_short else ""

    def verdict(self):
        allowed = 2 + FAILED_SHARE * self.done
        return [f"{self.name}: {len(self.failed)} of {self.done} runs failed: {self.failed[0]}"] if len(self.failed) > allowed else []


class Compared(Load):
    """Random streams between the hosts of two sites, each compared with what was sent. One that differs or stands still is a finding;
    with it is kept what there is to judge it by: both ends of the connection, the daemons, and the counters of all on the way."""

    def __init__(self, source, sink, mtu):
        super().__init__(source.host, None, "compared")
        self.argv = self.next_run
        self.ends = (source, sink)
        self.mtu = mtu
        self.server = serve_streams(sink)
        self.before = self.mark = None

    def next_run(self, rng):
        sink = self.ends[1]
        self.before, self.mark = losses.snapshot(self.ends), self.server.mark()
        job = {"address": {"4": sink.host4, "6": sink.host6}, "mtu": self.mtu, "hops": 2, "seed": rng.randrange(1 << 30), "tcp": 8,
               "size": 4_000_000, "udp": 0, "bursts": 0}
        return ["/usr/bin/python3", STREAMS, "run", json.dumps(job)]

    def judge(self, lines, code, cut_short):
        if lines == ["[]"] or (cut_short and not lines):
            return ""
        return "\n".join([*self.errors(lines), "the other end:", *self.server.lines[self.mark:], "what was lost meanwhile:",
                          losses.changes(self.before, losses.snapshot(self.ends)),
                          *(site.spoke("status", "--verbose", check=False).stdout for site in self.ends)])

    @staticmethod
    def errors(lines):
        try:
            return [str(e) for e in json.loads(lines[-1])]
        except (ValueError, IndexError):
            return lines or ["it ended without a word"]

    def verdict(self):
        return [f"{self.name}: {len(self.failed)} of {self.done} runs failed: {self.failed[0]}"] if self.failed else []


def iperf(address, port, udp=False):
    """An iperf3 client of random duration, direction, number of streams or size."""
    def argv(rng):
        common = ["iperf3", "-c", address, "-p", str(port), "-t", str(rng.randrange(3, 12)), "-i", "0"]
        if rng.random() < 0.5:
            common.append("-R")
        if udp:
            return [*common, "-u", "-b", f"{rng.randrange(5, 150)}M", "-l", str(rng.randrange(16, 1340))]
        return [*common, "-P", str(rng.randrange(1, 5)), "-C", rng.choice(("cubic", "reno"))]
    return argv


def serve_streams(site):
    server = site.host.start(["/usr/bin/python3", "-u", STREAMS, "serve"], name="streams")
    server.wait_line("ready")
    return server


def loads(hq, branches):
    one, two, three = branches
    for site in (hq, *branches):
        for port in (5201, 5202):
            site.host.start(["iperf3", "-s", "-p", str(port), "--forceflush"], name="iperf3 server").wait_line("listening")
    mtu = int(one.server.run(f"cat /sys/class/net/{w.NET}/mtu").stdout)
    return [
        Load(one.host, iperf(hq.host4, 5201), "TCP direct"),
        Load(two.host, iperf(three.host6, 5201), "TCP between branches"),
        Load(three.host, iperf(hq.host4, 5202, udp=True), "UDP direct"),
        Compared(one, two, mtu),
    ]


def resident(site):
    """"site/role" -> (pid, MiB) of all processes of a daemon."""
    found = {}
    for pid, (name, _) in m.tree([site.daemon]).items():
        try:
            with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
                role = name if pid != site.daemon_pid() else "monitor"
                found[f"{site.name}/{role}"] = (pid, int(f.read().split()[1]) * m.PAGE / 2**20)
        except OSError:
            continue
    return found


def drops(value):
    """The first "drops" object anywhere in a status, or None: not every status has one."""
    if isinstance(value, dict):
        if isinstance(value.get("drops"), dict):
            return value["drops"]
        value = list(value.values())
    if isinstance(value, list):
        return next((d for v in value if (d := drops(v)) is not None), None)
    return None


def growth(samples):
    """process -> (MiB after the warm-up, MiB at the end), each the median of a tenth of the samples."""
    tenth = max(1, len(samples) // 10)
    start = min(int(len(samples) * WARM_UP), len(samples) - tenth)
    return {what: tuple(statistics.median(s[what] for s in part if what in s)
                        for part in (samples[start:start + tenth], samples[-tenth:]))
            for what in samples[0] if what in samples[-1]}


def growth_table(samples):
    lines = ["| process | MiB after warm-up | at the end | growth |", "|---|---|---|---|"]
    lines += [f"| {what} | {a:.2f} | {b:.2f} | {b - a:+.2f} |" for what, (a, b) in sorted(growth(samples).items())]
    return "\n".join(lines)


class Soak:
    GOOD = "flat memory, no restart, nothing forged"

    def __init__(self, world, options):
        self.options = options
        self.rng = random.Random(options.seed)
        self.hq = world.headquarters()
        self.branches = [world.branch(self.hq, f"linode{i}", i) for i in (1, 2, 3)]
        self.sites = [self.hq, *self.branches]
        for b in self.branches:
            b.host.wait_ping(self.hq.host4)
        self.branches[1].host.wait_ping(self.branches[2].host6)
        self.loads = loads(self.hq, self.branches)
        self.samples = []
        self.problems = []

    def run(self):
        end = time.monotonic() + self.options.minutes * 60
        first = self.sample()
        while time.monotonic() < end and not self.problems:
            for load in self.loads:
                load.go_on(self.rng)
            w.pause(SAMPLE_S)
            now = self.sample()
            gone = [what for what, (pid, _) in first.items() if now.get(what, (None,))[0] != pid]
            self.problems += [f"{what} has ended" for what in gone]
        for load in self.loads:
            load.finish()
            self.problems += load.verdict()
        self.check_drops()
        self.check_memory()
        self.check_stop()

    def sample(self):
        now = {}
        for site in self.sites:
            now |= resident(site)
        self.samples.append({what: mib for what, (_, mib) in now.items()})
        return now

    def check_drops(self):
        for site, kind in ((self.hq, "hub"), *((b, "spoke") for b in self.branches)):
            counted = drops(site.json(kind, "status"))
            if counted is None:
                print(f"{site.name}: its status shows no drops", file=sys.stderr)
                continue
            self.problems += [f"{site.name}: {counted[k]} packets dropped as {k}" for k in FORGED if counted.get(k)]

    def check_memory(self):
        for what, (before, after) in growth(self.samples).items():
            if after - before > self.options.bound_mib:
                self.problems.append(f"{what} has grown from {before:.2f} to {after:.2f} MiB")

    def check_stop(self):
        """Leaks are reported by a sanitizer when a process ends, so all are stopped before the logs are read."""
        for site in reversed(self.sites):
            mark = site.daemon.mark()
            code = site.daemon.stop(timeout=30)
            if code:
                self.problems.append(f"{site.name} ended with {code}")
            # That its parts end now is as it should be; how, a sanitizer says.
            lines = site.daemon.lines[:mark] + [x for x in site.daemon.lines[mark:] if "Sanitizer" in x or "runtime error:" in x]
            self.problems += [f"{site.name}: {line}" for line in lines if COMPLAINT.search(line)][:5]

    def table(self):
        return "\n".join([growth_table(self.samples), "", *(f"- {x.name}: {x.done} runs, {len(x.failed)} failed" for x in self.loads),
                          *(f"  {x.name}: {reason.splitlines()[0]}" for x in self.loads for reason in x.failed)])


class AwaySoak:
    """The hub is away for the whole time; what tests/integration/test_hub_away.py does once is done again and again."""

    GOOD = "flat memory, no packet lost"

    def __init__(self, world, options):
        self.options = options
        self.away = HubAway(world)
        self.samples = []
        self.turns = 0
        self.problems = []

    def run(self):
        end = time.monotonic() + self.options.minutes * 60
        self.away.leave()
        while time.monotonic() < end:
            self.away.restart_spoke()
            self.away.meet_again()
            self.away.wait_renewals(self.away.renewals() + 2)
            self.samples.append({what: kib / 1024 for what, kib in self.away.memory().items()})
            self.turns += 1
        renewed = self.away.renewals()
        result = self.away.come_back()
        print(f"{self.turns} turns, {renewed} sessions renewed, {result['sent']} packets between direct neighbours, "
              f"{len(result['lost'])} lost, longest wait {result['slowest_ms']} ms")
        self.problems += [f"packets {result['lost'][:10]} were lost"] if result["lost"] else []
        for what, (before, after) in growth(self.samples).items():
            if after - before > self.options.bound_mib:
                self.problems.append(f"{what} has grown from {before:.2f} to {after:.2f} MiB")

    def table(self):
        return growth_table(self.samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--hub-away", action="store_true")
    parser.add_argument("--minutes", type=float, help="default 30, or 10 with --hub-away")
    parser.add_argument("--build", help="folder of the programs, of a sanitizer for example")
    parser.add_argument("--bound-mib", type=float, default=1, help="how much a process may grow after the warm-up")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.minutes = options.minutes or (10 if options.hub_away else 30)
    options.build = options.build or (os.path.join(w.BUILD, "fast") if options.hub_away else w.BUILD)
    # AddressSanitizer keeps what was freed: what we free in half an hour looks like a leak. Without that memory has to be flat.
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with w.World(build=options.build) as world:
        soak = (AwaySoak if options.hub_away else Soak)(world, options)
        soak.run()
        folder = os.path.join(os.path.abspath(options.build), "bench")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "soak-away.json" if options.hub_away else "soak.json"), "w", encoding="utf-8") as f:
            json.dump({"minutes": options.minutes, "samples": soak.samples, "problems": soak.problems}, f)
        print(soak.table())
        for p in soak.problems:
            print(f"- **{p}**")
        print(f"{options.minutes:g} minutes: " + ("failed" if soak.problems else soak.GOOD))
    sys.exit(1 if soak.problems else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; all that was made is taken away")
