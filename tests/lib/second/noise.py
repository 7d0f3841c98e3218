# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshake and transport of schema/PROTOCOL.md, sections 2 to 5, for agents: types 5, 6, 7 and 9."""

import hashlib
import hmac
import os
import struct
import time
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher as Stream
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

INITIATION, RESPONSE, TRANSPORT, RELAY, COOKIE = 5, 6, 7, 8, 9
IDENTIFIER = b"Branchline v1"
REPLAY_WINDOW = 8128


class Refused(Exception):
    """A datagram that is dropped: not as described, not authentic, or not fresh."""


class Suite(NamedTuple):
    construction: bytes
    aead: type
    order: str  # of the counter in the nonce


AES = Suite(b"Noise_IKpsk2_25519_AESGCM_BLAKE2s", AESGCM, ">Q")
CHACHA = Suite(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", ChaCha20Poly1305, "<Q")


def digest(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key, data):
    return hashlib.blake2s(data, digest_size=16, key=key).digest()


def kdf(n, c, x=b""):
    def step(key, data):
        return hmac.new(key, data, hashlib.blake2s).digest()

    t, made = step(c, x), [b""]
    for i in range(n):
        made.append(step(t, made[-1] + bytes([i + 1])))
    return made[1:]


def public(private):
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def dh(private, other):
    return private.exchange(X25519PublicKey.from_public_bytes(other))


def seal(suite, key, counter, plain, aad):
    return suite.aead(key).encrypt(bytes(4) + struct.pack(suite.order, counter), plain, aad)


def unseal(suite, key, counter, sealed, aad):
    try:
        return suite.aead(key).decrypt(bytes(4) + struct.pack(suite.order, counter), sealed, aad)
    except InvalidTag:
        raise Refused("not authentic") from None


def hchacha20(key, nonce16):
    """ChaCha20's block without its last addition, the words that its input does not fix."""
    block = Stream(ChaCha20(key, nonce16), None).encryptor().update(bytes(64))
    given = struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<4I", nonce16)
    words = struct.unpack("<16I", block)
    return struct.pack("<8I", *((w - g) & 0xFFFFFFFF for w, g in zip(words[:4] + words[12:], given)))


def open_cookie(responder, nonce, sealed, mac1):
    key = hchacha20(digest(b"cookie--", responder), nonce[:16])
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(4) + nonce[16:], sealed, mac1)
    except InvalidTag:
        raise Refused("not authentic") from None


class State:
    """Chaining key and hash of one handshake; each line of the specification is one call."""

    def __init__(self, suite, responder):
        self.suite = suite
        self.c = digest(suite.construction)
        self.h = digest(digest(self.c, IDENTIFIER), responder)
        self.k = None

    def ephemeral(self, key):
        self.h = digest(self.h, key)
        (self.c,) = kdf(1, self.c, key)

    def mix(self, secret):
        self.c, self.k = kdf(2, self.c, secret)

    def preshared(self, psk):
        self.c, t, self.k = kdf(3, self.c, psk)
        self.h = digest(self.h, t)

    def seal(self, plain):
        sealed = seal(self.suite, self.k, 0, plain, self.h)
        self.h = digest(self.h, sealed)
        return sealed

    def unseal(self, sealed):
        plain = unseal(self.suite, self.k, 0, sealed, self.h)
        self.h = digest(self.h, sealed)
        return plain


def with_macs(message, receiver, cookie):
    message += mac(digest(b"mac1----", receiver), message)
    return message + (mac(cookie, message) if cookie else bytes(16))


def check_mac1(message, own):
    if mac(digest(b"mac1----", own), message[:-32]) != message[-32:-16]:
        raise Refused("wrong MAC1")


class Clock:
    """Timestamps (TAI64N) that only grow."""

    def __init__(self):
        self.last = 0

    def stamp(self, tick_ns=1 << 24):
        now = max(time.time_ns() // tick_ns, self.last + 1)
        self.last = now
        seconds, nanoseconds = divmod(now * tick_ns, 10**9)
        return struct.pack(">QI", 2**62 + 10 + seconds, nanoseconds)


class Initiator:
    """One attempt: `message` is to be sent; finish() makes the session of the response."""

    def __init__(self, suite, own, peer, stamp, cookie=None, ephemeral=None, index=None, psk=bytes(32)):
        self.own, self.peer, self.psk = own, peer, psk
        self.index = index if index is not None else struct.unpack("<I", os.urandom(4))[0]
        self.e = ephemeral or X25519PrivateKey.generate()
        s = self.state = State(suite, peer)
        s.ephemeral(public(self.e))
        s.mix(dh(self.e, peer))
        static = s.seal(public(own))
        s.mix(dh(own, peer))
        body = struct.pack("<II", INITIATION, self.index) + public(self.e) + static + s.seal(stamp)
        self.message = with_macs(body, peer, cookie)

    def finish(self, m):
        if len(m) != 92 or struct.unpack_from("<I4xI", m) != (RESPONSE, self.index):
            raise Refused("no answer to this initiation")
        check_mac1(m, public(self.own))
        s, theirs = self.state, m[12:44]
        s.ephemeral(theirs)
        s.mix(dh(self.e, theirs))
        s.mix(dh(self.own, theirs))
        s.preshared(self.psk)
        s.unseal(m[44:60])
        send, receive = kdf(2, s.c)
        return Session(s.suite, self.peer, send, receive, self.index, struct.unpack_from("<I", m, 4)[0], True)

    def cookie(self, m):
        """The cookie of a reply to this message."""
        if len(m) != 64 or struct.unpack_from("<II", m) != (COOKIE, self.index):
            raise Refused("no reply to this initiation")
        return open_cookie(self.peer, m[8:32], m[32:], self.message[-32:-16])


class Asked:
    """An initiation that came: whose it is, and how it is answered."""

    def __init__(self, own, m):
        if len(m) != 148 or struct.unpack_from("<I", m)[0] != INITIATION:
            raise Refused("no initiation")
        check_mac1(m, public(own))
        self.own, self.m = own, m
        for suite in (AES, CHACHA):
            try:
                self.state = State(suite, public(own))
                self._open()
                return
            except Refused:
                continue
        raise Refused("not authentic")

    def _open(self):
        s, m = self.state, self.m
        s.ephemeral(m[8:40])
        s.mix(dh(self.own, m[8:40]))
        self.peer = s.unseal(m[40:88])
        s.mix(dh(self.own, self.peer))
        self.stamp = s.unseal(m[88:116])

    def answer(self, ephemeral=None, index=None, psk=bytes(32)):
        """The response, and the session, which may send once something was received with it."""
        s = self.state
        e = ephemeral or X25519PrivateKey.generate()
        index = index if index is not None else struct.unpack("<I", os.urandom(4))[0]
        theirs = struct.unpack_from("<I", self.m, 4)[0]
        s.ephemeral(public(e))
        s.mix(dh(e, self.m[8:40]))
        s.mix(dh(e, self.peer))
        s.preshared(psk)
        body = struct.pack("<III", RESPONSE, index, theirs) + public(e) + s.seal(b"")
        receive, send = kdf(2, s.c)
        return with_macs(body, self.peer, None), Session(s.suite, self.peer, send, receive, index, theirs, False)


class Session:
    """Two keys and their counters. `confirmed`: it may send."""

    def __init__(self, suite, peer, send, receive, index, theirs, confirmed):
        self.suite, self.peer = suite, peer
        self.send, self.receive = send, receive
        self.index, self.theirs, self.confirmed = index, theirs, confirmed
        self.counter = 0
        self.seen, self.highest = {}, {}

    def seal(self, plain, flags=0):
        header = struct.pack("<BBHIQ", TRANSPORT, flags, 0, self.theirs, self.counter)
        packet = header + seal(self.suite, self.send, self.counter, plain, header)
        self.counter += 1
        return packet

    def unseal(self, m):
        """Flags and plaintext."""
        if len(m) < 32:
            raise Refused("too short")
        kind, flags, zero, receiver, counter = struct.unpack_from("<BBHIQ", m)
        space, number = counter >> 56, counter & (1 << 56) - 1
        if kind != TRANSPORT or flags & ~1 or zero or receiver != self.index or space > 7:
            raise Refused("not for this session")
        seen, highest = self.seen.setdefault(space, set()), self.highest.get(space, 0)
        if number in seen or number + REPLAY_WINDOW < highest:
            raise Refused("a replay")
        plain = unseal(self.suite, self.receive, counter, m[16:], m[:16])
        self.highest[space] = max(highest, number)
        seen.add(number)
        self.confirmed = True
        return flags, plain
