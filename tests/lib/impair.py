# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad networks: a cable with faults, a firewall that throws datagrams away by chance, an internet without some of its ways.

    site (wan) ---- near [bad_cable.py] far ---- internet bridge

The cable sits below IP, so that addresses, paths and both families are as they would be without it.
"""

import json
import os
import signal

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_cable.py")
# A frame on a cable is what a wire would carry: with its checksum, and no larger than the MTU.
WHOLE_FRAMES = "tx off tso off gso off tx-udp-segmentation off"


class Cable:
    """Replaces the cable between a namespace's `wan` and the internet. Without faults until set() is called."""

    made = 0

    def __init__(self, world, ns, dev="wan", seed=1):
        Cable.made += 1
        self.ns = world.namespace(f"cable{Cable.made}")
        self.path = os.path.join(world.dir, f"cable{Cable.made}.json")
        port = self._other_end(world.internet, ns, dev)
        world.internet.run(f"ip link set {port} netns {self.ns.name} name near")
        world.veth(self.ns, "far", world.internet, port)
        world.internet.run(f"ip link set {port} master br0")
        for inside in ("near", "far"):
            self.ns.run(f"sysctl -qw net.ipv6.conf.{inside}.disable_ipv6=1")
            self.ns.run(f"ip link set {inside} up promisc on")
        ns.run(f"ethtool -K {dev} {WHOLE_FRAMES}")
        world.internet.run(f"ethtool -K {port} {WHOLE_FRAMES}")
        self._write({})
        self.process = self.ns.start(["/usr/bin/python3", "-u", PROGRAM, self.path, str(seed)], name=f"cable of {ns.short}")
        self.process.wait_line("ready")

    @staticmethod
    def _other_end(internet, ns, dev):
        """The name of the bridge's port that a device's cable leads to."""
        index = int(ns.run(f"cat /sys/class/net/{dev}/iflink").stdout)
        for link in json.loads(internet.run("ip -j link").stdout):
            if link["ifindex"] == index:
                return link["ifname"]
        raise ValueError(f"{dev} of {ns.short} does not lead to the internet")

    def _write(self, settings):
        with open(f"{self.path}.new", "w", encoding="utf-8") as f:
            json.dump(settings, f)
        os.rename(f"{self.path}.new", self.path)

    def set(self, **settings):
        """The faults from now on, and no others; see bad_cable.py."""
        self._write(settings)
        mark = self.process.mark()
        self.process.popen.send_signal(signal.SIGHUP)
        self.process.wait_line("^now ", start=mark)

    def counted(self):
        """What happened to datagrams since the cable was laid."""
        mark = self.process.mark()
        self.process.popen.send_signal(signal.SIGUSR1)
        return json.loads(self.process.wait_line("^counted (.*)", start=mark).group(1))


class RandomLoss:
    """A firewall at a host that drops a share of the UDP that comes in and goes out, by chance."""

    def __init__(self, ns, percent):
        self.ns = ns
        rules = "\n".join(f"chain {name} {{\ntype filter hook {name} priority 0\n"
                          f"meta l4proto udp numgen random mod 1000 < {int(percent * 10)} counter drop\n}}"
                          for name in ("input", "output", "forward"))
        ns.run("nft -f -", user_input=f"table inet chance {{\n{rules}\n}}\n")

    def dropped(self):
        listed = json.loads(self.ns.run("nft -j list table inet chance").stdout)["nftables"]
        return sum(e["counter"]["packets"] for x in listed if "rule" in x for e in x["rule"]["expr"] if "counter" in e)

    def end(self):
        self.ns.run("nft delete table inet chance")


class Cuts:
    """The internet between two sites' public IPv4 addresses: without UDP, or with none larger than `largest` bytes; nobody is told."""

    def __init__(self, world, largest=1300):
        self.internet = world.internet
        match = "ip saddr . ip daddr"
        self.internet.run("nft -f -", user_input=(
            "table bridge internet {\n"
            "set deaf {\ntype ipv4_addr\n}\nset cut {\ntype ipv4_addr . ipv4_addr\n}\nset narrow {\ntype ipv4_addr . ipv4_addr\n}\n"
            "chain forward {\ntype filter hook forward priority 0\n"
            "ip saddr @deaf meta l4proto udp drop\nip daddr @deaf meta l4proto udp drop\n"
            f"{match} @cut meta l4proto udp drop\n{match} @narrow meta l4proto udp ip length > {largest} drop\n}}\n}}\n"))

    def _change(self, verb, which, one, two):
        a, b = one.public4, two.public4
        self.internet.run(["nft", f"{verb} element bridge internet {which} {{ {a} . {b}, {b} . {a} }}"])

    def cut(self, one, two):
        self._change("add", "cut", one, two)

    def join(self, one, two):
        self._change("delete", "cut", one, two)

    def block_udp(self, site):
        """No UDP between the site and anybody."""
        self.internet.run(["nft", f"add element bridge internet deaf {{ {site.public4} }}"])

    def allow_udp(self, site):
        self.internet.run(["nft", f"delete element bridge internet deaf {{ {site.public4} }}"])

    def narrow(self, one, two):
        for site in (one, two):
            outer = site.nat.boxes[-1].ns if site.nat else site.server
            outer.run(f"ethtool -K wan {WHOLE_FRAMES}")
        self._change("add", "narrow", one, two)

    def widen(self, one, two):
        self._change("delete", "narrow", one, two)


__all__ = ["Cable", "Cuts", "RandomLoss"]
