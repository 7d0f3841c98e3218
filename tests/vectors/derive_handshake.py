#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives handshake.json: whole handshakes with fixed keys, for the three ciphers.

A second path to the same bytes: written from schema/PROTOCOL.md, RFC 7748, RFC 8439, NIST SP 800-38D, FIPS 197 and
draft-irtf-cfrg-xchacha-03 with nothing but the Python standard library, so that it shares no line and no library with
shared/noise. Only BLAKE2s and HMAC come from the standard library. Slow, and not constant in time: for test vectors only.

    derive_handshake.py            writes handshake.json beside this file
    derive_handshake.py --check    fails when the file differs from what would be written
"""
import hashlib
import hmac
import json
import os
import struct
import sys

# --- X25519, RFC 7748 section 5 ---

P = 2**255 - 19


def x25519(scalar: bytes, point: bytes) -> bytes:
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    u = int.from_bytes(point, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        bit = (k >> t) & 1
        if swap != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a % P, c * b % P
        x3 = (da + cb) ** 2 % P
        z3 = u * (da - cb) ** 2 % P
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        x2 = aa * bb % P
        z2 = e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public_of(private: bytes) -> bytes:
    return x25519(private, (9).to_bytes(32, "little"))


# --- ChaCha20-Poly1305, RFC 8439; HChaCha20, draft-irtf-cfrg-xchacha-03 ---


def rotl(v, n):
    return ((v << n) & 0xFFFFFFFF) | (v >> (32 - n))


def chacha_rounds(state):
    s = list(state)

    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotl(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotl(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotl(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotl(s[b] ^ s[c], 7)

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha_block(key, counter, nonce):
    state = SIGMA + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, chacha_rounds(state))))


def hchacha20(key, nonce16):
    s = chacha_rounds(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))
    return struct.pack("<8I", *(s[0:4] + s[12:16]))


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def pad16(b):
    return b + bytes(-len(b) % 16)


def poly1305(key, msg):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(msg), 16):
        acc = (acc + int.from_bytes(msg[i:i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], "little")) & (2**128 - 1)).to_bytes(16, "little")


def chachapoly_seal(key, nonce12, aad, plain):
    out = b"".join(xor(plain[i:i + 64], chacha_block(key, 1 + i // 64, nonce12)) for i in range(0, len(plain), 64))
    mac_in = pad16(aad) + pad16(out) + struct.pack("<QQ", len(aad), len(out))
    return out + poly1305(chacha_block(key, 0, nonce12)[:32], mac_in)


def xchachapoly_seal(key, nonce24, aad, plain):
    return chachapoly_seal(hchacha20(key, nonce24[:16]), bytes(4) + nonce24[16:], aad, plain)


# --- AES-256 (FIPS 197) in GCM (SP 800-38D) ---


def gf_mul(a, b):
    r = 0
    while b:
        if b & 1:
            r ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return r


def make_sbox():
    box = []
    for v in range(256):
        inv = next((w for w in range(256) if gf_mul(v, w) == 1), 0)
        s = 0x63
        for i in range(5):
            s ^= ((inv << i) | (inv >> (8 - i))) & 0xFF
        box.append(s)
    return box


SBOX = make_sbox()


def aes256_round_keys(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    rcon = 1
    for i in range(8, 60):
        w = list(words[-1])
        if i % 8 == 0:
            w = [SBOX[b] for b in w[1:] + w[:1]]
            w[0] ^= rcon
            rcon = gf_mul(rcon, 2)
        elif i % 8 == 4:
            w = [SBOX[b] for b in w]
        words.append([a ^ b for a, b in zip(w, words[-8])])
    return [sum(words[4 * r:4 * r + 4], []) for r in range(15)]


def aes_block(round_keys, block):
    s = [a ^ b for a, b in zip(block, round_keys[0])]
    for r in range(1, 15):
        s = [SBOX[b] for b in s]
        s = [s[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if r < 14:
            mixed = []
            for c in range(0, 16, 4):
                for i in range(4):
                    a, b, d, e = (s[c + (i + j) % 4] for j in range(4))
                    mixed.append(gf_mul(a, 2) ^ gf_mul(b, 3) ^ d ^ e)
            s = mixed
        s = [a ^ b for a, b in zip(s, round_keys[r])]
    return bytes(s)


def ghash(h, data):
    hi, y = int.from_bytes(h, "big"), 0
    for i in range(0, len(data), 16):
        x, v, z = y ^ int.from_bytes(data[i:i + 16], "big"), hi, 0
        for bit in range(127, -1, -1):
            if (x >> bit) & 1:
                z ^= v
            v = (v >> 1) ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def aesgcm_seal(key, nonce12, aad, plain):
    rk = aes256_round_keys(key)

    def stream(i):
        return aes_block(rk, nonce12 + struct.pack(">I", i))

    out = b"".join(xor(plain[i:i + 16], stream(2 + i // 16)) for i in range(0, len(plain), 16))
    s = ghash(aes_block(rk, bytes(16)), pad16(aad) + pad16(out) + struct.pack(">QQ", 8 * len(aad), 8 * len(out)))
    return out + xor(s, stream(1))


# --- Noise_IKpsk2, Noise specification revision 34 and schema/PROTOCOL.md ---


def blake2s(b):
    return hashlib.blake2s(b).digest()


def mac(key, b):
    return hashlib.blake2s(b, digest_size=16, key=key).digest()


def hmac_blake2s(key, b):
    return hmac.new(key, b, hashlib.blake2s).digest()


def hkdf(ck, data, n):
    temp, out, last = hmac_blake2s(ck, data), [], b""
    for i in range(n):
        last = hmac_blake2s(temp, last + bytes([i + 1]))
        out.append(last)
    return out


class Cipher:
    def __init__(self, name, number, construction, identifier, seal, big_endian, types):
        self.name, self.number, self.construction, self.identifier = name, number, construction, identifier
        self.raw_seal, self.big_endian, self.types = seal, big_endian, types

    def seal(self, key, counter, aad, plain):
        nonce = bytes(4) + struct.pack(">Q" if self.big_endian else "<Q", counter)
        return self.raw_seal(key, nonce, aad, plain)


CHACHA_NAME = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
CIPHERS = [
    Cipher("wireguard", 0, CHACHA_NAME, b"WireGuard v1 zx2c4 Jason@zx2c4.com", chachapoly_seal, False,
           {"initiation": 1, "response": 2, "cookie": 3, "transport": 4}),
    Cipher("aes256gcm", 1, b"Noise_IKpsk2_25519_AESGCM_BLAKE2s", b"Branchline v1", aesgcm_seal, True,
           {"initiation": 5, "response": 6, "cookie": 9, "transport": 7}),
    Cipher("chacha20poly1305", 2, CHACHA_NAME, b"Branchline v1", chachapoly_seal, False,
           {"initiation": 5, "response": 6, "cookie": 9, "transport": 7}),
]


class Side:
    """Noise's SymmetricState; each handshake token is one line of its caller."""

    def __init__(self, cipher, responder_public):
        self.cipher = cipher
        self.ck = blake2s(cipher.construction)
        self.h = blake2s(blake2s(self.ck + cipher.identifier) + responder_public)
        self.key = None

    def mix_hash(self, b):
        self.h = blake2s(self.h + b)

    def mix_key(self, b):
        self.ck, self.key = hkdf(self.ck, b, 2)

    def ephemeral(self, public):
        self.mix_hash(public)
        self.ck = hkdf(self.ck, public, 1)[0]

    def psk(self, psk):
        self.ck, tau, self.key = hkdf(self.ck, psk, 3)
        self.mix_hash(tau)

    def seal(self, plain):
        out = self.cipher.seal(self.key, 0, self.h, plain)
        self.mix_hash(out)
        return out


def transport(cipher, key, receiver, counter, flags, plain):
    header = bytes([cipher.types["transport"], flags, 0, 0]) + struct.pack("<IQ", receiver, counter)
    if cipher.number == 0:
        return header + cipher.seal(key, counter, b"", pad16(plain))
    return header + cipher.seal(key, counter, header, plain)


def with_macs(message, public, cookie=None):
    """`message` without its MACs; MAC2 is zeros unless there is a cookie."""
    message += mac(blake2s(b"mac1----" + public), message)
    return message + (mac(cookie, message) if cookie else bytes(16))


def cookie_case(cipher, bare, mac1, fixed, responder_public):
    """What a responder under load answers to the initiation, and the initiation that follows it."""
    source = fixed["source_address"] + struct.pack(">HI", fixed["source_port"], fixed["relay_source"])
    cookie = mac(fixed["cookie_secret"], source)
    sealed = xchachapoly_seal(blake2s(b"cookie--" + responder_public), fixed["cookie_nonce"], mac1, cookie)
    reply = struct.pack("<II", cipher.types["cookie"], fixed["initiator_index"]) + fixed["cookie_nonce"] + sealed
    return {"reply": reply, "initiation_with_mac2": with_macs(bare, responder_public, cookie)}


def handshake(cipher, psk, fixed):
    pub = {k: public_of(fixed[k]) for k in
           ("initiator_private", "responder_private", "initiator_ephemeral", "responder_ephemeral")}
    si, sr = fixed["initiator_private"], fixed["responder_private"]
    ei, er = fixed["initiator_ephemeral"], fixed["responder_ephemeral"]

    side = Side(cipher, pub["responder_private"])
    side.ephemeral(pub["initiator_ephemeral"])
    side.mix_key(x25519(ei, pub["responder_private"]))
    sealed_static = side.seal(pub["initiator_private"])
    side.mix_key(x25519(si, pub["responder_private"]))
    sealed_timestamp = side.seal(fixed["timestamp"])
    bare1 = (struct.pack("<II", cipher.types["initiation"], fixed["initiator_index"]) + pub["initiator_ephemeral"]
             + sealed_static + sealed_timestamp)
    initiation = with_macs(bare1, pub["responder_private"])

    side.ephemeral(pub["responder_ephemeral"])
    side.mix_key(x25519(er, pub["initiator_ephemeral"]))
    side.mix_key(x25519(er, pub["initiator_private"]))
    side.psk(psk)
    bare2 = (struct.pack("<III", cipher.types["response"], fixed["responder_index"], fixed["initiator_index"])
             + pub["responder_ephemeral"] + side.seal(b""))
    response = with_macs(bare2, pub["initiator_private"])

    key_i, key_r = hkdf(side.ck, b"", 2)
    # The same secrets, seen from the other side: X25519 commutes, or something is badly wrong.
    assert x25519(er, pub["initiator_private"]) == x25519(si, pub["responder_ephemeral"])

    flags = 0 if cipher.number == 0 else 1
    plain = bytes(range(61))
    packets = [
        ("initiator", 0, 0, b""),
        ("responder", 0, 0, b""),
        ("initiator", 1, flags, plain),
        ("responder", 0x0102030405060708, flags, plain),
    ]
    return {
        "name": cipher.name + ("-psk" if any(psk) else ""),
        "cipher": cipher.number,
        "psk": psk,
        "initiator_public": pub["initiator_private"],
        "responder_public": pub["responder_private"],
        "initiation": initiation,
        "response": response,
        "initiator_send_key": key_i,
        "responder_send_key": key_r,
        "cookie": cookie_case(cipher, bare1, initiation[116:132], fixed, pub["responder_private"]),
        "transport": [
            {
                "from": who,
                "counter": str(counter),
                "flags": fl,
                "plaintext": body,
                "packet": transport(cipher, key_i if who == "initiator" else key_r,
                                    fixed["responder_index"] if who == "initiator" else fixed["initiator_index"],
                                    counter, fl, body),
            } for who, counter, fl, body in packets
        ],
    }


def fixed_inputs():
    def seed(name):
        return blake2s(b"branchline handshake vector: " + name)

    return {
        "initiator_private": seed(b"initiator private"),
        "responder_private": seed(b"responder private"),
        "initiator_ephemeral": seed(b"initiator ephemeral"),
        "responder_ephemeral": seed(b"responder ephemeral"),
        "timestamp": bytes.fromhex("400000006a8f3c2a2a000000"),
        "initiator_index": 0x11223344,
        "responder_index": 0xA1B2C3D4,
        "cookie_secret": seed(b"cookie secret"),
        "cookie_nonce": seed(b"cookie nonce")[:24],
        "source_address": bytes([192, 0, 2, 7]),
        "source_port": 51820,
        "relay_source": 0,
    }


def self_test():
    """The building blocks against published vectors, before anything is derived from them."""
    h = bytes.fromhex
    # RFC 7748 section 5.2
    assert x25519(h("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                  h("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
                  ).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    # RFC 8439 section 2.8.2
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
    sealed = chachapoly_seal(bytes(range(0x80, 0xA0)), h("070000004041424344454647"),
                             h("50515253c0c1c2c3c4c5c6c7"), text)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    # draft-irtf-cfrg-xchacha-03 section 2.2.1
    assert hchacha20(bytes(range(32)), h("000000090000004a0000000031415927")
                     ).hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    # FIPS 197 appendix C.3, and the GCM specification's test case 16
    assert aes_block(aes256_round_keys(bytes(range(32))), h("00112233445566778899aabbccddeeff")
                     ).hex() == "8ea2b7ca516745bfeafc49904b496089"
    sealed = aesgcm_seal(h("feffe9928665731c6d6a8f9467308308" * 2), h("cafebabefacedbaddecaf888"),
                         h("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                         h("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"))
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


def to_hex(v):
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, dict):
        return {k: to_hex(x) for k, x in v.items()}
    if isinstance(v, list):
        return [to_hex(x) for x in v]
    return v


def main():
    self_test()
    fixed = fixed_inputs()
    psk = blake2s(b"branchline handshake vector: psk")
    cases = [handshake(c, k, fixed) for c in CIPHERS for k in (bytes(32), psk)]
    text = json.dumps(to_hex({"fixed": fixed, "handshakes": cases}), indent=1) + "\n"
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "handshake.json")
    if "--check" in sys.argv[1:]:
        with open(path, encoding="ascii") as f:
            sys.exit(0 if f.read() == text else "handshake.json is not what derive_handshake.py derives")
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    main()
