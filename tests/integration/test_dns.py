# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' names by DNS (DNS = yes), asked with dig, dnsmasq before it, and with bytes that no resolver sends.

    linodeHQ -- Oslo, bergen.north (agents), tablet (has not joined)
"""

import os
import socket
import struct

import pytest

import world as w

DNS = ("-o", "DNS=yes")
PORT = 53


class Dns:
    def __init__(self, world):
        self.hq = world.headquarters(options=DNS)
        self.oslo = world.branch(self.hq, "Oslo", 1, options=DNS)
        self.bergen = world.branch(self.hq, "bergen.north", 2, options=DNS)
        self.hq.hub("node", "add", "tablet")
        self.address = {s: {f: w.address_of(self.hq.json("hub", "node", "show", s.name), f) for f in (4, 6)}
                        for s in (self.hq, self.oslo, self.bergen)}

    def dig(self, asker, at, *words, family=4, where=None):
        """The interesting part of an answer: status, flags, and the records of answer and authority section without their times."""
        got = (where or asker.server).run(["dig", "+time=5", "+tries=4", f"@{self.address[at][family]}", *words], check=False)
        assert got.returncode == 0, got.stdout + got.stderr
        lines = got.stdout.splitlines()
        head = next(line for line in lines if "->>HEADER<<-" in line)
        flags = next(line for line in lines if line.startswith(";; flags:"))
        records = [line.split() for line in lines if line and not line.startswith(";")]
        return Answer(head.split("status: ")[1].split(",")[0], flags.split(":")[1].split(";")[0].split(), records)


class Answer:
    def __init__(self, status, flags, records):
        self.status, self.flags, self.records = status, flags, records

    def of(self, kind):
        return [r[4] for r in self.records if r[3] == kind]


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        n = Dns(world)
        for site in (n.hq, n.oslo, n.bergen):
            site.daemon.wait_line("names of linodevpn.internal are answered at 192", 30)
            site.daemon.wait_line("names of linodevpn.internal are answered at fd", 30)
        for site in (n.oslo, n.bergen):  # the whole directory is there
            w.wait_until("all names are known", lambda s=site: n.dig(s, s, "bergen.north.linodeVPN.internal").of("A"), 30)
            site.server.wait_ping(n.address[n.hq][4], 30)
        w.wait_until("bergen is known to oslo", lambda: n.dig(n.oslo, n.oslo, "linodeHQ.linodeVPN.internal").of("A"), 30)
        yield n


def test_names(net):
    """Both families, in any case; what is asked comes back as it was written."""
    for asker, at in ((net.oslo, net.oslo), (net.oslo, net.hq), (net.hq, net.oslo), (net.hq, net.hq)):
        for family in (4, 6):
            got = net.dig(asker, at, "oSLO.LinodevpN.Internal", "A", family=family)
            assert got.status == "NOERROR" and "aa" in got.flags and "ra" not in got.flags
            assert got.records == [["oSLO.LinodevpN.Internal.", "60", "IN", "A", net.address[net.oslo][4]]]
    assert net.dig(net.oslo, net.hq, "linodeHQ.linodeVPN.internal", "AAAA").of("AAAA") == [net.address[net.hq][6]]
    assert net.dig(net.oslo, net.hq, "oslo.linodeVPN.internal", "+tcp").of("A") == [net.address[net.oslo][4]]
    assert net.dig(net.oslo, net.hq, "oslo.linodeVPN.internal", "+noedns").of("A") == [net.address[net.oslo][4]]
    both = net.dig(net.oslo, net.hq, "oslo.linodeVPN.internal", "ANY", "+notcp")
    assert sorted(r[3] for r in both.records) == ["A", "AAAA"]


def test_reverse(net):
    hq, oslo = net.hq, net.oslo
    assert net.dig(oslo, oslo, "-x", net.address[hq][4]).of("PTR") == ["linodehq.linodevpn.internal."]
    assert net.dig(oslo, hq, "-x", net.address[oslo][6]).of("PTR") == ["oslo.linodevpn.internal."]
    # A host in a LAN: who has the subnet.
    assert net.dig(hq, hq, "-x", "10.1.0.57").of("PTR") == ["oslo.linodevpn.internal."]
    assert net.dig(hq, hq, "-x", "fd00:1::57").of("PTR") == ["oslo.linodevpn.internal."]


def test_what_is_not_there(net):
    """No such name, a name without such a record, the zone itself, another zone."""
    ask = lambda *words: net.dig(net.oslo, net.oslo, *words)  # noqa: E731
    got = ask("nobody.linodeVPN.internal")
    assert got.status == "NXDOMAIN" and "aa" in got.flags
    soa = got.records[0]
    assert soa[0] == "linodeVPN.internal." and soa[3:6] == ["SOA", "oslo.linodevpn.internal.", "hostmaster.linodevpn.internal."]
    assert soa[1] == soa[-1] == "60" and int(soa[6]) > 0
    # It waits for its join, and has no name before.
    assert net.dig(net.hq, net.hq, "tablet.linodeVPN.internal").status == "NXDOMAIN"
    for words in (("oslo.linodeVPN.internal", "MX"), ("linodeVPN.internal", "A"), ("100.168.192.in-addr.arpa", "NS")):
        got = ask(*words)
        assert got.status == "NOERROR" and got.records[0][3] == "SOA", words
    # Nobody is called north, but somebody's name ends with it.
    assert net.dig(net.hq, net.hq, "north.linodeVPN.internal").status == "NOERROR"
    assert ask("linodeVPN.internal", "SOA").of("SOA") and ask("linodeVPN.internal", "NS").of("NS") == ["oslo.linodevpn.internal."]
    assert ask("-x", "192.168.100.250").status == "NXDOMAIN"
    for words in (("www.example.net",), ("internal",), ("other.internal",), (".", "NS"), ("-x", "8.8.8.8"), ("in-addr.arpa", "NS"),
                  ("oslo.linodeVPN.internal", "CH", "TXT"), ("linodeVPN.internal", "TYPE250")):
        assert ask(*words).status == "REFUSED", words
    assert ask("oslo.linodeVPN.internal", "+opcode=STATUS").status == "NOTIMP"
    assert ask("oslo.linodeVPN.internal", "+edns=1", "+noednsnegotiation").status == "BADVERS"


def test_nobody_learns_what_policy_hides(net):
    """Each sees those that it may talk to, whoever it asks; the hub sees all."""
    hub = net.hq.hub
    name = "bergen.north.linodeVPN.internal"
    assert net.dig(net.oslo, net.hq, name).of("A")
    hub("group", "create", "north")
    hub("node", "edit", "bergen.north", "--group", "north")
    try:
        w.wait_until("oslo does not see bergen", lambda: net.dig(net.oslo, net.hq, name).status == "NXDOMAIN", 30)
        w.wait_until("nor by itself", lambda: net.dig(net.oslo, net.oslo, name).status == "NXDOMAIN", 30)
        assert net.dig(net.oslo, net.hq, "-x", net.address[net.bergen][4]).status == "NXDOMAIN"
        assert net.dig(net.hq, net.hq, name).of("A") and net.dig(net.bergen, net.hq, name).of("A")
    finally:
        hub("node", "edit", "bergen.north", "--group", "default")
    w.wait_until("oslo sees bergen again", lambda: net.dig(net.oslo, net.hq, name).of("A"), 30)


def test_changes(net):
    """A new name, address or subnet is answered as soon as it is in the directory."""
    hub = net.hq.hub
    hub("node", "rename", "Oslo", "Trondheim")
    try:
        for site in (net.hq, net.oslo):
            w.wait_until("the new name", lambda s=site: net.dig(s, s, "trondheim.linodeVPN.internal").of("A"), 30)
            assert net.dig(site, site, "oslo.linodeVPN.internal").status == "NXDOMAIN"
    finally:
        hub("node", "rename", "Trondheim", "Oslo")
    w.wait_until("the old name", lambda: net.dig(net.oslo, net.oslo, "oslo.linodeVPN.internal").of("A"), 30)
    before = net.address[net.oslo][4]
    hub("node", "edit", "Oslo", "--address", "192.168.100.77")
    net.address[net.oslo][4] = "192.168.100.77"
    try:
        net.oslo.daemon.wait_line("answered at 192.168.100.77", 30)
        assert net.dig(net.oslo, net.oslo, "oslo.linodeVPN.internal").of("A") == ["192.168.100.77"]
    finally:
        hub("node", "edit", "Oslo", "--address", before)
        net.address[net.oslo][4] = before
    w.wait_until("the old address", lambda: net.dig(net.hq, net.oslo, "oslo.linodeVPN.internal").of("A") == [before], 30)


def test_who_is_answered(net):
    """Hosts of the branch's own LAN and of others; nobody outside, and no datagram that claims to come from inside."""
    assert net.dig(None, net.oslo, "linodehq.linodeVPN.internal", where=net.oslo.host).of("A")
    assert net.dig(None, net.hq, "oslo.linodeVPN.internal", where=net.oslo.host).of("A")
    question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x04oslo\x09linodeVPN\x08internal\0\0\x01\0\x01"
    stranger = net.bergen.server
    # Its own tunnel would take the packets: it goes to the address by the internet.
    target = net.address[net.oslo][4]
    stranger.run(f"ip route add {target}/32 via {net.oslo.public4} dev wan metric 1")
    try:
        asked = stranger.socket()
        asked.settimeout(1.0)
        asked.bind((net.bergen.public4, 0))
        asked.sendto(question, (target, PORT))
        # From the hub's LAN, it says; the answer would come to that address by the tunnel.
        listener = net.hq.host.socket()
        listener.bind(("0.0.0.0", 5353))
        listener.settimeout(1.0)
        raw = stranger.socket(socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        udp = struct.pack("!HHHH", 5353, PORT, 8 + len(question), 0) + question
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                           socket.inet_aton(net.hq.host4), socket.inet_aton(target))
        net.oslo.server.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0")
        raw.sendto(head + udp, (target, 0))
        for s in (asked, listener):
            with pytest.raises(TimeoutError):
                s.recv(512)
            s.close()
        raw.close()
    finally:
        stranger.run(f"ip route del {target}/32 via {net.oslo.public4} dev wan metric 1")
    assert net.dig(net.oslo, net.oslo, "linodehq.linodeVPN.internal").of("A")


def tcp(net):
    s = net.oslo.server.socket(socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect((net.address[net.oslo][4], PORT))
    return s


def test_rude_connections(net):
    """Several questions in one piece, one in many, too long ones, and more connections than there are places."""
    question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x04oslo\x09linodeVPN\x08internal\0\0\x01\0\x01"
    framed = struct.pack("!H", len(question)) + question
    s = tcp(net)
    s.sendall(framed * 5)
    for byte in framed:
        s.send(bytes([byte]))
    answer = b""
    while len(answer) < 6 * (len(framed) + 16):
        answer += s.recv(4096)
    assert answer.count(socket.inet_aton(net.address[net.oslo][4])) == 6
    s.sendall(b"\xff\xff" + b"x" * 600)
    try:
        assert s.recv(100) == b""
    except ConnectionResetError:
        pass
    s.close()
    many = [tcp(net) for _ in range(20)]
    # Those above the limit of one source are closed at once; the others wait for their question.
    closed = set()

    def look():
        for m in set(many) - closed:
            try:
                if m.recv(1) == b"":
                    closed.add(m)
            except BlockingIOError:
                pass
            except ConnectionResetError:
                closed.add(m)
        return len(closed) >= 12

    for m in many:
        m.setblocking(False)
    w.wait_until("twelve are closed", look)
    for m in many:
        m.close()
    w.wait_until("there is room again", lambda: net.dig(net.oslo, net.oslo, "oslo.linodeVPN.internal", "+tcp").of("A"))


def test_the_worker_has_nothing_and_comes_back(net):
    pid = net.oslo.worker_pid("dns")
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines())
    assert status["Seccomp"] == ("0" if any(k.endswith("SAN_OPTIONS") for k in os.environ) else "2")
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["Uid"].split()[0] != "0" and status["NoNewPrivs"] == "1"
    mark = net.oslo.daemon.mark()
    os.kill(pid, 9)
    net.oslo.daemon.wait_line("answered at 192", 20, start=mark)
    w.wait_until("names again", lambda: net.dig(net.oslo, net.oslo, "linodehq.linodeVPN.internal").of("A"), 30)
    mark = net.oslo.daemon.mark()
    os.kill(net.oslo.worker_pid("control"), 9)
    net.oslo.daemon.wait_line("link to hub .* is up", 40, start=mark)
    w.wait_until("and with a new control", lambda: net.dig(net.oslo, net.oslo, "linodehq.linodeVPN.internal").of("A"), 30)


def test_behind_dnsmasq(net, tmp_path):
    """The example's lines: a host of the LAN asks dnsmasq of its branch, which asks Branchline for this network only."""
    oslo = net.oslo
    example = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "examples", "dns", "dnsmasq.conf")
    with open(example, encoding="utf-8") as f:
        text = f.read()
    assert text.count("/192.168.100.2\n") == 1 == text.count(",192.168.100.2\n") and net.address[oslo][4] == "192.168.100.2"
    conf = tmp_path / "dnsmasq.conf"
    conf.write_text(text + "no-resolv\nno-hosts\naddress=/www.example.net/198.51.100.80\n", encoding="utf-8")
    dnsmasq = oslo.server.start(["dnsmasq", "--keep-in-foreground", "--log-facility=-", f"--conf-file={conf}", "--user=root",
                                 f"--pid-file={tmp_path}/pid"])
    dnsmasq.wait_line("started, version", 20)

    def ask(*words):
        return oslo.host.run(["dig", "+short", "+time=5", "+tries=4", "@10.1.0.1", *words], check=False).stdout.strip()

    w.wait_until("dnsmasq answers", lambda: ask("www.example.net") == "198.51.100.80", 30)
    assert ask("bergen.north.linodevpn.internal") == net.address[net.bergen][4]
    assert ask("-x", net.address[net.hq][4]) == "linodehq.linodevpn.internal."
    # Both have their port: a name that dnsmasq alone knows is refused there.
    assert net.dig(oslo, oslo, "www.example.net").status == "REFUSED"
    dnsmasq.stop()


def test_another_name_server_in_the_way(net):
    """One that has port 53 of all addresses: said, and taken over as soon as it is gone."""
    oslo = net.oslo
    oslo.daemon.stop()
    taken = oslo.server.socket()
    taken.bind(("0.0.0.0", PORT))
    oslo.start_daemon("spoke", *DNS)
    oslo.daemon.wait_line("names are not answered at 192.168.100.* yet: UDP port 53: Address already in use", 30)
    taken.close()
    oslo.daemon.wait_line("names of linodevpn.internal are answered at 192", 60)
