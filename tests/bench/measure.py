# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement each: iperf3, ping, processor time, memory, and how long until the first answer."""

import contextlib
import json
import os
import re
import time

import world as w

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
IPERF_GRACE_S = 20
# iperf3's socket buffers in the UDP test. A receiver with the usual 208 KiB, which has to share two processors with a sender that takes
# one for itself, loses there half of what a fast tunnel hands it: a tenth of a millisecond of packets is all that goes in.
UDP_BUFFER = "2M"
VOICE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "voice.py")

# Runs in a namespace: an echo request every 3 ms to an address until one comes back, then the time of that.
# No route and no device are as good as no answer: the daemon that makes them is only being started.
PROBE = r"""
import os, select, socket, struct, sys, time
ident = os.getpid() & 0xFFFF
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready", flush=True)
for n in range(20000):
    head = struct.pack("!BBHHH", 8, 0, 0, ident, n & 0xFFFF)
    total = sum(struct.unpack("!4H", head))
    total = (total & 0xFFFF) + (total >> 16)
    try:
        s.sendto(head[:2] + struct.pack("!H", ~total & 0xFFFF) + head[4:], (sys.argv[1], 0))
    except OSError:
        pass
    end = time.monotonic() + 0.003
    while (left := end - time.monotonic()) > 0:
        if select.select([s], [], [], left)[0]:
            packet = s.recv(2000)
            if packet[20] == 0 and packet[24:26] == ident.to_bytes(2, "big"):
                print("first", time.monotonic(), flush=True)
                sys.exit()
"""


# --- processes ------------------------------------------------------------------------------------

def parents():
    """pid -> (parent, processor seconds, name) of everything that runs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        fields = tail.split()
        found[int(pid)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICK, head.split("(", 1)[1])
    return found


def tree(processes):
    """pid -> (name, processor seconds) of processes and all that descends from them."""
    everything = parents()
    wanted = [p.popen.pid for p in processes]
    found = {}
    while wanted:
        pid = wanted.pop()
        if pid in everything:
            found[pid] = (everything[pid][2], everything[pid][1])
            wanted += [child for child, (parent, _, _) in everything.items() if parent == pid]
    return found


def cpu_seconds(ends):
    """End -> processor seconds so far of its daemon, all processes and threads."""
    return {end: sum(s for _, s in tree(processes).values()) for end, processes in ends.items()}


def memory(ends):
    """End -> MiB: resident (sum over processes, shared pages counted in each) and proportional (shared pages divided)."""
    found = {}
    for end, processes in ends.items():
        rss = pss = 0
        for pid in tree(processes):
            try:
                with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
                    rss += int(f.read().split()[1]) * PAGE
                with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                    pss += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1)) * 1024
            except OSError:
                continue
        found[end] = {"rss_mib": rss / 2**20, "pss_mib": pss / 2**20}
    return found


def machine_cpu():
    """Processor seconds since boot of the whole machine: working, and stolen by its host."""
    with open("/proc/stat", encoding="utf-8") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / TICK, steal / TICK


def foreign_load(seconds=0.3):
    """How many processors are busy while this program waits: the work of others."""
    busy, stolen = machine_cpu()
    began = time.monotonic()
    w.pause(seconds)
    busy2, stolen2 = machine_cpu()
    return (busy2 + stolen2 - busy - stolen) / (time.monotonic() - began)


# --- streams --------------------------------------------------------------------------------------

def iperf(source, sink, address, seconds, *options):
    """The client's and the server's report of one run of iperf3."""
    server = sink.start(["iperf3", "-s", "-1", "-J", "--forceflush"], name="iperf3 server")
    w.wait_until("iperf3 listens", lambda: sink.run("ss -Hltn sport = 5201").stdout)
    try:
        client = source.run(["iperf3", "-c", address, "-t", str(seconds), "-J", *options], check=False,
                            timeout=seconds + IPERF_GRACE_S)
        said = json.loads(client.stdout)
        if "error" in said and not said.get("end"):
            raise w.Failed(f"iperf3: {said['error']}")
        server.popen.wait(IPERF_GRACE_S)
        server.reader.join(5)
        return said, json.loads("\n".join(server.lines))
    finally:
        if server.alive():
            server.popen.kill()
            server.popen.wait()


def tcp(source, sink, address, seconds, streams, ends):
    """Mbit/s of payload with cubic, retransmits, and processor seconds per GB (1e9 bytes) that arrived."""
    cpu, (busy, stolen) = cpu_seconds(ends), machine_cpu()
    said, served = iperf(source, sink, address, seconds, "-C", "cubic", "-P", str(streams))
    cpu2, (busy2, stolen2) = cpu_seconds(ends), machine_cpu()
    received = said["end"]["sum_received"]
    gb = received["bytes"] / 1e9
    if not gb:
        raise w.Failed(f"nothing arrived: {said.get('error')} {served.get('error')}")
    return {
        "mbit": received["bits_per_second"] / 1e6,
        "retransmits": said["end"]["sum_sent"]["retransmits"],
        "cpu_s_per_gb": sum(cpu2[e] - cpu[e] for e in ends) / gb,
        "cpu_s_per_gb_by_end": {e: (cpu2[e] - cpu[e]) / gb for e in ends},
        "all_cpu_s_per_gb": (busy2 - busy) / gb,
        "stolen_s": stolen2 - stolen,
    }


def udp(source, sink, address, seconds, size, buffers=True):
    """Datagrams as fast as the sender can: how many per second arrive, as the receiving program counted them."""
    options = ("-w", UDP_BUFFER) if buffers else ()
    said, served = iperf(source, sink, address, seconds, "-u", "-b", "0", "-l", str(size), *options)
    sent = sum(s["udp"]["packets"] for s in said["end"]["streams"]) if said["end"].get("streams") else 0
    took = said["end"]["streams"][0]["udp"]["seconds"]
    got = sum(i["sum"]["bytes"] for i in served["intervals"]) / size
    if not sent:
        raise w.Failed("iperf3 sent nothing")
    return {"pps": got / took, "sent_pps": sent / took, "loss_percent": 100 * (1 - got / sent)}


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def ping(source, address, count, interval=0.01):
    """Median and 99th percentile of the round trip, in microseconds, and how many did not come back."""
    got = source.run(["ping", "-n", "-i", str(interval), "-c", str(count), "-W", "1", address], check=False,
                     timeout=count * interval * 3 + 20)
    times = [float(t) * 1000 for t in re.findall(r"time=([\d.]+) ms", got.stdout)]
    if not times:
        raise w.Failed(f"no answer: {got.stdout}{got.stderr}")
    return {"median_us": quantile(times, 0.5), "p99_us": quantile(times, 0.99), "lost": count - len(times)}


@contextlib.contextmanager
def bulk(source, sink, address, seconds, streams=1):
    """TCP from source to sink, under way before the body and still after `seconds` in it."""
    server = sink.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3 server")
    server.wait_line("listening")
    client = source.start(["iperf3", "-c", address, "-t", str(seconds + 2), "-C", "cubic", "-P", str(streams), "--forceflush",
                           "-i", "0.5"], name="iperf3 client")
    try:
        client.wait_line(r"bits/sec")
        yield
    finally:
        for p in (client, server):
            p.popen.kill()
            p.popen.wait()


def ping_under_load(source, sink, address, seconds):
    """The same beside one TCP stream, in the same direction."""
    with bulk(source, sink, address, seconds):
        return ping(source, address, max(20, int(seconds * 100)))


def heard(side):
    """What one end of a call heard: one-way delays in microseconds, and the share of packets that did not come."""
    delays = side["delays_us"]
    if not delays:
        raise w.Failed("nothing was heard")
    return {"median_us": quantile(delays, 0.5), "p99_us": quantile(delays, 0.99), "max_us": max(delays),
            "lost_percent": 100 * (1 - len(delays) / side["expected"])}


def voice(source, sink, address, seconds, streams=0):
    """A call (voice.py), alone or beside TCP streams: what was heard in the direction of these ("with"), and against it."""
    answering = sink.start(["/usr/bin/python3", "-u", VOICE, "answer"], name="answering")
    answering.wait_line("ready")
    with bulk(source, sink, address, seconds, streams) if streams else contextlib.nullcontext():
        said = source.run(["/usr/bin/python3", VOICE, "call", address, str(seconds)], timeout=seconds + 30)
        answering.popen.wait(10)
    answering.reader.join(5)
    return {"with": heard(json.loads(answering.lines[-1])), "against": heard(json.loads(said.stdout))}


class FirstReply:
    """Echo requests from before a daemon starts; wait() is the time from began() to the first answer, in milliseconds."""

    def __init__(self, source, address):
        self.process = source.start(["/usr/bin/python3", "-u", "-c", PROBE, address], name="probe")
        self.process.wait_line("ready")
        self.start = None

    def began(self):
        self.start = time.monotonic()

    def wait(self, timeout=60):
        return (float(self.process.wait_line(r"first ([\d.]+)", timeout).group(1)) - self.start) * 1000
