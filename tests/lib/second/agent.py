# SPDX-License-Identifier: GPL-3.0-or-later
"""A spoke that shares no line with ours: written from schema/PROTOCOL.md and schema/CONTROL.md alone, to see that they suffice.

It has no TUN device: a test sends IP packets with send() and finds those that came in `inbox`. Echo requests to its own address are
answered. Nothing runs by itself: until() takes in what has come, and repeats what was not answered.
"""

import base64
import ipaddress
import select
import socket
import struct
import time

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from second import inner, link, noise
from second.noise import Refused
from world import wait_until

RETRY_S = 0.6
HUB_WAY = "hub"


class Peer:
    """A node that we may talk to: its sessions, and the way that packets to it take."""

    def __init__(self, node):
        self.node = node
        self.key = base64.b64decode(node["tunnel_key"])
        self.current = None
        self.initiator, self.begun = None, 0.0
        self.cookie = None
        self.stamp = b""
        self.way = HUB_WAY
        self.candidates, self.probes, self.probed = [], {}, 0.0
        self.waiting = []


class Agent:
    def __init__(self, ns, token, aes=True):
        self.ns, self.aes = ns, aes
        self.token = link.Token(token)
        self.identity, self.key = link.new_identity(), X25519PrivateKey.generate()
        self.clock = noise.Clock()
        self.udp = ns.socket()
        self.udp.bind(("", 0))
        self.udp.setblocking(False)
        self.welcome, self.nodes, self.revision, self.highest = None, {}, 0, 0
        self.peers, self.sessions = {}, {}
        self.inbox, self.compressed = [], 0
        self.bye, self.errors, self.presence = None, [], {}
        self.heard = 0  # datagrams
        self.link = self.carrier = None
        self.carried = None  # how many packets came by TCP

    # --- the link ---------------------------------------------------------------------------

    def dial(self):
        self.link = link.Link(self.ns.socket(socket.SOCK_STREAM), self.token.places[0], self.identity, self.token.hub_key)
        self.bye = None

    def who(self):
        key = noise.public(self.key)
        return {"tunnel_key": link.b64(key), "tunnel_sig": link.b64(link.sign_tunnel_key(self.identity, key)),
                "aes": self.aes, "capabilities": ["zlib"], "version": "second", "hostname": "second"}

    def join(self):
        self.dial()
        self.link.send(type="join", secret=link.b64(self.token.secret), **self.who())
        self._arrive()

    def rotate(self):
        """A new tunnel key; from the directory's word on, handshakes are made for it."""
        fresh = X25519PrivateKey.generate()
        key = noise.public(fresh)
        self.link.send(type="rotate-key", tunnel_key=link.b64(key), tunnel_sig=link.b64(link.sign_tunnel_key(self.identity, key)))
        self.until("the new key in the directory", lambda: self.nodes[self.welcome["id"]]["tunnel_key"] == link.b64(key))
        self.key = fresh
        for peer in self.peers.values():
            peer.current = peer.initiator = None

    def carry(self):
        """From here on what goes to the hub goes by TCP."""
        self.carrier = link.Link(self.ns.socket(socket.SOCK_STREAM), self.token.places[0], self.identity, self.token.hub_key)
        self.carrier.send(type="carry", capabilities=["carry"], version="second")
        self.until("its answer", lambda: self.carried is not None)
        assert "carry" in self.welcome["capabilities"]

    def hello(self):
        self.dial()
        self.link.send(type="hello", revision=self.revision, highest_revision=self.highest,
                       candidates=[f"{self.outer()}:{self.udp.getsockname()[1]}"], **self.who())
        self._arrive()

    def outer(self):
        """The address that packets to the hub leave from."""
        with self.ns.socket() as s:
            s.connect(self.token.places[0])
            return s.getsockname()[0]

    def _arrive(self):
        known = self.welcome
        self.until("an answer of the hub", lambda: self.bye or self.errors or self.welcome is not known)
        if self.welcome is not known:
            self.until("its directory", lambda: self.revision >= self.welcome["revision"])

    def _message(self, m):
        handle = getattr(self, "_on_" + m["type"].replace("-", "_"), None)
        if handle:  # an unknown one is ignored
            handle(m)

    def _on_welcome(self, m):
        assert m["network"] == self.token.network
        self.welcome = m

    def _on_directory(self, m):
        if m["from"] == 0:
            self.nodes = {}
        else:
            assert m["from"] == self.revision, "something was lost"
        for node in m["nodes"]:
            assert node["revision"] <= m["to"]
            self.nodes[node["id"]] = node
        for gone in m.get("gone") or []:
            self.nodes.pop(gone["id"], None)
        self._obey()
        self.revision = m["to"]
        self.highest = max(self.highest, self.revision)
        self.link.send(type="ack", revision=self.revision)

    def _obey(self):
        """Peers and sessions follow the directory: who is not in it, or has another key, is cut now."""
        for at, peer in list(self.peers.items()):
            node = self.nodes.get(at)
            if node and base64.b64decode(node.get("tunnel_key") or "") == peer.key:
                peer.node = node
            else:
                del self.peers[at]
        self.sessions = {i: (at, s) for i, (at, s) in self.sessions.items() if at in self.peers}
        for at, node in self.nodes.items():
            agent = node["kind"] != "wireguard" and node["status"] == "active" and node.get("tunnel_key")
            if agent and at != self.welcome["id"] and at not in self.peers:
                link.check_tunnel_key(node)
                self.peers[at] = Peer(node)

    def _on_presence(self, m):
        self.presence[m["id"]] = m
        peer = self.peers.get(m["id"])
        if peer:
            ends = (e.rsplit(":", 1) for e in m.get("endpoints") or [])
            peer.candidates = [(host, int(port)) for host, port in ends if "[" not in host]
            peer.probed = 0.0

    _on_punch = _on_presence

    def _on_ping(self, _):
        self.link.send(type="pong")

    def _on_bye(self, m):
        self.bye = m
        if m["reason"] in ("revoked", "deleted", "disabled", "unknown_key"):
            self.nodes, self.peers, self.sessions = {}, {}, {}

    def _on_error(self, m):
        self.errors.append(m)

    # --- the tunnel, outside ----------------------------------------------------------------

    def hub(self):
        return self.peers[self.welcome["hub_id"]]

    def hub_end(self):
        return self.token.places[0][0], self.welcome["udp_port"]

    def _suite(self, peer):
        return noise.AES if self.aes and peer.node.get("aes") else noise.CHACHA

    def _out(self, peer, message, way=None):
        at, way = peer.node["id"], way or peer.way
        if at == self.welcome["hub_id"]:
            way = self.hub_end()
        elif way == HUB_WAY:
            message = struct.pack("<III", noise.RELAY, at, self.welcome["id"]) + message
            way = self.hub_end()
        if self.carrier and way == self.hub_end():
            self.carrier.write(struct.pack(">H", len(message)) + message)
        else:
            self.udp.sendto(message, way)

    def _begin(self, peer):
        peer.initiator = noise.Initiator(self._suite(peer), self.key, peer.key, self.clock.stamp(), peer.cookie)
        peer.begun = time.monotonic()
        self._out(peer, peer.initiator.message)

    def _datagram(self, m, source):
        """One that came by itself, or in an envelope from the hub."""
        if source == self.hub_end() and len(m) >= 44 and m[0] == noise.RELAY:
            kind, to, at = struct.unpack_from("<III", m)
            peer = self.peers.get(at)
            if kind & ~0x100 != noise.RELAY or to != self.welcome["id"] or not peer:
                raise Refused("an envelope that is not ours")
            self._inside(m[12:], HUB_WAY, peer)
        else:
            self._inside(m, source, None)

    def _inside(self, m, way, claimed):
        """`claimed`: the peer that the envelope names; the message must be its own."""
        handle = {noise.INITIATION: self._initiation, noise.RESPONSE: self._response, noise.TRANSPORT: self._transport,
                  noise.COOKIE: self._cookie}.get(m[0])
        if not handle:
            raise Refused("not of an agent")
        handle(m, way, claimed)

    def _initiation(self, m, way, claimed):
        asked = noise.Asked(self.key, m)
        peer = next((p for p in self.peers.values() if p.key == asked.peer), None)
        if not peer or (claimed and claimed is not peer) or asked.state.suite is not self._suite(peer):
            raise Refused("of nobody that we know")
        if asked.stamp <= peer.stamp:
            raise Refused("a replay")
        peer.stamp = asked.stamp
        answer, session = asked.answer()
        self.sessions[session.index] = peer.node["id"], session
        self._out(peer, answer, way)

    def _response(self, m, way, claimed):
        for peer in self.peers.values():
            if peer.initiator and (not claimed or claimed is peer) and m[8:12] == struct.pack("<I", peer.initiator.index):
                peer.current = peer.initiator.finish(m)
                peer.initiator = None
                self.sessions[peer.current.index] = peer.node["id"], peer.current
                self._out(peer, peer.current.seal(b""), way)
                waiting, peer.waiting = peer.waiting, []
                for packet in waiting:
                    self._out(peer, peer.current.seal(packet))
                return
        raise Refused("no answer to anything")

    def _cookie(self, m, _, claimed):
        for peer in self.peers.values():
            if peer.initiator and (not claimed or claimed is peer) and m[4:8] == struct.pack("<I", peer.initiator.index):
                peer.cookie = peer.initiator.cookie(m)  # for the next regular try

    def _transport(self, m, way, claimed):
        if len(m) < 32:
            raise Refused("too short")
        at, session = self.sessions.get(struct.unpack_from("<I", m, 4)[0], (0, None))
        if not session or (claimed and claimed is not self.peers[at]):
            raise Refused("of no session")
        peer, fresh = self.peers[at], not session.confirmed
        flags, plain = session.unseal(m)
        if fresh:
            peer.current = session
        if plain:
            self._plain(peer, session, plain, flags, way)

    # --- the tunnel, inside -----------------------------------------------------------------

    def _plain(self, peer, session, plain, flags, way):
        if plain[0] == inner.PROBE:
            reply = inner.probe_reply(plain, inner.RELAYED if way == HUB_WAY else inner.DIRECT,
                                      None if way == HUB_WAY else way)
            self._out(peer, session.seal(reply), way)
        elif plain[0] == inner.PROBE_REPLY:
            if peer.probes.pop(plain[8:16], None) == way:
                peer.way = way
        elif plain[0] == inner.COMPRESSED:
            self.compressed += 1
            self._packet(peer, inner.inflate(plain), flags)
        elif plain[0] >> 4 == 4:
            self._packet(peer, plain, flags)

    def _packet(self, peer, data, flags):
        packet = inner.Packet(data)
        if self.owner(packet.source) != peer.node["id"]:
            raise Refused("the source is not the peer's")
        packet.partial = bool(flags & 1)
        packet.peer = peer.node["name"]
        if packet.protocol == 1 and packet.body[0] == 8 and packet.destination == self.address():
            number = struct.unpack_from("!H", packet.body, 6)[0]
            answer = struct.pack("!BBH", 0, 0, 0) + packet.body[4:8] + packet.body[8:]
            answer = answer[:2] + struct.pack("!H", ~inner.total(answer) & 0xFFFF) + answer[4:]
            self.send(inner.ipv4(packet.destination, packet.source, 1, answer))
            packet.number = number
        self.inbox.append(packet)

    def address(self):
        return next(a for a in self.welcome["addresses"] if "." in a)

    def owner(self, address):
        """Of the node that an address belongs to, by the longest prefix of the whole directory."""
        address, best = ipaddress.ip_address(address), (-1, None)
        for at, node in self.nodes.items():
            own = [ipaddress.ip_network(a) for a in node.get("addresses") or []]
            for prefix in own + [ipaddress.ip_network(s["prefix"]) for s in node.get("subnets") or []]:
                if address in prefix:
                    best = max(best, (prefix.prefixlen, at))
        return best[1]

    def send(self, packet, compress=True):
        peer = self.peers.get(self.owner(ipaddress.ip_address(packet[16:20])))
        if not peer:
            return False
        level = peer.node.get("compression") or 0
        if compress and 1 <= level <= 9:
            packet = inner.deflate(packet, level)
        if peer.current:
            self._out(peer, peer.current.seal(packet))
        else:
            peer.waiting = peer.waiting[-15:] + [packet]
        return True

    # --- time -------------------------------------------------------------------------------

    def _timers(self):
        now = time.monotonic()
        for at, peer in self.peers.items():
            wanted = at == self.welcome["hub_id"] or peer.waiting
            ready = at == self.welcome["hub_id"] or self.hub().current
            if not peer.current and wanted and ready and now - peer.begun > RETRY_S:
                self._begin(peer)
            if peer.current and peer.way == HUB_WAY and peer.candidates and now - peer.probed > RETRY_S:
                peer.probed = now
                for way in (*peer.candidates, HUB_WAY):
                    marked, packet = inner.probe()
                    peer.probes[marked] = way
                    self._out(peer, peer.current.seal(packet), way)

    def pump(self):
        """Takes in what has come, for a twentieth of a second at most."""
        watched = [self.udp] + [c for c in (self.link, self.carrier) if c and not c.ended]
        ready, _, _ = select.select(watched, [], [], 0.05)
        if self.link in ready:
            for m in self.link.receive():
                self._message(m)
        if self.carrier in ready:
            self._carried()
        while self.udp in ready and self.welcome:
            try:
                m, source = self.udp.recvfrom(65535)
                self.heard += 1
                self._datagram(m, source)
            except BlockingIOError:
                break
            except Refused:
                continue
        if self.welcome and self.nodes:
            self._timers()

    def _carried(self):
        if self.carried is None:
            for m in self.carrier.receive(one=True):
                assert m["type"] == "carry"
                self.carried = 0
        for m in self.carrier.packets() if self.carried is not None else ():
            self.carried += 1
            try:
                self._datagram(m, self.hub_end())
            except Refused:
                continue

    def until(self, what, ask, timeout=20.0):
        def once():
            self.pump()
            return ask()

        return wait_until(what, once, timeout)

    def ping(self, address, payload=b"second", timeout=20.0):
        """The packet that answered an echo request, which is repeated for as long as none does."""
        number, sent = len(self.inbox) + 1, 0.0

        def answered():
            nonlocal sent
            if time.monotonic() - sent > 1:
                sent = time.monotonic()
                assert self.send(inner.echo(self.address(), address, number, payload)), f"nobody has {address}"
            return next((p for p in self.inbox if p.protocol == 1 and p.source == address and p.body[0] == 0
                         and p.body[6:8] == struct.pack("!H", number)), None)

        return self.until(f"echo from {address}", answered, timeout)

    def close(self):
        for connection in (self.link, self.carrier):
            if connection:
                connection.close()
        self.udp.close()
