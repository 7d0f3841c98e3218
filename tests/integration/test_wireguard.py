# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock WireGuard devices (wireguard-go) as nodes: they know only the hub, which forwards for them.

    10.9.0.10 -- phone (wireguard-go) --+                       +-- linode1 -- 10.1.0.10
                                        +-- linodeHQ (hub) -----+
                tablet (wireguard-go) --+        |
                                             10.0.0.10
"""

import os
import re
import signal

import pytest

import impair
import world as w
from traffic import PingStream
from wire import INJECT, LISTEN, Catcher, spoofed_udp
from wireguard import PORT, Device, new_key
from world import wait_until

SENT_INITIATION = "Sending handshake initiation"
GOT_INITIATION = "Received handshake initiation"
GOT_RESPONSE = "Received handshake response"


class Office:
    """Headquarters, a branch and a device that is on; the device has a fixed address, which the hub is told."""

    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters()
        self.one = world.branch(self.hq, "linode1", 1)
        self.one.host.wait_ping(self.hq.host4)
        self.phone = Device(world, "phone", 9)
        self.phone.add_to(self.hq, "--endpoint", f"{self.phone.public4} {PORT}")
        self.phone.start()

    def status(self, name):
        return {n["name"]: n for n in self.hq.json("hub", "status")["nodes"]}[name]


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        yield Office(world)


@pytest.fixture(scope="module")
def fast_office():
    """The hub makes a new session every 6 s instead of every 120 s; the device's timers are as they are."""
    with w.World(build=os.path.join(w.BUILD, "fast")) as world:
        yield Office(world)


def ping_output(ns, *options):
    return ns.run(["ping", "-n", "-c", "1", "-W", "2", *options], check=False).stdout


def test_hub_initiates_to_the_configured_endpoint(office):
    """The device has sent nothing yet, and says nothing by itself: a branch's first packet makes the hub call it."""
    phone = office.phone
    office.one.host.wait_ping(phone.host4)
    assert phone.count(GOT_INITIATION) >= 1
    assert phone.count(SENT_INITIATION) == 0
    assert phone.handshake_s() > 0


def test_device_initiates(office):
    """Switched off and on, it has no keys; the hub still has the old session and takes the new one."""
    phone = office.phone
    phone.stop()
    phone.start()
    phone.host.wait_ping(office.one.host4, 5)
    assert phone.count(SENT_INITIATION) >= 1 and phone.count(GOT_RESPONSE) >= 1
    assert phone.count(GOT_INITIATION) == 0
    wait_until("online in the hub's status", lambda: office.status("phone")["online"])
    assert office.status("phone")["endpoint"] == f"{phone.public4}:{PORT}"


def test_every_lan_reaches_every_lan(office):
    """Both families, from the LAN behind the device and from the device's own address, and back."""
    phone, hq, one = office.phone, office.hq, office.one
    for site in (hq, one):
        phone.host.wait_ping(site.host4)
        phone.host.wait_ping(site.host6)
        phone.ns.wait_ping(site.host4)
        phone.ns.wait_ping(site.host6)
        site.host.wait_ping(phone.host4)
        site.host.wait_ping(phone.host6)
        for family in (4, 6):
            site.server.wait_ping(phone.address(family))
    assert phone.host.pings(one.host4, count=50, size=1300)


def test_two_devices_reach_each_other(office):
    """From one session into another, without an agent at either end."""
    tablet = Device(office.world, "tablet", 8)
    tablet.add_to(office.hq)
    tablet.start()
    for family in (4, 6):
        tablet.ns.wait_ping(office.phone.address(family))
        office.phone.ns.wait_ping(tablet.address(family))
    tablet.stop()


def test_the_hub_is_a_hop(office):
    """phone - hub - linode1 - host: three routers, and the one without a kernel between its interfaces counts too."""
    phone, one = office.phone, office.one
    hub4, hub6 = office.status("linodeHQ")["addresses"]
    phone.ns.wait_ping(one.host4)
    phone.ns.wait_ping(one.host6)
    assert "ttl=62" in ping_output(phone.ns, one.host4)
    assert "ttl=62" in ping_output(phone.ns, one.host6)
    assert "ttl=62" in ping_output(one.server, phone.host4)
    assert re.search(rf"From {hub4} icmp_seq=1 Time to live exceeded", ping_output(phone.ns, "-t", "1", one.host4))
    assert re.search(rf"From {hub6} icmp_seq=1 Time exceeded: Hop limit", ping_output(phone.ns, "-t", "1", one.host6))
    spoke4 = office.status("linode1")["addresses"][0]
    assert f"From {spoke4} " in ping_output(phone.ns, "-t", "2", one.host4)


@pytest.mark.parametrize("mtu", ["as printed", 1420])
def test_packets_of_full_size(office, mtu):
    """Whole packets of the MTU that the hub has printed, none of them in pieces; and of WireGuard's usual one."""
    phone, hq, one = office.phone, office.hq, office.one
    printed = int(phone.values("MTU")[0])
    size = printed if mtu == "as printed" else mtu
    phone.ns.run(["ip", "link", "set", phone.dev, "mtu", str(size)])
    for target in (hq, one):
        for address, header in ((target.host4, 28), (target.host6, 48)):
            # A larger answer than our devices' MTU goes in pieces, which its sender has to be told first.
            wait_until(f"a packet of {size} bytes to {address}",
                       lambda a=address, h=header: " 0% packet loss" in ping_output(
                           phone.ns, "-M", "do", "-s", str(size - h), a))
        if mtu == "as printed":
            assert " 0% packet loss" in ping_output(target.server, "-M", "do", "-s", str(size - 28), phone.host4)
    phone.ns.run(["ip", "link", "set", phone.dev, "mtu", str(printed)])


def test_two_devices_of_the_usual_size(office):
    """Between devices the hub's own MTU is no limit either."""
    phone, tablet = office.phone, Device(office.world, "tablet3", 6)
    tablet.add_to(office.hq)
    tablet.start()
    printed = int(phone.values("MTU")[0])
    for device in (phone, tablet):
        device.ns.run(["ip", "link", "set", device.dev, "mtu", "1420"])
    tablet.ns.wait_ping(phone.address(4))
    assert " 0% packet loss" in ping_output(tablet.ns, "-M", "do", "-s", str(1420 - 28), phone.address(4))
    tablet.stop()
    phone.ns.run(["ip", "link", "set", phone.dev, "mtu", str(printed)])


def test_packets_that_a_branch_cannot_take_whole(office):
    """A device that keeps WireGuard's usual MTU and a branch on a narrow line: the hub cuts what may be cut, or says how much it may be."""
    phone, one = office.phone, office.one
    printed = int(phone.values("MTU")[0])
    phone.ns.run(["ip", "link", "set", phone.dev, "mtu", "1420"])
    # 20 bytes of IPv4, 8 of UDP and 32 of ours are around a packet.
    fits = 1340
    cuts = impair.Cuts(office.world, fits + 60)
    cuts.narrow(office.hq, one)

    def many(address, how, size):
        """Enough of them that both ends have a reason to ask what the path carries."""
        return phone.ns.run(["ping", "-n", "-c", "30", "-i", "0.02", "-W", "1", "-M", how, "-s", str(size), address], check=False).stdout

    wait_until("the device is told", lambda: re.search(rf"mtu ?= ?{fits}\b", many(one.host4, "do", 1420 - 28)), 40)
    for address, header in ((one.host4, 28), (one.host6, 48)):
        wait_until(f"1420 bytes to {address}",
                   lambda a=address, h=header: " 0% packet loss" in many(a, "dont", 1420 - h), 40)
    cuts.widen(office.hq, one)
    phone.ns.run(["ip", "link", "set", phone.dev, "mtu", str(printed)])
    phone.ns.run("ip route flush cache")


def test_tcp_through_the_device(office):
    phone, one = office.phone, office.one
    phone.host.wait_ping(one.host4)
    server = one.host.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3")
    server.wait_line("listening")
    done = phone.host.run(["iperf3", "-c", one.host4, "-t", "2", "-f", "m"]).stdout
    received = re.search(r"([\d.]+) Mbits/sec\s+receiver", done)
    assert received and float(received.group(1)) > 5, done
    assert phone.host.pings(one.host4)


def test_spoofed_inner_source_is_dropped(office):
    phone, hq, one = office.phone, office.hq, office.one
    phone.host.wait_ping(hq.host4)
    listener = hq.host.start(["/usr/bin/python3", "-u", "-c", LISTEN], name="listener")
    listener.wait_line("ready")
    for source in (one.host4, hq.host4, "198.18.0.1", phone.host4):
        phone.ns.run(["/usr/bin/python3", "-c", INJECT, spoofed_udp(source, hq.host4, source.encode()).hex()])
    listener.wait_line(f"got b'{phone.host4}'")
    assert len([line for line in listener.lines if line.startswith("got")]) == 1


def test_device_makes_new_sessions_under_traffic(office):
    """The hub as responder: traffic both ways goes on with the old session until the new one is confirmed."""
    phone, hq, one = office.phone, office.hq, office.one
    hq.host.wait_ping(phone.host4)
    streams = [PingStream(phone.host, one.host4), PingStream(one.host, phone.host4), PingStream(phone.host, hq.host6)]
    for _ in range(4):
        before = phone.count(GOT_RESPONSE)
        phone.rekey()
        wait_until("the device has a new session", lambda n=before: phone.count(GOT_RESPONSE) > n)
        for s in streams:
            s.wait_answers(len(s.answered()) + 10)
    assert [s.stop() for s in streams] == [[], [], []]
    assert phone.count(GOT_INITIATION) == 0


def test_stranger_gets_no_answer(office):
    """It knows the hub's public key and how to talk, and is in nobody's directory: not a single packet comes back."""
    phone, hq = office.phone, office.hq
    stranger = Device(office.world, "stranger", 7)
    stranger.config = phone.config.replace(phone.key, new_key())
    stranger.start()
    asked = Catcher(stranger.ns, "wan")
    answered, answered_phone = (Catcher(office.world.internet, d.cable, port=0) for d in (stranger, phone))
    assert not stranger.ns.pings(hq.host4)
    wait_until("its initiation is on the wire", lambda: [p for p in asked.packets() if p[0] == 1])
    # The hub is there, and has handled all that came before.
    phone.rekey()
    phone.host.wait_ping(hq.host4)
    wait_until("the answer to the phone is on the wire", lambda: [p for p in answered_phone.packets() if p[0] == 2])
    assert answered.packets() == []
    assert stranger.handshake_s() == 0
    for catcher in (asked, answered, answered_phone):
        catcher.stop()
    stranger.stop()


def test_hub_makes_new_sessions_under_traffic(fast_office):
    """The hub as initiator, which it is because it called first: a new session every 6 s, and no packet is lost."""
    phone, hq, one = fast_office.phone, fast_office.hq, fast_office.one
    one.host.wait_ping(phone.host4)
    assert phone.count(SENT_INITIATION) == 0
    begun, first = phone.count(GOT_INITIATION), phone.handshake_s()
    wire = Catcher(hq.server, "wan", port=PORT)
    streams = [PingStream(phone.host, one.host4), PingStream(one.host, phone.host4), PingStream(hq.host, phone.host6)]
    wait_until("three more handshakes", lambda: phone.count(GOT_INITIATION) >= begun + 3, 30)
    for s in streams:
        s.wait_answers(len(s.answered()) + 20)
    assert [s.stop() for s in streams] == [[], [], []]
    assert phone.handshake_s() >= first + 12
    # What goes to the device is WireGuard's and nothing else.
    assert {p[0] for p in wire.packets()} == {1, 4}
    wire.stop()


def test_hub_calls_a_device_that_lost_its_keys(fast_office):
    """The device is switched off and on and stays silent: the hub's next handshake brings it back."""
    phone, one = fast_office.phone, fast_office.one
    one.host.wait_ping(phone.host4)
    phone.stop()
    phone.start()
    one.host.wait_ping(phone.host4, 15)
    assert phone.count(GOT_INITIATION) >= 1 and phone.count(SENT_INITIATION) == 0


def test_hub_calls_the_device_after_its_engine_was_killed(fast_office):
    """The new engine knows the device from where it was last."""
    phone, hq, one = fast_office.phone, fast_office.hq, fast_office.one
    # It has moved, so that what the admin has written is of no use.
    phone.ns.run(["wg", "set", phone.dev, "listen-port", str(PORT + 1)])
    phone.ns.wait_ping(hq.host4)
    moved = f"{phone.public4}:{PORT + 1}"
    wait_until("the new endpoint in the status", lambda: fast_office.status("phone")["endpoint"] == moved)
    mark, old = phone.daemon.mark(), hq.worker_pid("engine")
    os.kill(old, signal.SIGKILL)
    wait_until("a new engine", lambda: hq.worker_pid("engine") != old)
    wait_until("the hub has called", lambda: phone.count(GOT_INITIATION, mark))
    one.host.wait_ping(phone.host4)
    assert phone.count(SENT_INITIATION, mark) == 0


def test_revoked_device_is_cut_at_once(office):
    phone, hq, one = office.phone, office.hq, office.one
    phone.host.wait_ping(one.host4)
    stream = PingStream(phone.host, one.host4)
    answers = Catcher(hq.server, "wan", port=PORT)
    stream.wait_answers(10)
    assert "applied on 1 of 1" in hq.hub("node", "revoke", "phone").stdout
    sent, answered = len(answers.packets()), len(stream.answered())
    mark = phone.daemon.mark()
    phone.rekey()
    wait_until("the device has tried a new handshake, twice", lambda: phone.count(SENT_INITIATION, mark) >= 2, 15)
    assert len(stream.answered()) <= answered + 1
    # Not even the handshake is answered; one packet may have been on its way.
    assert len(answers.packets()) <= sent + 1
    assert not one.host.pings(phone.host4)
    stream.stop()
    answers.stop()
    assert one.host.pings(hq.host4)
