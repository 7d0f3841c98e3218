# SPDX-License-Identifier: GPL-3.0-or-later
"""The cables on which a peer is measured. The outer addresses are the same on all of them.

    plain   spoke ============================ hub        a veth pair, MTU 1500, offloads as the kernel sets them
            203.0.113.2                203.0.113.1        (wire(): segmentation by the sender off, GRO at the receiver on)
    relay   spoke ============ hub ============ far       the spokes have no route to each other
                                        203.0.113.3
            (slow(): a line of 10 Mbit/s whose queue is at the sender)
    loss    spoke ===== middle (bridge) ===== hub         one packet at a time, any of them lost with a set probability
"""

HUB, SPOKE, FAR = "203.0.113.1", "203.0.113.2", "203.0.113.3"
# What a wire does not carry: packets that are larger than its MTU.
WIRE_OFF = ("tso", "off", "tx-udp-segmentation", "off")
# How long GRO may hold a packet back, so that packets that come one by one are merged as on a busy card.
GRO_FLUSH_NS = 20000
# 1,000 packets, the kernel's usual queue.
SLOW = "tbf rate 10mbit burst 16kb limit 1500000"


class Bed:
    """Namespaces and cables in a World; `kind` is plain, relay or loss."""

    def __init__(self, world, kind):
        self.world = world
        self.kind = kind
        self.hub = world.namespace("hub")
        self.spoke = world.namespace("spoke")
        self.far = world.namespace("far") if kind == "relay" else None
        self.middle = world.namespace("middle") if kind == "loss" else None
        self.hub.run(f"ip addr add {HUB}/32 dev lo")
        if self.middle:
            self._through_middle()
        else:
            world.veth(self.hub, "down1", self.spoke, "wan")
        self._address(self.spoke, SPOKE, "down1")
        if self.far:
            world.veth(self.hub, "down2", self.far, "wan")
            self._address(self.far, FAR, "down2")

    def _address(self, ns, address, hub_dev):
        ns.run(f"ip addr add {address}/32 dev wan")
        ns.run(f"ip route add {HUB} dev wan src {address}")
        self.hub.run(f"ip route add {address} dev {hub_dev} src {HUB}")

    def _through_middle(self):
        m = self.middle
        m.run("ip link add bridge type bridge")
        m.run("ip link set bridge up")
        self.world.veth(m, "one", self.spoke, "wan")
        self.world.veth(m, "two", self.hub, "down1")
        m.run("nft add table netdev loss")
        for dev in ("one", "two"):
            m.run(f"ip link set {dev} master bridge")
            m.run(["ethtool", "-K", dev, *WIRE_OFF])
            m.run(["nft", f"add chain netdev loss {dev} {{ type filter hook ingress device {dev} priority 0; }}"])
        self.wire()

    def wire(self):
        """From here on the cable carries packets of its MTU only, and both ends merge what arrives, as network cards do."""
        for ns, dev in ((self.spoke, "wan"), (self.hub, "down1")):
            ns.run(["ethtool", "-K", dev, *WIRE_OFF])
            ns.run(["ethtool", "-K", dev, "gro", "on"])
            ns.run(["sh", "-c", f"echo {GRO_FLUSH_NS} >/sys/class/net/{dev}/gro_flush_timeout"])

    def slow(self):
        """Both directions carry 10 Mbit/s; what is more waits before the cable. The round trip seems to be a real line's: with
        next to none TCP sends 64 KiB at a time, and each of them is 50 ms."""
        for ns, dev in ((self.spoke, "wan"), (self.hub, "down1")):
            ns.run(f"tc qdisc replace dev {dev} root {SLOW}")
            ns.run("sysctl -qw net.ipv4.tcp_tso_rtt_log=0")

    def fast(self):
        for ns, dev in ((self.spoke, "wan"), (self.hub, "down1")):
            ns.run(f"tc qdisc del dev {dev} root")
            ns.run("sysctl -qw net.ipv4.tcp_tso_rtt_log=9")

    def lose(self, per_mille):
        """Both directions drop at random; 0 drops nothing."""
        self.middle.run("nft flush table netdev loss")
        for dev in ("one", "two") if per_mille else ():
            self.middle.run(["nft", f"add rule netdev loss {dev} numgen random mod 1000 < {per_mille} drop"])

    def end(self, name):
        return {"hub": self.hub, "spoke": self.spoke, "far": self.far}[name]


def mtu(ns, dev):
    return int(ns.run(["cat", f"/sys/class/net/{dev}/mtu"]).stdout)


__all__ = ["FAR", "HUB", "SPOKE", "Bed", "mtu"]
