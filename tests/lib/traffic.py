# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic that runs beside a test, and says afterwards what was lost."""

import re
import signal

from world import wait_until


class PingStream:
    """Echo requests from a namespace to an address, 20 a second, until it is stopped."""

    def __init__(self, ns, address, interval=0.05):
        self.what = f"{ns.short} to {address}"
        self.process = ns.start(["ping", "-n", "-i", str(interval), "-W", "1", str(address)], name="stream")
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


__all__ = ["PingStream"]
