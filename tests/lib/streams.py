# SPDX-License-Identifier: GPL-3.0-or-later
"""Random traffic between two hosts that knows what must arrive: `serve` at one, `run` at the other. A program, not a module.

TCP: every flow carries random bytes both ways at once, in writes of random sizes; each end compares a SHA-256. UDP: bursts of
datagrams, each compared with what was sent: content, so boundaries too, order, the whole TOS byte and the TTL. The receiver says
after every burst whether it was right, so that nothing is lost for want of room. Both ends derive everything from a seed.

How long a flow takes is the machine's business; that it stands still is a finding, told with what both kernels say of the connection.
"""

import contextlib
import hashlib
import json
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

PORT = 7001
# A connection stands still when so few bytes have moved in so long. Time counts in steps: in what is longer nobody ran.
STALL_S = 15
STALL_BYTES = 65536
STEP_S = 0.5
# The other end finds the same a moment later; its kernel is to be asked before the connection is closed.
OTHERS_LOOK_S = 3
# A datagram that is not there by then does not come any more.
LOST_S = 10
# Of struct tcp_info: tcpi_bytes_acked and tcpi_bytes_received, in native order.
TCP_INFO_MOVED = struct.Struct("120xQQ")
WRITE_MAX = 65536
UDP_SEGMENT = 103
IP_MTU_DISCOVER = 10
IPV6_MTU = 24
SO_RCVBUFFORCE = 33
# Of each family: what a datagram is sent with (TOS, TTL), and what makes the receiver see them.
ANCILLARY = {
    socket.AF_INET: (socket.IPPROTO_IP, 1, 2, 13, 12),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 67, 52, 66, 51),
}


# --- waiting --------------------------------------------------------------------------------------

class Watch:
    """What one thread waits for on a connection, in steps of STEP_S: as long as the connection moves, in whichever direction."""

    def __init__(self, sock):
        self.sock = sock
        self.left = STALL_S
        self.moved = self.now_moved()
        self.last = time.monotonic()

    def now_moved(self):
        return sum(TCP_INFO_MOVED.unpack(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_MOVED.size)))

    def step(self):
        """To be called when a call has waited for STEP_S in vain."""
        now, moved = time.monotonic(), self.now_moved()
        self.left -= min(now - self.last, 2 * STEP_S)
        self.last = now
        if moved - self.moved >= STALL_BYTES:
            self.left, self.moved = STALL_S, moved
        if self.left <= 0:
            raise TimeoutError(f"{moved - self.moved} bytes in {STALL_S} s\n{self.kernel()}")

    def kernel(self):
        """What the kernel knows of the connection, and how far it is."""
        port = self.sock.getsockname()[1], self.sock.getpeername()[1]
        return subprocess.run(["ss", "-H", "-t", "-n", "-i", "-m", "-e", "-o", f"sport = :{port[0]} and dport = :{port[1]}"],
                              stdout=subprocess.PIPE, text=True, check=False).stdout

    def again(self, call, *args):
        """The result of a call of the socket, as soon as there is one."""
        while True:
            try:
                return call(*args)
            except TimeoutError as e:
                if e.errno:  # not ours: the kernel has given the connection up
                    raise
                self.step()


def send_all(watch, data, flags=0):
    view = memoryview(data)
    while view:
        view = view[watch.again(watch.sock.send, view, flags):]


# --- TCP ------------------------------------------------------------------------------------------

def send_random(sock, seed, size, style):
    """Sends `size` random bytes and returns their SHA-256. `style` is how: bulk, small, corked or urgent."""
    rng = random.Random(seed)
    watch = Watch(sock)
    digest = hashlib.sha256()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, style in ("small", "urgent"))
    left = size
    while left:
        if style == "corked":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, rng.random() < 0.5)
        piece = rng.randbytes(min(left, rng.randrange(0, 2000 if style == "small" else WRITE_MAX)))
        if style == "urgent" and piece and rng.random() < 0.3:
            send_all(watch, piece[:1], socket.MSG_OOB)
            send_all(watch, piece[1:])
        else:
            send_all(watch, piece)
        digest.update(piece)
        left -= len(piece)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, False)
    return digest.hexdigest()


def receive(sock, size):
    """SHA-256 of the next `size` bytes."""
    watch = Watch(sock)
    digest = hashlib.sha256()
    left = size
    while left:
        piece = watch.again(sock.recv, min(left, 1 << 18))
        if not piece:
            raise EOFError(f"the stream ended {left} bytes too early")
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


class Reader(threading.Thread):
    """receive() beside what the caller does; result() is its digest or its exception."""

    def __init__(self, sock, size):
        super().__init__()
        self.sock, self.size = sock, size
        self.digest = self.error = None

    def run(self):
        try:
            self.digest = receive(self.sock, self.size)
        except (OSError, EOFError) as e:
            self.error = e

    def result(self):
        self.join()
        if self.error:
            raise self.error
        return self.digest


def exchange(sock, flow, own):
    """Both directions at once; returns what was received and what was sent, each as a SHA-256."""
    reader = Reader(sock, flow["size"])
    reader.start()
    try:
        sent = send_random(sock, f"{flow['seed']}{own}", flow["size"], flow["style"])
    finally:
        # Whatever happened to sending: receiving goes on until it has ended, or stands still, too.
        reader.join()
    return reader.result(), sent


def tcp_client(address, flow):
    with connect(address, flow) as sock:
        got, sent = exchange(sock, flow, "client")
        theirs = read_line(sock)
    if theirs["got"] != sent or theirs["sent"] != got:
        raise ValueError(f"tcp {flow}: streams differ: sent {sent} arrived {theirs['got']}; "
                         f"sent to us {theirs['sent']} arrived {got}")


def tcp_server(sock, flow):
    got, sent = exchange(sock, flow, "server")
    write_line(sock, {"got": got, "sent": sent})


# --- UDP ------------------------------------------------------------------------------------------

def burst(rng, number, largest):
    """One burst: how it is sent, and its datagrams as (payload, TOS, TTL)."""
    kind = ("equal", "mixed", "segmented", "edges", "marks")[number % 5]
    count = rng.randrange(8, 33)
    tos, ttl = rng.randrange(256), rng.randrange(30, 200)
    if kind == "edges":
        sizes = [0, 1, 2, 7, 8, largest - 1, largest, largest, 0, largest, 1, largest, largest, largest - 8]
    elif kind == "mixed":
        sizes = [rng.randrange(largest + 1) for _ in range(count)]
    else:
        size = rng.randrange(1, largest + 1)
        sizes = [size] * count + [rng.randrange(1, size + 1)]
    marks = kind in ("mixed", "marks")
    return kind, [(rng.randbytes(s), rng.choice((tos, tos ^ 1, tos ^ 3, 3)) if marks else tos,
                   rng.choice((ttl, ttl + 1)) if marks and number % 2 else ttl) for s in sizes]


def large(rng):
    """Datagrams that are larger than any packet, and leave the sender in fragments."""
    return "large", [(rng.randbytes(size), 0, 64) for size in (rng.randrange(2000, 9000), rng.randrange(9000, 65400))]


def bursts(flow, family):
    rng = random.Random(flow["seed"])
    largest = flow["mtu"] - (28 if family == socket.AF_INET else 48)
    for number in range(flow["bursts"]):
        yield burst(rng, number, largest)
    yield large(rng)


def send_burst(sock, family, kind, datagrams):
    level, set_tos, set_ttl, _, _ = ANCILLARY[family]
    if kind == "segmented":
        _, tos, ttl = datagrams[0]
        sock.sendmsg([p for p, _, _ in datagrams], [
            (level, set_tos, struct.pack("i", tos)), (level, set_ttl, struct.pack("i", ttl)),
            (socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", len(datagrams[0][0])))])
        return
    for payload, tos, ttl in datagrams:
        sock.sendmsg([payload], [(level, set_tos, struct.pack("i", tos)), (level, set_ttl, struct.pack("i", ttl))])


def udp_client(address, flow):
    with connect(address, flow) as control:
        family = control.family
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, read_line(control)["port"]))
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU, flow["mtu"])
            for kind, datagrams in bursts(flow, family):
                if kind == "segmented" and sum(len(p) for p, _, _ in datagrams) > 60000:
                    datagrams = datagrams[-(60000 // len(datagrams[0][0])):]
                send_burst(sock, family, kind, datagrams)
                write_line(control, {"sent": len(datagrams)})
                answer = read_line(control)
                if answer["error"]:
                    raise ValueError(f"udp {flow}: {answer['error']}")


def received(sock, ancillary):
    """The next datagram as (payload, TOS, TTL)."""
    level, set_tos, set_ttl, _, _ = ancillary
    payload, control, _, _ = sock.recvmsg(1 << 16, 256)
    seen = {kind: int.from_bytes(data[:4], "little") for at, kind, data in control if at == level}
    return payload, seen.get(set_tos), seen.get(set_ttl)


def compare(sock, family, kind, expected, hops):
    """None, or what is wrong with the burst."""
    for number, (payload, tos, ttl) in enumerate(expected):
        try:
            got, got_tos, got_ttl = received(sock, ANCILLARY[family])
        except TimeoutError:
            return f"{kind}: {number} of {len(expected)} arrived"
        if got != payload:
            return f"{kind}: datagram {number} of {len(payload)} bytes came with {len(got)}, or changed"
        if (got_tos, got_ttl) != (tos, ttl - hops):
            return f"{kind}: datagram {number}: TOS {tos} TTL {ttl} came as TOS {got_tos} TTL {got_ttl}"
    return None


def udp_server(control, flow):
    family = socket.AF_INET if flow["family"] == 4 else socket.AF_INET6
    level, _, _, see_tos, see_ttl = ANCILLARY[family]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        sock.setsockopt(level, see_tos, 1)
        sock.setsockopt(level, see_ttl, 1)
        sock.bind(("", 0))
        sock.settimeout(LOST_S)
        write_line(control, {"port": sock.getsockname()[1]})
        for kind, datagrams in bursts(flow, family):
            error = compare(sock, family, kind, datagrams[-read_line(control)["sent"]:], flow["hops"])
            write_line(control, {"error": error})
            if error:
                return


# --- both -----------------------------------------------------------------------------------------

def write_line(sock, value):
    send_all(Watch(sock), json.dumps(value).encode() + b"\n")


def read_line(sock):
    watch = Watch(sock)
    line = b""
    while not line.endswith(b"\n"):
        piece = watch.again(sock.recv, 1)
        if not piece:
            raise EOFError("the other end is gone")
        line += piece
    return json.loads(line)


@contextlib.contextmanager
def connection(sock):
    """Closes it in the end; one that stands still only when the other end has had the time to say how it looks there."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    sock.settimeout(STEP_S)
    with sock:
        try:
            yield sock
        except TimeoutError:
            closed = select.poll()
            closed.register(sock, select.POLLRDHUP)
            closed.poll(OTHERS_LOOK_S * 1000)
            raise


def dial(address):
    """A connected socket. For STALL_S of steps in which this process ran the kernel may ask."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setblocking(False)
    sock.connect_ex((address, PORT))
    left, last = STALL_S, time.monotonic()
    while not select.select([], [sock], [], STEP_S)[1]:
        now = time.monotonic()
        left, last = left - min(now - last, 2 * STEP_S), now
        if left <= 0:
            sock.close()
            raise TimeoutError(f"not connected to {address} within {STALL_S} s")
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        sock.close()
        raise OSError(error, f"not connected to {address}")
    return sock


@contextlib.contextmanager
def connect(address, flow):
    with connection(dial(address)) as sock:
        write_line(sock, flow)
        yield sock


def attend(sock):
    flow = "not known yet"
    try:
        with connection(sock):
            flow = read_line(sock)
            (udp_server if flow["kind"] == "udp" else tcp_server)(sock, flow)
    except (OSError, EOFError) as e:
        print(f"flow {flow}: {type(e).__name__}: {e}", flush=True)


def serve():
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    print("ready", flush=True)
    while True:
        threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()


def run(job):
    """All flows of a kind at once, TCP before UDP. Prints what went wrong."""
    errors = []

    def guarded(client, address, flow):
        try:
            client(address, flow)
        except Exception as e:  # pylint: disable=broad-exception-caught  # any end of a flow but the right one is a finding
            errors.append(f"{flow}: {type(e).__name__}: {e}")

    for kind, client in (("tcp", tcp_client), ("udp", udp_client)):
        rng = random.Random(f"{job['seed']}{kind}")
        flows = []
        for number in range(job[kind]):
            family = (4, 6)[number % 2]
            flow = {"kind": kind, "family": family, "seed": rng.randrange(1 << 30), "mtu": job["mtu"], "hops": job["hops"],
                    "bursts": job["bursts"], "size": rng.randrange(1, job["size"]),
                    "style": ("bulk", "small", "corked", "urgent")[number // 2 % 4]}
            flows.append(threading.Thread(target=guarded, args=(client, job["address"][str(family)], flow)))
        for f in flows:
            f.start()
        for f in flows:
            f.join()
    print(json.dumps(errors))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        run(json.loads(sys.argv[2]))
