# SPDX-License-Identifier: GPL-3.0-or-later
"""The others: how each is set up, in its usual and fastest safe configuration. One hub, one spoke, the spoke calls."""

import os
import shutil
import signal

import world as w
from bed import HUB, SPOKE
from wireguard import new_key, public_key

INNER_HUB, INNER_SPOKE = "10.99.0.1", "10.99.0.2"


class Peer:
    """
    One way to connect two machines. Called in this order, on a fresh bed each time:
    1. prepare()      keys and files, the hub's daemon
    2. start_spoke()  from here the time to the first reply counts
    3. settle()       once there was a reply: until the path is as it stays
    `ends` holds the daemons of each end, newest last.
    """

    name = ""
    settings = ""
    program = None
    beds = ("plain", "loss")
    is_ours = False

    def __init__(self):
        self.bed = None
        self.dir = None
        self.ends = {}

    def missing(self):
        """Why it cannot be measured here, or None."""
        if self.program and not shutil.which(self.program):
            return f"{self.program} is not installed"
        return None

    def version(self):
        return ""

    def open(self, bed):
        self.bed = bed
        self.dir = os.path.join(bed.world.dir, self.name)
        os.mkdir(self.dir)
        self.ends = {}

    def prepare(self):
        pass

    def start_spoke(self):
        pass

    def settle(self):
        pass

    def device(self):
        """The spoke's tunnel device."""
        return self.program

    def sink(self):
        """The end that receives, and its inner address."""
        return self.bed.hub, INNER_HUB

    # --- for the subclasses ---

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def launch(self, end, argv, **kw):
        process = self.bed.end(end).start(argv, name=f"{self.name} {end}", **kw)
        self.ends.setdefault(end, []).append(process)
        return process


class Veth(Peer):
    name = "veth"
    settings = "no tunnel: the cable itself, the ceiling"

    def version(self):
        return "Linux " + os.uname().release

    def device(self):
        return "wan"

    def sink(self):
        return self.bed.hub, HUB


class Tinc(Peer):
    name = "tinc"
    program = "tincd"
    settings = "router mode, UDP; its defaults: aes-256-cbc, sha256, 4 bytes of MAC"

    def version(self):
        return w.run(["tincd", "--version"]).stdout.split("\n")[0]

    def device(self):
        return "tinc0"

    def prepare(self):
        addresses = {"hub": INNER_HUB, "spoke": INNER_SPOKE}
        for end, inner in addresses.items():
            self.write(f"{end}/tinc.conf", f"Name = {end}\nInterface = tinc0\nAddressFamily = ipv4\n"
                       + ("ConnectTo = hub\n" if end == "spoke" else ""))
            self.write(f"{end}/hosts/{end}", (f"Address = {HUB}\n" if end == "hub" else "") + f"Subnet = {inner}/32\n")
            self.write(f"{end}/tinc-up", f"#!/bin/sh\nip addr add {inner}/24 dev $INTERFACE\n"
                       "ip link set $INTERFACE up\n", 0o700)
            w.run(["tincd", "-c", self.path(end), "-K", "2048"])
        for end, other in (("hub", "spoke"), ("spoke", "hub")):
            shutil.copy(self.path(other, "hosts", other), self.path(end, "hosts", other))
        self._daemon("hub").wait_line("Ready")

    def _daemon(self, end):
        return self.launch(end, ["tincd", "-c", self.path(end), "-D", "-d1", f"--pidfile={self.path(end)}.pid"])

    def start_spoke(self):
        self._daemon("spoke")

    def settle(self):
        """Until its search for the path MTU has ended at both ends; before that packets may go over TCP."""
        for processes in self.ends.values():
            daemon = processes[-1]

            def found(daemon=daemon):
                mark = daemon.mark()
                daemon.popen.send_signal(signal.SIGUSR2)
                got = daemon.wait_line(r" at 203.* pmtu (\d+) \(min (\d+) max (\d+)\)", 5, mark)
                return got.group(2) == got.group(3) != "0"
            w.wait_until("tinc knows the path MTU", found, 40)


class OpenVpn(Peer):
    name = "openvpn"
    program = "openvpn"
    settings = "UDP, TLS 1.3, AES-256-GCM, no DCO, peer fingerprints, 2 MiB socket buffers, txqueuelen 1000, fast-io"
    COMMON = ("--dev", "tun0", "--dev-type", "tun", "--proto", "udp", "--data-ciphers", "AES-256-GCM", "--disable-dco",
              "--sndbuf", "2097152", "--rcvbuf", "2097152", "--txqueuelen", "1000", "--fast-io", "--verb", "3",
              "--tls-version-min", "1.3")

    def version(self):
        return " ".join(w.run(["openvpn", "--version"], check=False).stdout.split()[:2])

    def device(self):
        return "tun0"

    def prepare(self):
        for end in ("hub", "spoke"):
            w.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
                   "-days", "30", "-subj", f"/CN={end}", "-keyout", self.path(f"{end}.key"), "-out", self.path(f"{end}.crt")])
        hub = self._daemon("hub", "spoke", "--tls-server", "--dh", "none", "--topology", "subnet", "--server", "10.99.0.0",
                           "255.255.255.0", "--local", HUB)
        hub.wait_line("Initialization Sequence Completed")

    def _daemon(self, end, other, *options):
        said = w.run(["openssl", "x509", "-in", self.path(f"{other}.crt"), "-noout", "-fingerprint", "-sha256"]).stdout
        return self.launch(end, ["openvpn", *self.COMMON, "--cert", self.path(f"{end}.crt"), "--key", self.path(f"{end}.key"),
                                 "--peer-fingerprint", said.strip().split("=", 1)[1], *options])

    def start_spoke(self):
        self._daemon("spoke", "hub", "--client", "--nobind", "--remote", HUB)


def wireguard_up(peer, end, program, dev, config, addresses):
    """Starts a wireguard-go and gives it a configuration; the device has one MTU everywhere, 1420."""
    ns = peer.bed.end(end)
    peer.launch(end, [program, dev], env={**os.environ, "WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"})
    socket = f"/var/run/wireguard/{dev}.sock"
    ns.run(["sh", "-c", f"until [ -S {socket} ]; do :; done"], timeout=20)
    ns.run(["wg", "setconf", dev, "/dev/stdin"], user_input=config)
    for address in addresses:
        ns.run(["ip", "addr", "add", address, "dev", dev])
    ns.run(["ip", "link", "set", dev, "mtu", "1420", "up"])


class WireguardGo(Peer):
    name = "wireguard-go"
    settings = "chacha20-poly1305, MTU 1420"
    PORT = 51820

    @property
    def program(self):
        return os.environ.get("WIREGUARD_GO", "wireguard-go")

    def version(self):
        got = w.run([self.program, "--version"], check=False)
        return " ".join((got.stdout + got.stderr).split("\n")[0].split()[:2])

    def device(self):
        # The sockets of all of them are in one folder of the machine, by the device's name.
        return f"wgs{os.getpid()}"

    def prepare(self):
        self.keys = {end: new_key() for end in ("hub", "spoke")}
        wireguard_up(self, "hub", self.program, f"wgh{os.getpid()}", self._config("hub", "spoke", INNER_SPOKE, SPOKE),
                     [f"{INNER_HUB}/24"])

    def _config(self, end, other, allowed, endpoint):
        return (f"[Interface]\nPrivateKey = {self.keys[end]}\nListenPort = {self.PORT}\n[Peer]\n"
                f"PublicKey = {public_key(self.keys[other])}\nAllowedIPs = {allowed}/32\nEndpoint = {endpoint}:{self.PORT}\n")

    def start_spoke(self):
        wireguard_up(self, "spoke", self.program, self.device(), self._config("spoke", "hub", INNER_HUB, HUB),
                     [f"{INNER_SPOKE}/24"])


class Fastd(Peer):
    name = "fastd"
    program = "fastd"
    settings = "aes128-ctr+umac, mode tun, MTU 1420"

    def version(self):
        return w.run(["fastd", "--version"]).stdout.strip()

    def device(self):
        return "fastd0"

    def prepare(self):
        said = {end: w.run(["fastd", "--generate-key", "--machine-readable"]).stdout.strip() for end in ("hub", "spoke")}
        public = {end: w.run(["fastd", "--show-key", "--machine-readable", "--config", "-"],
                             user_input=f'secret "{secret}";\n').stdout.strip() for end, secret in said.items()}
        for end, other, inner in (("hub", "spoke", INNER_HUB), ("spoke", "hub", INNER_SPOKE)):
            remote = f"remote {HUB}:10000;" if end == "spoke" else ""
            self.write(f"{end}.conf", f"""
log level verbose;
mode tun;
interface "fastd0";
method "aes128-ctr+umac";
mtu 1420;
bind 0.0.0.0:10000;
secret "{said[end]}";
on up "ip addr add {inner}/24 dev fastd0; ip link set fastd0 up";
peer "{other}" {{ key "{public[other]}"; {remote} }}
""")
        self.launch("hub", ["fastd", "--config", self.path("hub.conf")]).wait_line("bound to|adding peer|changed")

    def start_spoke(self):
        self.launch("spoke", ["fastd", "--config", self.path("spoke.conf")])


class Nebula(Peer):
    name = "nebula"
    program = "nebula"
    settings = "AES-256-GCM, MTU 1420, one routine, batches of 64"

    def version(self):
        return "nebula " + w.run(["nebula", "-version"]).stdout.split()[-1]

    def device(self):
        return "nebula0"

    def prepare(self):
        ca = ["-ca-crt", self.path("ca.crt"), "-ca-key", self.path("ca.key")]
        w.run(["nebula-cert", "ca", "-name", "bench", "-out-crt", ca[1], "-out-key", ca[3]])
        for end, inner in (("hub", INNER_HUB), ("spoke", INNER_SPOKE)):
            w.run(["nebula-cert", "sign", *ca, "-name", end, "-ip", f"{inner}/24",
                   "-out-crt", self.path(f"{end}.crt"), "-out-key", self.path(f"{end}.key")])
            lighthouse = "am_lighthouse: true" if end == "hub" else f'am_lighthouse: false\n  hosts: ["{INNER_HUB}"]'
            self.write(f"{end}.yml", f"""
pki: {{ca: {self.path("ca.crt")}, cert: {self.path(end + ".crt")}, key: {self.path(end + ".key")}}}
static_host_map: {{{'' if end == "hub" else f'"{INNER_HUB}": ["{HUB}:4242"]'}}}
lighthouse:
  {lighthouse}
listen: {{host: 0.0.0.0, port: 4242, batch: 64, read_buffer: 4194304, write_buffer: 4194304}}
cipher: aes
tun: {{dev: nebula0, mtu: 1420}}
firewall:
  outbound: [{{port: any, proto: any, host: any}}]
  inbound: [{{port: any, proto: any, host: any}}]
""")
        self.launch("hub", ["nebula", "-config", self.path("hub.yml")]).wait_line("Nebula interface is active")

    def start_spoke(self):
        self.launch("spoke", ["nebula", "-config", self.path("spoke.yml")])


ALL = (Veth, Tinc, OpenVpn, WireguardGo, Fastd, Nebula)

__all__ = ["ALL", "Peer", "wireguard_up"]
