# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stranger, a thief or a broken peer may send: dropped, counted, never answered more than asked."""

import random

from wire import INJECT, LISTEN, Catcher, send, spoofed_udp
from world import run, wait_until


def test_spoofed_inner_source_is_dropped(network):
    hq, (one, two, _) = network
    one.host.wait_ping(hq.host4)
    listener = hq.host.start(["/usr/bin/python3", "-u", "-c", LISTEN], name="listener")
    listener.wait_line("ready")
    for source in (one.host4, two.host4, "198.18.0.1"):
        one.server.run(["/usr/bin/python3", "-c", INJECT, spoofed_udp(source, hq.host4, source.encode()).hex()])
    listener.wait_line(f"got b'{one.host4}'")
    one.host.wait_ping(hq.host4)  # everything sent before has been handled
    assert len([line for line in listener.lines if line.startswith("got")]) == 1


def test_replayed_and_corrupted_packets_are_dropped(network):
    hq, (one, _, _) = network
    one.host.wait_ping(hq.host4)
    listener = hq.host.start(["/usr/bin/python3", "-u", "-c", LISTEN], name="listener")
    listener.wait_line("ready")
    catcher = Catcher(one.server, "wan")
    inner = spoofed_udp(one.host4, hq.host4, b"only once").hex()
    one.server.run(["/usr/bin/python3", "-c", INJECT, inner])
    listener.wait_line("got b'only once'")
    caught = wait_until("the sealed packet on the wire", lambda: [p for p in catcher.packets() if p[0] == 7])
    catcher.stop()
    assert not any(b"only once" in p for p in caught)
    dice = random.Random(7)
    bad = []
    for p in caught:
        bad += [p] * 3
        for _ in range(20):
            at, changed = dice.randrange(len(p)), bytearray(p)
            changed[at] ^= 1 << dice.randrange(8)
            bad.append(bytes(changed))
    assert send(one.server, hq.public4, bad) == []
    one.host.wait_ping(hq.host4)
    assert len([line for line in listener.lines if "only once" in line]) == 1


def test_garbage_on_the_udp_port(network, world):
    hq, (one, _, _) = network
    one.host.wait_ping(hq.host4)
    stranger = world.namespace("stranger")
    world.attach(stranger, "wan", "203.0.113.200", None)
    dice = random.Random(1)
    packets = [dice.randbytes(dice.choice((0, 1, 3, 16, 32, 64, 92, 148, 149, 1000))) for _ in range(2000)]
    # Right types, lengths and reserved bytes, so that it comes to the cryptography.
    packets += [bytes([t, 0, 0, 0]) + dice.randbytes(n - 4)
                for t, n in ((1, 148), (2, 92), (3, 64), (4, 80), (5, 148), (6, 92), (7, 80), (8, 100), (9, 64))
                for _ in range(100)]
    mark = hq.daemon.mark()
    assert send(stranger, hq.public4, packets) == []
    one.host.wait_ping(hq.host4)
    assert len(hq.daemon.lines) - mark < 20


def open_link(ns_name):
    """A TCP connection from a namespace to the hub's link port."""
    return ["ip", "netns", "exec", ns_name, "/usr/bin/python3", "-u", "-c"]


def test_garbage_on_the_link_port(network, world):
    """Plain text, a TLS client without a certificate, half-open connections: closed, and the others do not notice."""
    hq, (one, _, _) = network
    stranger = world.namespace("stranger")
    world.attach(stranger, "wan", "203.0.113.200", None)
    talk = r"""
import socket, ssl, sys
address, kind = sys.argv[1], sys.argv[2]
def connect():
    return socket.create_connection((address, 6655), timeout=15)
if kind == "plain":
    s = connect(); s.sendall(b"GET / HTTP/1.0\r\n\r\n" * 100)
    try:
        while s.recv(1000): pass
    except ConnectionError: pass
    print("closed")
elif kind == "nocert":
    c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
    c.set_alpn_protocols(["branchline/1"])
    try:
        t = c.wrap_socket(connect()); t.sendall(b"x"); t.recv(10)
    except (ssl.SSLError, ConnectionError) as e: print("refused")
else:
    held = [connect() for _ in range(60)]
    print("held", flush=True)
    gone = 0
    for s in held:
        try:
            if not s.recv(10): gone += 1
        except ConnectionError: gone += 1
    print("gone", gone)
"""
    base = open_link(stranger.name)
    assert "closed" in run([*base, talk, hq.public4, "plain"]).stdout
    assert "refused" in run([*base, talk, hq.public4, "nocert"]).stdout
    mark = hq.daemon.mark()
    holder = stranger.start(["/usr/bin/python3", "-u", "-c", talk, hq.public4, "hold"], name="holder")
    holder.wait_line("held")
    # A branch comes and goes meanwhile.
    one.daemon.stop()
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4)
    holder.wait_line("gone 60", 30)
    assert len(hq.daemon.lines) - mark < 60

