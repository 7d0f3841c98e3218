# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub replaces its own tunnel key: branches connected and away, a WireGuard device that knows only the old one, and a hub that is killed.

    linodeHQ (hub) --- internet --- linode1 (stays), linode2 (goes away and comes back), phone (wireguard-go)
"""

import json
import os
import signal

import pytest

import world as w
from traffic import PingStream, ProbeStream, answer_probes
from wireguard import Device
from world import wait_until

PATIENCE_S = 60


class Net:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.one, self.two = (world.branch(self.hq, f"linode{i}", i) for i in (1, 2))
        self.address = {n["name"]: w.address_of(n) for n in self.hq.json("hub", "status")["nodes"]}
        for site in (self.hq, self.two):
            answer_probes(site.server)
        self.phone = Device(world, "phone", 9)
        self.phone.add_to(self.hq)
        self.phone.start()
        self.phone.host.wait_ping(self.hq.host4)

    def key(self):
        return self.hq.json("hub", "tunnel-key", "show")

    def missing(self):
        return sorted(m["name"] for m in self.key()["missing"])

    def wait_missing(self, *names):
        wait_until(f"only {names} have not changed over", lambda: self.missing() == sorted(names), PATIENCE_S)

    def wait_stable(self):
        wait_until("the old key is forgotten", lambda: self.key()["state"] == "stable", PATIENCE_S)
        wait_until("there is one file", lambda: not os.path.exists(os.path.join(self.hq.etc, "tunnel.key.next")), PATIENCE_S)

    def audit(self, action):
        return self.hq.json("hub", "audit", "list", "--action", action)["items"]

    def give_phone(self, key):
        """What its owner does: the hub's public key in its configuration is another one."""
        (old,) = self.phone.values("PublicKey")
        self.phone.config = self.phone.config.replace(old, key)
        ns, dev = self.phone.ns, self.phone.dev
        ns.run(["wg", "set", dev, "peer", old, "remove", "peer", key, "endpoint", *self.phone.values("Endpoint"),
                "allowed-ips", ",".join(self.phone.values("AllowedIPs"))])


def wait_gone(site):
    site.daemon.popen.wait(PATIENCE_S)
    # Its workers end with it, the last of them takes the interface away.
    wait_until("nothing of it is left", lambda: w.NET not in site.server.run(["ip", "link"]).stdout, PATIENCE_S)


def crash(site, kind):
    """As a power cut does, but for the kernel: every process at once, and a new start."""
    os.kill(site.daemon_pid(), signal.SIGKILL)
    wait_gone(site)
    site.start_daemon(kind)


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


def test_replaced_without_losing_a_packet(net):
    """A branch changes over under traffic, a device is served with the old key until it has the new one, a branch comes back later."""
    hq, one, two, phone = net.hq, net.one, net.two, net.phone
    one.host.wait_ping(two.host4)
    before = net.key()
    assert (before["state"], before["missing"], before["old_fingerprint"]) == ("stable", [], None)
    assert hq.hub("tunnel-key", "finish", check=False).returncode == 4
    dry = hq.json("hub", "tunnel-key", "rotate", "--dry-run")
    assert [m["name"] for m in dry["tunnel_key"]["missing"] if m["kind"] == "wireguard"] == ["phone"]
    assert net.key() == before
    two.daemon.popen.send_signal(signal.SIGTERM)
    wait_gone(two)
    link = one.json("spoke", "status")["hub"]["since"]
    streams = [ProbeStream(one.server, net.address[hq.name]), ProbeStream(phone.ns, net.address[hq.name])]
    pings = [PingStream(one.host, phone.host4), PingStream(phone.host, hq.host4)]
    said = hq.hub("tunnel-key", "rotate").stdout
    assert "has a new tunnel key" in said and "\n  phone" in said, said
    during = net.key()
    assert (during["state"], during["old_fingerprint"]) == ("overlap", before["fingerprint"])
    assert during["fingerprint"] != before["fingerprint"]
    assert hq.hub("tunnel-key", "rotate", check=False).returncode == 4
    assert hq.hub("tunnel-key", "cancel", check=False).returncode == 4
    # linode1's session is made with the new key; it had one before, and no packet noticed.
    net.wait_missing("linode2", "phone")
    for p in pings:
        p.wait_answers(len(p.answered()) + 20)
    assert [s.stop()["lost"] for s in streams] == [[], []]
    assert [p.stop() for p in pings] == [[], []]
    assert one.json("spoke", "status")["hub"]["since"] == link
    refused = hq.hub("tunnel-key", "finish", "--json", check=False)
    assert refused.returncode == 4
    problem = json.loads(refused.stdout)
    assert (problem["code"], problem["used_by"]) == ("tunnel_unknown_to", [{"kind": "node", "name": "phone"}])
    # The old key is answered for: the device makes a session with it.
    had = phone.handshake_s()
    wait_until("the clock of wg(8) goes on", lambda: phone.rekey() or phone.host.pings(hq.host4) and phone.handshake_s() > had)
    assert net.missing() == ["linode2", "phone"]
    net.give_phone(during["public_key"])
    phone.host.wait_ping(hq.host4)
    net.wait_missing("linode2")
    # It was away for all of that, and knows the old key only, until its link has told it.
    two.start_daemon("spoke")
    two.host.wait_ping(one.host4)
    net.wait_stable()
    after = net.key()
    assert (after["fingerprint"], after["missing"]) == (during["fingerprint"], [])
    (finished,) = net.audit("hub.tunnel_finish")
    assert (finished["actor"], finished["detail"]["missing"]) == ("hub", 0)
    assert finished["detail"]["old_fingerprint"] == before["fingerprint"]
    assert len(net.audit("hub.tunnel_rotate")) == len(net.audit("hub.tunnel_use")) == len(net.audit("hub.tunnel_known")) == 1
    # Both start anew from what is on their disks.
    crash(one, "spoke")
    crash(hq, "hub")
    for host in (one.host, two.host, phone.host):
        host.wait_ping(hq.host4, PATIENCE_S)
    assert net.key() == after


def test_killed_in_the_middle(net):
    """kill -9 of the whole hub right after each step: either key, never none, and it goes on where it was."""
    hq, one, two, phone = net.hq, net.one, net.two, net.phone
    before = net.key()["fingerprint"]
    hq.hub("tunnel-key", "rotate", "--timeout", "0")
    crash(hq, "hub")
    wait_until("the new key is the hub's", lambda: net.key()["state"] == "overlap", PATIENCE_S)
    during = net.key()
    assert during["old_fingerprint"] == before
    crash(hq, "hub")
    assert net.key()["fingerprint"] == during["fingerprint"] and net.key()["state"] == "overlap"
    # The device knows only the old key, and has to make a session with a hub that has just started.
    for host in (one.host, two.host, phone.host):
        host.wait_ping(hq.host4, PATIENCE_S)
    net.wait_missing("phone")
    assert hq.hub("tunnel-key", "finish", check=False).returncode == 4
    hq.hub("tunnel-key", "finish", "--force")
    crash(hq, "hub")
    net.wait_stable()
    assert net.key()["fingerprint"] == during["fingerprint"]
    for host in (one.host, two.host):
        host.wait_ping(hq.host4, PATIENCE_S)
    assert phone.host.pings(hq.host4) == 0
    net.give_phone(during["public_key"])
    phone.host.wait_ping(hq.host4, PATIENCE_S)
    assert "is unbroken" in hq.hub("audit", "verify").stdout


def test_the_last_device_goes(net):
    """A device that is deleted is waited for no more."""
    before = net.key()["fingerprint"]
    net.hq.hub("tunnel-key", "rotate")
    net.wait_missing("phone")
    assert net.key()["old_fingerprint"] == before
    net.hq.hub("node", "delete", "phone", "--yes")
    net.wait_stable()
    for site in (net.one, net.two):
        site.host.wait_ping(net.hq.host4, PATIENCE_S)
