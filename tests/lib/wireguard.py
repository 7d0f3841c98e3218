# SPDX-License-Identifier: GPL-3.0-or-later
"""A device with Debian's wireguard-go and `wg`: an implementation that is none of ours, as a node of the network.

        lan host ----- device (wireguard-go) ----- internet
     10.N.0.10     10.N.0.1            public address
"""

import base64
import os
import socket

from world import Failed, run, wait_until

PORT = 51820
KEY_PLACEHOLDER = "(the private key of this device)"
SOCKETS = "/var/run/wireguard"


def new_key():
    return run(["wg", "genkey"]).stdout.strip()


def public_key(private):
    return run(["wg", "pubkey"], user_input=private + "\n").stdout.strip()


def parse_config(text):
    """The sections of a wg-quick file, each a name and a list of (key, value)."""
    sections = []
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            sections.append((line.strip("[]"), []))
        elif line:
            key, value = line.split("=", 1)
            sections[-1][1].append((key.strip(), value.strip()))
    return sections


class Device:
    """One device. `add_to()` makes it a node of a hub's network, `start()` switches it on."""

    made = 0

    def __init__(self, world, name, number):
        self.name = name
        self.ns = world.namespace(name)
        self.ns.forward()
        self.public4 = f"203.0.113.{number + 10}"
        world.attach(self.ns, "wan", self.public4, None)
        self.cable = f"p{world.links}"  # the internet's end
        # The sockets of all wireguard-go of this machine are in one folder, by the interface's name.
        self.dev = f"w{os.getpid()}n{Device.made}"
        Device.made += 1
        self.key = new_key()
        self.config = None
        self.daemon = None
        self.host = world.namespace(f"{name}lan")
        self.host4, self.host6 = f"10.{number}.0.10", f"fd00:{number}::10"
        self.lan4, self.lan6 = f"10.{number}.0.0/24", f"fd00:{number}::/64"
        world.veth(self.ns, "lan", self.host, "eth0")
        self.ns.run(f"ip addr add 10.{number}.0.1/24 dev lan")
        self.ns.run(f"ip -6 addr add fd00:{number}::1/64 dev lan nodad")
        self.host.run(f"ip addr add {self.host4}/24 dev eth0")
        self.host.run(f"ip -6 addr add {self.host6}/64 dev eth0 nodad")
        self.host.run(f"ip route add default via 10.{number}.0.1")
        self.host.run(f"ip -6 route add default via fd00:{number}::1")

    def add_to(self, hq, *options):
        """What the hub's admin does; the device's owner gets the printed text and puts in the private key."""
        text = hq.hub("node", "add", self.name, "--kind", "wireguard", "--public-key", public_key(self.key),
                      "--subnet", self.lan4, "--subnet", self.lan6, *options).stdout
        assert text.count(KEY_PLACEHOLDER) == 1, text
        self.config = text.replace(KEY_PLACEHOLDER, self.key)

    def values(self, key):
        """Every value of a key of the configuration; lists are split."""
        return [v.strip() for _, lines in parse_config(self.config) for k, value in lines if k == key
                for v in value.split(",")]

    def start(self):
        """As wg-quick does it, with the configuration as it was printed; only the port is a choice of the owner."""
        self.daemon = self.ns.start(
            ["wireguard-go", self.dev], name=self.name,
            env={**os.environ, "WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "verbose"},
        )
        # Not before it listens: wg(8) takes a socket that is bound but does not listen yet for a left over one, and removes it.
        self.daemon.wait_line("UAPI listener started")
        wait_until(f"{self.dev} is there", lambda: self.ns.run(["wg", "show", self.dev]))
        lines = []
        for section, entries in parse_config(self.config):
            lines.append(f"[{section}]")
            lines += [f"{k} = {v}" for k, v in entries if k not in ("Address", "MTU")]
            if section == "Interface":
                lines.append(f"ListenPort = {PORT}")
        self.ns.run(["wg", "setconf", self.dev, "/dev/stdin"], user_input="\n".join(lines) + "\n")
        for address in self.values("Address"):
            self.ns.run(["ip", "addr", "add", address, "dev", self.dev, *(["nodad"] if ":" in address else [])])
        for mtu in self.values("MTU"):
            self.ns.run(["ip", "link", "set", self.dev, "mtu", mtu])
        self.ns.run(["ip", "link", "set", self.dev, "up"])
        for prefix in self.values("AllowedIPs"):
            self.ns.run(["ip", "route", "add", prefix, "dev", self.dev])

    def stop(self):
        """Off: its sessions are gone and nobody is told."""
        self.daemon.stop()

    def address(self, family):
        """The address in the network that the hub has given it."""
        for a in self.values("Address"):
            if (":" in a) == (family == 6):
                return a.split("/")[0]
        raise Failed(f"no IPv{family} address in\n{self.config}")

    def count(self, text, start=0):
        """How often wireguard-go has logged `text`."""
        with self.daemon.changed:
            return sum(text in line for line in self.daemon.lines[start:])

    def handshake_s(self):
        """When the last handshake was, in seconds since 1970; 0 never."""
        return int(self.ns.run(["wg", "show", self.dev, "latest-handshakes"]).stdout.split()[1])

    def rekey(self):
        """
        Has the device make a new session now, as it would after two minutes: wireguard-go sends with no key that was made
        before its private key was set. A key that is not the old one stands between, since setting the same again does nothing.
        """
        other, own = (base64.b64decode(k).hex() for k in (new_key(), self.key))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(SOCKETS, f"{self.dev}.sock"))
            s.sendall(f"set=1\nprivate_key={other}\nprivate_key={own}\n\n".encode())
            answer = s.recv(100)
        if answer != b"errno=0\n\n":
            raise Failed(f"wireguard-go: {answer!r}")


__all__ = ["PORT", "Device", "new_key", "public_key"]
