# SPDX-License-Identifier: GPL-3.0-or-later
"""Branchline itself, in the ways in which two machines can be connected by it."""

import os

import bed as b
import world as w
from options import accepts
from peers import Peer, wireguard_up
from wireguard import new_key, parse_config, public_key

PLACEHOLDER = "(the private key of this device)"


class Station(w.Site):
    """The daemon of one end in a namespace of a bed."""

    def __init__(self, world, name, ns):  # pylint: disable=super-init-not-called
        self.world = world
        self.name = name
        self.server = ns
        self.dir = os.path.join(world.dir, f"station-{name}")
        self.daemon = None


class Ours(Peer):
    """Hub and spoke, straight."""

    name = "ours"
    settings = "as it comes"
    backend = None
    is_ours = True

    def __init__(self):
        super().__init__()
        self.stations = {}
        self.addresses = {}

    def missing(self):
        if not os.path.exists(os.path.join(w.BUILD, "branchline-hub")):
            return f"no programs in {w.BUILD}"
        if self.backend and not accepts(f"Crypto={self.backend}"):
            return f"this build has no Crypto = {self.backend}"
        if self.name == "ours" and accepts("Crypto=openssl"):
            return "measured by backend"
        return None

    def version(self):
        return w.run([os.path.join(w.BUILD, "branchline-spoke"), "--version"]).stdout.strip()

    def device(self):
        return w.NET

    def options(self):
        return ("-o", f"Crypto={self.backend}") if self.backend else ()

    def prepare(self):
        self.stations = {"hub": Station(self.bed.world, "hub", self.bed.hub)}
        hub = self.stations["hub"]
        hub.json("hub", "init", "--name", "hub", "--address", b.HUB, "--pool", "192.168.100.0/24")
        self.ends["hub"] = [hub.start_daemon("hub", *self.options())]
        self.add_spoke("spoke")
        self.learn_addresses()

    def add_spoke(self, end):
        station = self.stations[end] = Station(self.bed.world, end, self.bed.end(end))
        station.join(self.stations["hub"].hub("node", "add", end).stdout.strip())

    def learn_addresses(self):
        nodes = self.stations["hub"].json("hub", "status")["nodes"]
        self.addresses = {n["name"]: w.address_of(n) for n in nodes}

    def start_spoke(self):
        self.ends["spoke"] = [self.stations["spoke"].start_daemon("spoke", *self.options(), wait=False)]

    def path_to(self, name):
        peers = self.stations["spoke"].json("spoke", "status")["peers"]
        return {p["name"]: p["path"] for p in peers}[name]

    def settle(self):
        w.wait_until("the direct path", lambda: self.path_to("hub") == "direct-udp")

    def sink(self):
        return self.bed.hub, self.addresses["hub"]


class OursOpenssl(Ours):
    name = "ours-openssl"
    settings = "Crypto = openssl (EVP, AES-256-GCM)"
    backend = "openssl"


class OursIpsecMb(Ours):
    name = "ours-ipsec-mb"
    settings = "Crypto = ipsec-mb (AES-256-GCM)"
    backend = "ipsec-mb"


class OursWorkers2(Ours):
    """Two processes that move packets, at both ends."""

    name = "ours-workers2"
    settings = "as it comes, Workers = 2"

    def options(self):
        return ("-o", "Workers=2")

    def missing(self):
        return None if accepts("Workers=2") else "this build has no Workers"


class OursRelayed(Ours):
    """Spoke to spoke, which have no route to each other: the hub passes on what it cannot read."""

    name = "ours-relayed"
    settings = "as it comes, spoke - hub - spoke"
    beds = ("relay",)

    def prepare(self):
        super().prepare()
        self.add_spoke("far")
        self.learn_addresses()
        self.ends["far"] = [self.stations["far"].start_daemon("spoke")]

    def settle(self):
        w.wait_until("the path through the hub", lambda: self.path_to("far") == "hub-udp")

    def sink(self):
        return self.bed.far, self.addresses["far"]


class OursWireguard(Ours):
    """The hub with a stock device, which is Debian's wireguard-go and as fast as that is."""

    name = "ours-wireguard"
    settings = "our hub, a stock wireguard-go as spoke, chacha20-poly1305, MTU 1420"
    program = os.environ.get("WIREGUARD_GO", "wireguard-go")

    def missing(self):
        return super().missing() or Peer.missing(self)

    def device(self):
        return f"wgd{os.getpid()}"

    def prepare(self):
        self.stations = {"hub": Station(self.bed.world, "hub", self.bed.hub)}
        hub = self.stations["hub"]
        hub.json("hub", "init", "--name", "hub", "--address", b.HUB, "--pool", "192.168.100.0/24")
        self.ends["hub"] = [hub.start_daemon("hub")]
        self.key = new_key()
        text = hub.hub("node", "add", "spoke", "--kind", "wireguard", "--public-key", public_key(self.key)).stdout
        self.config = parse_config(text.replace(PLACEHOLDER, self.key))
        self.learn_addresses()

    def start_spoke(self):
        lines, addresses = [], []
        for section, entries in self.config:
            lines.append(f"[{section}]")
            for key, value in entries:
                if key == "Address":
                    addresses += [a.strip() for a in value.split(",")]
                elif key != "MTU":
                    lines.append(f"{key} = {value}")
        wireguard_up(self, "spoke", self.program, self.device(), "\n".join(lines) + "\n", addresses)
        self.bed.spoke.run(["ip", "route", "replace", f"{self.addresses['hub']}/32", "dev", self.device()])

    def settle(self):
        pass


ALL = (Ours, OursOpenssl, OursIpsecMb, OursWorkers2, OursRelayed, OursWireguard)
