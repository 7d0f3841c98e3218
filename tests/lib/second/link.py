# SPDX-License-Identifier: GPL-3.0-or-later
"""The link of schema/CONTROL.md from the spoke's side: token, TLS with pins, frames."""

import base64
import datetime
import hashlib
import json
import os
import ssl
import struct
import tempfile
import zlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

FRAME_MAX, JSON_MAX = 8388608, 64 << 20
TUNNEL_KEY_LABEL = b"branchline tunnel key v1\0"


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def b64(data):
    return base64.b64encode(data).decode()


class Token:
    """Section 13."""

    def __init__(self, text):
        text = text.strip()
        assert text.startswith("bl1_"), text
        data = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
        assert hashlib.sha256(data[:-4]).digest()[:4] == data[-4:], "cut or mistyped"
        assert data[0] == 1
        self.secret, self.hub_key = data[1:17], data[17:49]
        self.network, at = self._string(data, 49)
        self.places, count, at = [], data[at], at + 1
        for _ in range(count):
            place, at = self._string(data, at)
            host, port = place.split(" ")
            self.places.append((host, int(port)))
        assert at == len(data) - 4

    @staticmethod
    def _string(data, at):
        (n,) = struct.unpack_from("<H", data, at)
        return data[at + 2:at + 2 + n].decode(), at + 2 + n


def certificate(identity):
    """Carries the key and says nothing else that anybody looks at."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "second")])
    long_ago = datetime.datetime(2000, 1, 1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(identity.public_key())
            .serial_number(1).not_valid_before(long_ago).not_valid_after(long_ago + datetime.timedelta(days=1))
            .sign(identity, None))
    key = identity.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM) + key


def context(identity):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # the pin is what counts
    made.set_alpn_protocols(["branchline/1"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pem")
        with open(path, "wb") as f:
            f.write(certificate(identity))
        made.load_cert_chain(path)
    return made


class Link:
    """One connection. `sock` is a fresh TCP socket of the right namespace."""

    def __init__(self, sock, place, identity, pin, timeout=20.0):
        sock.settimeout(timeout)
        sock.connect(place)
        self.tls = context(identity).wrap_socket(sock)
        assert self.tls.version() == "TLSv1.3" and self.tls.selected_alpn_protocol() == "branchline/1"
        hub = x509.load_der_x509_certificate(self.tls.getpeercert(binary_form=True)).public_key()
        assert raw(hub) == pin, "another hub"
        self.tls.setblocking(False)
        self.held = b""
        self.ended = False

    def fileno(self):
        return self.tls.fileno()

    def send(self, **message):
        text = json.dumps(message).encode()
        self.write(struct.pack(">I", len(text)) + text)

    def write(self, data):
        self.tls.setblocking(True)
        self.tls.sendall(data)
        self.tls.setblocking(False)

    def _read(self):
        try:
            while True:
                got = self.tls.recv(65536)
                if not got:
                    self.ended = True
                    break
                self.held += got
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ConnectionError):
            self.ended = True

    def receive(self, one=False):
        """The messages that have come; of a carrier only its first, since no frames are behind that."""
        self._read()
        while len(self.held) >= 4:
            (length,) = struct.unpack_from(">I", self.held)
            packed, length = length >> 31, length & 0x7FFFFFFF
            assert 0 < length <= FRAME_MAX
            if len(self.held) < 4 + length:
                return
            text, self.held = self.held[4:4 + length], self.held[4 + length:]
            if packed:
                inflater = zlib.decompressobj()
                text = inflater.decompress(text, JSON_MAX)
                assert inflater.eof and not inflater.unused_data
            yield json.loads(text)
            if one:
                return

    def packets(self):
        """Section 14: the datagrams that have come on a carrier."""
        self._read()
        while len(self.held) >= 2:
            (length,) = struct.unpack_from(">H", self.held)
            if len(self.held) < 2 + length:
                return
            packet, self.held = self.held[2:2 + length], self.held[2 + length:]
            if packet:
                yield packet

    def close(self):
        self.tls.close()


def new_identity():
    return Ed25519PrivateKey.generate()


def sign_tunnel_key(identity, tunnel_key):
    return identity.sign(TUNNEL_KEY_LABEL + tunnel_key)


def check_tunnel_key(node):
    """Raises unless the node's identity key has signed its tunnel key."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(node["identity_key"]))
    key.verify(base64.b64decode(node["tunnel_sig"]), TUNNEL_KEY_LABEL + base64.b64decode(node["tunnel_key"]))
