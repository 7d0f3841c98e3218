# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents' own sessions over their whole life, with a build that makes a new one every 6 s and wipes old keys after 27 s.

    linodeHQ (hub) --+-- linode1
                     +-- linode2
                     +-- linode3   (Cipher = chacha20-poly1305)
                     +-- linode4, linode5   (idle after one ping)
"""

import os

import pytest

import world as w
from traffic import PingStream
from wire import Catcher
from world import wait_until

AES, CHACHA = "aes-256-gcm", "chacha20-poly1305"
RELAYED = ("-o", "DirectMax=0")


class Network:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.branches = [
            world.branch(self.hq, f"linode{i}", i, start=i != 3, options=RELAYED) for i in (1, 2, 3, 4, 5)
        ]
        self.one, self.two, self.three, self.four, self.five = self.branches
        # It joined as a machine with AES, and says otherwise when it starts.
        set_cipher(self.three, CHACHA)
        self.three.start_daemon("spoke", *RELAYED)


def set_cipher(site, cipher):
    path = os.path.join(site.etc, "spoke.conf")
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("Cipher")]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines([*lines, f"Cipher = {cipher}\n"])


def peer(site, other):
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}[other.name]


@pytest.fixture(scope="module")
def fast():
    with w.World(build=os.path.join(w.BUILD, "fast")) as world:
        yield Network(world)


def test_sessions_are_renewed_under_traffic(fast):
    """Hub and spoke, relayed spokes, one cipher and the other, both families: three renewals and more, no packet lost."""
    hq, one, two, three = fast.hq, fast.one, fast.two, fast.three
    fast.four.host.wait_ping(fast.five.host4)  # and then never again, for the test below
    pairs = [(one, hq), (hq, three), (one, two), (three, two)]
    for a, b in pairs:
        a.host.wait_ping(b.host4)
        a.host.wait_ping(b.host6)
    wires = [Catcher(site.server, "wan", port=0) for site in (hq, one, two, three)]
    streams = [PingStream(a.host, address) for a, b in pairs for address in (b.host4, b.host6)]
    handshakes = {name: set() for name in ("hub", "relayed", "relayed chacha")}

    def renewed():
        handshakes["hub"].add(peer(one, hq)["handshake"])
        handshakes["relayed"].add(peer(one, two)["handshake"])
        handshakes["relayed chacha"].add(peer(three, two)["handshake"])
        return min(map(len, handshakes.values())) >= 4

    wait_until("three new sessions of each", renewed, 40)
    for s in streams:
        s.wait_answers(len(s.answered()) + 20)
    assert [s.stop() for s in streams] == [[]] * len(streams)
    seen = [{p[0] for p in wire.packets()} for wire in wires]
    for wire in wires:
        wire.stop()
    # Spokes send their own messages to the hub, and those to each other in envelopes.
    assert set.union(*seen) == {5, 6, 7, 8}
    assert all(types <= {5, 6, 7, 8} for types in seen)


def test_cipher_follows_from_the_directory(fast):
    hq, one, two, three = fast.hq, fast.one, fast.two, fast.three
    for a, b, cipher in ((one, hq, AES), (one, two, AES), (three, hq, CHACHA), (three, two, CHACHA), (two, three, CHACHA)):
        a.host.wait_ping(b.host4)
        assert peer(a, b)["cipher"] == cipher, (a.name, b.name)


def test_cipher_changes_under_traffic(fast):
    """A machine that is moved to another processor: all of its sessions begin anew, the others' do not."""
    hq, one, two, three = fast.hq, fast.one, fast.two, fast.three
    stream = PingStream(one.host, hq.host4)
    for cipher in (AES, CHACHA):
        three.daemon.stop()
        set_cipher(three, "auto" if cipher == AES else cipher)
        three.start_daemon("spoke", *RELAYED)
        for a, b in ((three, hq), (three, two), (two, three), (one, three)):
            wait_until(f"{a.name} to {b.name} with {cipher}",
                       lambda a=a, b=b, c=cipher: a.host.pings(b.host4) and peer(a, b)["cipher"] == c, 20)
    assert stream.stop() == []


def test_keys_of_an_idle_peer_are_wiped(fast):
    """3 * REJECT_AFTER_MS after the last handshake nothing is left of a session; the next packet makes a new one."""
    four, five = fast.four, fast.five
    for a, b in ((four, five), (five, four)):
        wait_until("the idle session is gone",
                   lambda a=a, b=b: (peer(a, b)["path"], peer(a, b)["cipher"]) == ("down", None), 45)
        # Only the hub's is left, which is kept up.
        assert a.json("spoke", "status")["engine"]["sessions"] == 1
    assert peer(four, fast.hq)["path"] == "direct-udp"
    assert four.host.pings(five.host4)
    assert peer(five, four)["path"] == "hub-udp"
