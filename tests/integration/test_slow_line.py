# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch with a slow line, whose queue is at the branch itself: a call does not wait behind what others send.

    host --- linodeHQ ==== internet ====[ 10 Mbit/s, room for 1.5 MB ]--- linode1 --- host: TCP streams and a call

The line's queue holds more than a second, and the socket's buffer three.
"""

import json
import os
import statistics

import pytest

import world as w

VOICE = os.path.join(os.path.dirname(w.__file__), "voice.py")
LINE_BIT = 10_000_000
STREAMS = 16
SECONDS = 5
# A packet takes 12 ms beside the streams, and 600 if nothing is done about it; what is between is for machines that others keep busy.
MEDIAN_MS = 200
# Of the line, headers not counted: letting packets wait must not leave it idle.
USED = 0.6


@pytest.fixture(scope="module", name="net")
def slow_branch():
    with w.World() as world:
        hq = world.headquarters()
        one = world.branch(hq, "linode1", 1)
        shaped = one.server.run(f"tc qdisc replace dev wan root tbf rate {LINE_BIT} burst 16kb limit 1500000", check=False)
        if shaped.returncode:
            pytest.skip("this kernel has no tbf")
        one.host.wait_ping(hq.host4)
        yield hq, one


def test_call_beside_transfers(net):
    hq, one = net
    sink = hq.host.start(["iperf3", "-s", "-1", "-i", "1", "--forceflush"], name="iperf3-s")
    sink.wait_line("Server listening")
    source = one.host.start(["iperf3", "-c", hq.host4, "-t", "60", "-P", str(STREAMS), "-i", "1", "--forceflush"], name="iperf3-c")
    # Past its beginning, when a stream sends twice as much each round trip.
    for _ in range(3):
        source.wait_line(r"\[SUM\].*bits/sec", 60, source.mark())
    before, began = bytes_sent(one), clock(one)

    answering = hq.host.start(["/usr/bin/python3", "-u", VOICE, "answer"], name="answering")
    answering.wait_line("ready")
    one.host.run(["/usr/bin/python3", VOICE, "call", hq.host4, str(SECONDS)], timeout=SECONDS + 60)
    used = (bytes_sent(one) - before) * 8 / (clock(one) - began) / LINE_BIT
    answering.popen.wait(30)
    answering.reader.join(30)
    heard = json.loads(answering.lines[-1])
    delays = [us / 1000 for us in heard["delays_us"]]
    source.stop()
    sink.stop()

    print(f"median {statistics.median(delays):.1f} ms, worst {max(delays):.1f} ms, {len(delays)} of {heard['expected']} heard, "
          f"{used:.0%} of the line used")
    assert statistics.median(delays) < MEDIAN_MS
    assert len(delays) > 0.9 * heard["expected"]
    assert used > USED


def bytes_sent(branch):
    return int(branch.server.run("cat /sys/class/net/wan/statistics/tx_bytes").stdout)


def clock(branch):
    return float(branch.server.run("cat /proc/uptime").stdout.split()[0])
