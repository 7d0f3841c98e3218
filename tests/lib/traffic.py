# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic that runs beside a test, and says afterwards what was lost."""

import json
import os
import re
import signal

from world import wait_until

PROBES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probes.py")
PROBE_PORT = 7007


class PingStream:
    """Echo requests from a namespace to an address, 20 a second, until it is stopped."""

    def __init__(self, ns, address, interval=0.05, wait=True):
        self.what = f"{ns.short} to {address}"
        self.process = ns.start(["ping", "-n", "-i", str(interval), "-W", "1", str(address)], name="stream")
        if wait:
            self.process.wait_line(r"icmp_seq=\d+ (ttl|hlim)")

    def answered(self):
        """The sequence numbers that came back so far."""
        with self.process.changed:
            lines = list(self.process.lines)
        return [int(m.group(1)) for line in lines if (m := re.search(r"icmp_seq=(\d+) (?:ttl|hlim)", line))]

    def wait_answers(self, count, timeout=40):
        """Until `count` were answered since the start."""
        wait_until(f"{count} answers of {self.what}", lambda: len(self.answered()) >= count, timeout)

    def stop(self):
        """Ends it and returns the sequence numbers before the last answer that did not come back."""
        self.process.stop(signal.SIGINT)
        got = set(self.answered())
        return [n for n in range(1, max(got) + 1) if n not in got]


def answer_probes(ns):
    """Starts what ProbeStream needs at the other end."""
    ns.start(["/usr/bin/python3", "-u", PROBES, "echo", str(PROBE_PORT)], name=f"{ns.short}:echo").wait_line("ready")


class ProbeStream:
    """A datagram every 10 ms to where answer_probes() was called, and what became of each."""

    def __init__(self, ns, address, interval_ms=10, size=64, timeout=20):
        self.process = ns.start(["/usr/bin/python3", "-u", PROBES, "run", address, str(PROBE_PORT), str(interval_ms), str(size)],
                                name=f"{ns.short}:probes to {address}")
        if timeout:
            self.process.wait_line("flowing", timeout)

    def mark(self):
        return self.process.mark()

    def wait_back(self, mark, timeout=30):
        """Until it flows again after a silence; its length in ms. `mark` is from before whatever made it silent."""
        return int(self.process.wait_line(r"back after (\d+) ms", timeout, mark).group(1))

    def silent(self):
        with self.process.changed:
            said = [line for line in self.process.lines if line.startswith(("silent", "back", "flowing"))]
        return not said or said[-1] == "silent"

    def stop(self):
        """What `result` of probes.py says."""
        self.process.popen.terminate()
        found = json.loads(self.process.wait_line("^result (.*)").group(1))
        self.process.stop()
        return found


__all__ = ["ProbeStream", "PingStream", "answer_probes"]
