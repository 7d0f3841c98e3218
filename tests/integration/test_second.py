# SPDX-License-Identifier: GPL-3.0-or-later
"""A second implementation (tests/lib/second), written from PROTOCOL.md and CONTROL.md alone, among real nodes.

    10.0.0.10 -- linodeHQ (hub) --+-- linode1 (spoke) -- 10.1.0.10
                                  +-- guest   (the second implementation, no interface), 10.9.0.0/24
"""

import json
import os

import pytest

from second import agent, inner, noise
from second.noise import X25519PrivateKey
from world import World

VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "handshake.json")


def test_vectors():
    """The bytes of whole handshakes; both sides of them, since a real node might take what only we call right."""
    with open(VECTORS, encoding="ascii") as f:
        told = json.load(f)
    fixed = {k: bytes.fromhex(v) if isinstance(v, str) else v for k, v in told["fixed"].items()}

    def private(who):
        return X25519PrivateKey.from_private_bytes(fixed[who])

    cases = [c for c in told["handshakes"] if c["cipher"] in (1, 2)]
    assert len(cases) == 4
    for case in cases:
        suite, psk = (None, noise.AES, noise.CHACHA)[case["cipher"]], bytes.fromhex(case["psk"])
        us, them = private("initiator_private"), private("responder_private")
        begun = noise.Initiator(suite, us, noise.public(them), fixed["timestamp"], None, private("initiator_ephemeral"),
                                fixed["initiator_index"], psk)
        assert begun.message.hex() == case["initiation"]
        asked = noise.Asked(them, begun.message)
        assert asked.peer == noise.public(us) and asked.stamp == fixed["timestamp"] and asked.state.suite is suite
        answer, responder = asked.answer(private("responder_ephemeral"), fixed["responder_index"], psk)
        assert answer.hex() == case["response"]
        cookie = begun.cookie(bytes.fromhex(case["cookie"]["reply"]))
        again = noise.Initiator(suite, us, noise.public(them), fixed["timestamp"], cookie, private("initiator_ephemeral"),
                                fixed["initiator_index"], psk)
        assert again.message.hex() == case["cookie"]["initiation_with_mac2"]
        initiator = begun.finish(answer)
        for packet in case["transport"]:
            ours = (initiator, responder) if packet["from"] == "initiator" else (responder, initiator)
            ours[0].counter = int(packet["counter"])
            plain = bytes.fromhex(packet["plaintext"])
            assert ours[0].seal(plain, packet["flags"]).hex() == packet["packet"]
            assert ours[1].unseal(bytes.fromhex(packet["packet"])) == (packet["flags"], plain)


@pytest.fixture(scope="module")
def net():
    with World() as world:
        hq = world.headquarters()
        spoke = world.branch(hq, "linode1", 1)
        ns = world.namespace("guest")
        world.attach(ns, "wan", "203.0.113.19", None)
        yield hq, spoke, ns


def arrive(net, name, *add, aes=True):
    hq, _, ns = net
    line = hq.hub("node", "add", name, *add).stdout.strip()
    made = agent.Agent(ns, line.split()[-1], aes)
    made.join()
    return made


def started(hq, *args):
    """A command of the hub that goes on while the second implementation takes in what comes."""
    return hq.server.start([hq.program("hub"), "-n", "linodeVPN", *args], env=hq.env())


def seen(hq, name):
    """What the hub's status says of a node."""
    return next(n for n in hq.json("hub", "status")["nodes"] if n["name"] == name)


def during(guest, process, what, code=0):
    guest.until(what, lambda: not process.alive())
    assert process.popen.wait(10) == code, process.tail()


@pytest.mark.parametrize("aes", [True, False])
def test_packets(net, aes):
    """With both ciphers: it joins, begins sessions and answers those of others, through the hub and straight."""
    hq, spoke, _ = net
    guest = arrive(net, f"guest-{aes}", "--subnet", f"10.{9 if aes else 8}.0.0/24", aes=aes)
    try:
        assert {"linodeHQ", "linode1", f"guest-{aes}"} <= {n["name"] for n in guest.nodes.values()}
        assert guest.ping(hq.host4).peer == "linodeHQ"
        other = next(p for p in guest.peers.values() if p.node["name"] == "linode1")
        if aes:
            assert guest.ping(spoke.host4, bytes(1000)).peer == "linode1"
        pinger = spoke.host.start(["ping", "-n", "-c", "1", "-W", "20", guest.address()])
        during(guest, pinger, "an answered ping of a LAN host")
        assert aes or not other.begun  # it was linode1 that began

        # Its own word on where the other is, then a way that a probe proves; both ends are asked for theirs.
        guest.link.send(type="locate", id=other.node["id"])
        guest.until("a straight way", lambda: other.way == (spoke.public4, 6655))
        assert guest.ping(spoke.host4).peer == "linode1"

        def straight():
            peers = {p["name"]: p for p in spoke.json("spoke", "status")["peers"]}
            return peers[f"guest-{aes}"]["path"] == "direct-udp"

        guest.until("the spoke's own way", straight)
        partial_checksum(guest, hq)
    finally:
        guest.close()


def partial_checksum(guest, hq):
    """A UDP packet that the hub's kernel left to the network card, and an answer that it takes."""
    s = hq.server.socket()
    s.bind(("192.168.100.1", 4000))
    s.setblocking(False)
    s.sendto(b"are you there", (guest.address(), 7))
    asked = guest.until("a UDP packet", lambda: next((p for p in guest.inbox if p.protocol == 17), None))
    assert asked.body[8:] == b"are you there" and asked.checksum_holds(asked.partial)
    guest.send(inner.udp(guest.address(), "192.168.100.1", (7, 4000), b"here"))

    def answered():
        try:
            return s.recv(100)
        except BlockingIOError:
            return None

    assert guest.until("the answer", answered) == b"here"
    s.close()


def test_changes(net):
    """Deltas and acks, compression, a new tunnel key, a link that broke, packets by TCP."""
    hq, spoke, _ = net
    guest = arrive(net, "mover")
    try:
        guest.ping(spoke.host4)
        revision = json.loads(hq.hub("subnet", "add", "linode1", "10.77.0.0/24", "--json").stdout)["revision"]
        guest.until("the change", lambda: guest.revision >= revision and guest.owner("10.77.0.1") == guest.owner(spoke.host4))
        guest.until("its ack", lambda: seen(hq, "mover")["acked_revision"] == guest.revision)

        for node in ("mover", "linode1"):
            hq.hub("node", "edit", node, "--compression", "9")
        guest.until("it in the directory", lambda: all(
            n["compression"] == 9 for n in guest.nodes.values() if n["name"] in ("mover", "linode1")))
        guest.until("a compressed answer", lambda: guest.ping(spoke.host4, bytes(1000)) and guest.compressed)

        held = guest.revision
        guest.link.close()
        guest.hello()
        assert guest.welcome["revision"] == held and guest.ping(hq.host4)

        guest.rotate()
        assert guest.ping(hq.host4) and guest.ping(spoke.host4)

        guest.carry()
        assert guest.ping(hq.host4) and guest.ping(spoke.host4)
        assert guest.carried
        guest.until("the hub says so", lambda: seen(hq, "mover")["path"] == "hub-tcp")
    finally:
        guest.close()


def test_revocation(net):
    """It obeys: what is revoked is cut before it confirms; revoked itself, it is told so and reaches nobody."""
    hq, spoke, _ = net
    guest = arrive(net, "keeper")
    try:
        guest.ping(spoke.host4)
        hub, before = guest.hub(), guest.hub().current
        online = {"linode1", "keeper"}
        guest.until("only those two", lambda: {
            n["name"] for n in hq.json("hub", "status")["nodes"] if n["kind"] == "spoke" and n["online"]} == online)
        revoking = started(hq, "node", "revoke", "linode1", "--reason", "server stolen")
        during(guest, revoking, "confirmed by all")
        assert revoking.wait_line("applied on 1 of 1")
        assert "linode1" not in {p.node["name"] for p in guest.peers.values()}
        assert {at for at, _ in guest.sessions.values()} == {guest.welcome["hub_id"]}
        assert not guest.send(inner.echo(guest.address(), spoke.host4, 1))
        assert guest.ping(hq.host4)

        during(guest, started(hq, "node", "revoke", "keeper", "--reason", "this one, too"), "the second")
        guest.until("bye", lambda: guest.bye)
        assert guest.bye["reason"] == "revoked" and "this one, too" in guest.bye["text"]
        unheard(guest, hub, before)
    finally:
        guest.close()


def unheard(guest, hub, session):
    """Neither its old session nor a new handshake is answered; the hub still answers its link, which says why."""
    guest.pump()
    heard, (_, probe) = guest.heard, inner.probe()
    for message in (session.seal(probe), noise.Initiator(noise.AES, guest.key, hub.key, guest.clock.stamp()).message):
        guest.udp.sendto(message, guest.hub_end())
    guest.dial()
    guest.link.send(type="hello", revision=0, **guest.who())
    guest.until("the reason, again", lambda: guest.bye)
    assert guest.bye["reason"] == "revoked" and guest.heard == heard
