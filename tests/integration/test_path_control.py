# SPDX-License-Identifier: GPL-3.0-or-later
"""What hub and spokes decide about paths: who may use which, who is looked for where, and what is left with the hub away.

        linodeHQ (hub) 203.0.113.10       oslo 203.0.113.11       bergen 203.0.113.12
"""

import hashlib
import json
import os
import signal
import time

import pytest

from world import BUILD, Failed, World, wait_until


@pytest.fixture(scope="module")
def net():
    with World() as w:
        hq = w.headquarters(lan_host=False)
        oslo = w.branch(hq, "oslo", 1)
        bergen = w.branch(hq, "bergen", 2)
        for b in (oslo, bergen):
            b.daemon.wait_line(r"link to hub linodeHQ is up")
        yield w, hq, oslo, bergen


def peer(site, name):
    """One peer of a spoke's status."""
    return next(p for p in site.json("spoke", "status")["peers"] if p["name"] == name)


def has_policy(a, b, policy):
    """Do both ends know that?"""
    wait_until(f"{a.name} and {b.name} are {policy}", lambda: (
        peer(a, b.name)["policy"] == policy and peer(b, a.name)["policy"] == policy))


def own_address(site):
    return site.json("spoke", "status")["addresses"][0]


def restart(site, kind, *options, signo=signal.SIGTERM):
    site.daemon.stop(signo)
    return site.start_daemon(kind, *options)


def write(site, name, text):
    path = os.path.join(site.etc, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(site, name):
    with open(os.path.join(site.etc, name), encoding="utf-8") as f:
        return f.read()


def reload(site):
    mark = site.daemon.mark()
    site.daemon.popen.send_signal(signal.SIGHUP)
    site.daemon.wait_line(r"were read again", start=mark)


def crash(site, role):
    """Kills one worker of a daemon, and waits for the next."""
    before = site.worker_pid(role)

    def is_another():
        try:
            return site.worker_pid(role) != before
        except (Failed, OSError):
            return False

    os.kill(before, signal.SIGKILL)
    wait_until(f"{role} is back", is_another)


def block(site, other):
    """No packets straight from `other`; the hub's still come."""
    site.server.run(["nft", "add table ip straight; add chain ip straight in { type filter hook input priority 0; }; "
                     f"add rule ip straight in ip saddr {other.public4} drop"])


def unblock(site):
    site.server.run("nft delete table ip straight")


def test_policy_of_a_node(net):
    """node edit --path: hub-only wins over direct-only; with direct-only the hub relays nothing."""
    _, hq, oslo, bergen = net
    has_policy(oslo, bergen, "auto")
    oslo.server.wait_ping(own_address(bergen))
    hq.hub("node", "edit", "oslo", "--path", "hub-only")
    has_policy(oslo, bergen, "hub-only")
    assert hq.json("hub", "node", "show", "oslo")["path_policy"] == "hub-only"
    assert "path policy  hub-only" in hq.hub("node", "show", "oslo").stdout
    hq.hub("node", "edit", "bergen", "--path", "direct-only")
    wait_until("the hub has both", lambda: hq.json("hub", "node", "show", "bergen")["path_policy"] == "direct-only")
    has_policy(oslo, bergen, "hub-only")
    oslo.server.wait_ping(own_address(bergen))
    hq.hub("node", "edit", "oslo", "--path", "auto")
    has_policy(oslo, bergen, "direct-only")
    block(oslo, bergen)
    wait_until("nothing is relayed", lambda: not oslo.server.pings(own_address(bergen)), 30)
    unblock(oslo)
    hq.hub("node", "edit", "bergen", "--path", "auto")
    has_policy(oslo, bergen, "auto")
    oslo.server.wait_ping(own_address(bergen))


def test_policy_of_a_device(net):
    """Only spokes have a choice."""
    _, hq, _, _ = net
    got = hq.hub("node", "edit", "linodeHQ", "--path", "hub-only", check=False)
    assert got.returncode == 4
    assert "Only a spoke" in got.stderr
    got = hq.hub("node", "edit", "oslo", "--path", "straight", check=False)
    assert got.returncode == 4
    assert "hub-only" in got.stderr


def agree_on_policy(hq, *pair):
    """Both ends go through the hub and say why, and so does the hub."""
    for a, b in (pair, pair[::-1]):
        wait_until(f"{a.name} says why", lambda a=a, b=b: peer(a, b.name)["reason_id"] == "policy"
                   and peer(a, b.name)["path"] == "hub-udp")
        wait_until("the hub, too", lambda a=a, b=b: [
            p["reason_id"] for p in hq.json("hub", "path", "list")["items"]
            if (p["node"], p["peer"]) == (a.name, b.name)] == ["policy"])


def test_local_lines_tighten(net):
    """IndirectData and DirectOnly of spoke.conf and hosts/NAME, read again by SIGHUP."""
    _, hq, oslo, bergen = net
    conf = read(oslo, "spoke.conf")
    oslo.server.wait_ping(own_address(bergen))
    wait_until("bergen follows oslo", lambda: peer(bergen, "oslo")["candidates"])
    write(oslo, "spoke.conf", conf + "IndirectData = yes\n")
    reload(oslo)
    # Bergen is told, and does not look for oslo any more; both say why, and so does the hub.
    has_policy(oslo, bergen, "hub-only")
    oslo.server.wait_ping(own_address(bergen))
    agree_on_policy(hq, oslo, bergen)
    assert not peer(bergen, "oslo")["candidates"]
    # So it is after our own worker has died,
    crash(oslo, "control")
    wait_until("it answers again", lambda: oslo.spoke("status", check=False).returncode == 0)
    has_policy(oslo, bergen, "hub-only")
    # and when bergen's link is a new one.
    restart(bergen, "spoke")
    bergen.daemon.wait_line(r"link to hub linodeHQ is up")
    bergen.server.wait_ping(own_address(oslo))
    has_policy(oslo, bergen, "hub-only")
    write(oslo, "spoke.conf", conf)
    reload(oslo)
    has_policy(oslo, bergen, "auto")
    write(oslo, "hosts/bergen", "DirectOnly = yes\nAddress = 203.0.113.99 7000\n")
    reload(oslo)
    assert peer(oslo, "bergen")["policy"] == "direct-only"
    assert peer(oslo, "bergen")["known_at"][0] == "203.0.113.99:7000"
    # What is said of one node is told to that node, too, by the hub.
    has_policy(oslo, bergen, "direct-only")
    write(oslo, "hosts/bergen", "IndirectData = yes\n")
    reload(oslo)
    has_policy(oslo, bergen, "hub-only")
    oslo.server.wait_ping(own_address(bergen))
    agree_on_policy(hq, oslo, bergen)
    # So it is when it was said before either of the links was there.
    restart(oslo, "spoke")
    restart(bergen, "spoke")
    bergen.server.wait_ping(own_address(oslo), 60)
    has_policy(oslo, bergen, "hub-only")
    os.unlink(os.path.join(oslo.etc, "hosts/bergen"))
    reload(oslo)
    has_policy(oslo, bergen, "auto")


def test_connect_to_a_spoke(net):
    """A ConnectTo line with a spoke's name looks for it without any traffic."""
    _, _, oslo, bergen = net
    conf = read(oslo, "spoke.conf")
    write(oslo, "spoke.conf", conf + "ConnectTo = bergen\n")
    oslo.daemon.stop()
    # It remembers where bergen was, and could go there without asking.
    os.unlink(os.path.join(oslo.state, "directory.json"))
    mark = bergen.daemon.mark()
    oslo.start_daemon("spoke")
    bergen.daemon.wait_line(r"node oslo is online, \d+ addresses, it is looking for us", start=mark)
    assert peer(oslo, "bergen")["warm"]
    wait_until("oslo knows where bergen is", lambda: f"{bergen.public4}:6655" in peer(oslo, "bergen")["known_at"])
    assert not peer(bergen, "oslo")["warm"]
    # The hub is dialled all the same, and the spoke is not.
    assert oslo.json("spoke", "status")["hub"]["up"]
    write(oslo, "spoke.conf", conf)
    restart(oslo, "spoke")


def test_several_hubs(net):
    """Names and addresses are tried in turn: nobody there, nobody listening, then the hub."""
    _, hq, oslo, _ = net
    conf, host = read(oslo, "spoke.conf"), read(oslo, "hosts/linodeHQ")
    write(oslo, "hosts/oldHQ", "Address = 203.0.113.250\n")
    write(oslo, "hosts/linodeHQ", f"Address = {hq.public4} 6999\nAddress = {hq.public4} 6655\n")
    write(oslo, "spoke.conf", conf.replace("ConnectTo", "ConnectTo = oldHQ\nConnectTo", 1))
    oslo.daemon.stop()
    os.unlink(os.path.join(oslo.state, "directory.json"))  # it remembers the hub's last address
    daemon = oslo.start_daemon("spoke")
    daemon.wait_line(r"dialling 203\.0\.113\.250:6655")
    daemon.wait_line(rf"dialling {hq.public4}:6999", 40)
    daemon.wait_line(r"link to hub linodeHQ is up", 40)
    assert oslo.json("spoke", "status")["hub"]["address"] == f"{hq.public4}:6655"
    os.unlink(os.path.join(oslo.etc, "hosts/oldHQ"))
    write(oslo, "hosts/linodeHQ", host)
    write(oslo, "spoke.conf", conf)
    restart(oslo, "spoke")
    oslo.daemon.wait_line(r"link to hub linodeHQ is up")


def test_new_addresses_are_told(net):
    """An address that comes is a candidate at once; when the link's own goes, the link is dialled anew."""
    _, hq, oslo, bergen = net
    bergen.server.wait_ping(own_address(oslo))
    wait_until("bergen follows oslo", lambda: f"{oslo.public4}:6655" in peer(bergen, "oslo")["known_at"])
    mark = oslo.daemon.mark()
    oslo.server.run("ip addr add 203.0.113.77/24 dev wan")
    oslo.daemon.wait_line(r"addresses have changed", start=mark)
    wait_until("bergen was told", lambda: "203.0.113.77:6655" in peer(bergen, "oslo")["known_at"])
    mark, began = oslo.daemon.mark(), time.monotonic()
    # With this setting the second address stays when the first one, of the same network, goes.
    oslo.server.run("sysctl -qw net.ipv4.conf.wan.promote_secondaries=1")
    oslo.server.run(f"ip addr del {oslo.public4}/24 dev wan")
    oslo.daemon.wait_line(r"link to hub linodeHQ is up", start=mark)
    took = time.monotonic() - began
    print(f"the link was up again after {took:.1f} s")
    wait_until("the hub sees the new address", lambda: next(
        n for n in hq.json("hub", "status")["nodes"] if n["name"] == "oslo")["link"].startswith("203.0.113.77:"))
    wait_until("bergen forgets the old one", lambda: f"{oslo.public4}:6655" not in peer(bergen, "oslo")["known_at"])
    bergen.server.wait_ping(own_address(oslo))
    oslo.server.run(f"ip addr add {oslo.public4}/24 dev wan")
    wait_until("bergen knows the old one again", lambda: f"{oslo.public4}:6655" in peer(bergen, "oslo")["known_at"])
    # A tunnel's address is nobody else's business.
    oslo.server.run("ip tuntap add dev other mode tun")
    oslo.server.run("ip addr add 172.31.9.1/24 dev other")
    oslo.server.run("ip link set other up")
    mark = oslo.daemon.mark()
    oslo.server.run("ip addr add 203.0.113.78/24 dev wan")
    wait_until("bergen was told", lambda: "203.0.113.78:6655" in peer(bergen, "oslo")["known_at"])
    assert not [e for e in peer(bergen, "oslo")["known_at"] if e.startswith("172.31.9.1:")]
    oslo.server.run("ip link del other")
    oslo.server.run("ip addr del 203.0.113.78/24 dev wan")
    oslo.server.run("ip addr del 203.0.113.77/24 dev wan")


def age_cache(site, left_s):
    """Makes the cached directory as old as it is when OfflineGrace (a day) has `left_s` to go."""
    path = os.path.join(site.state, "directory.json")
    with open(path, encoding="utf-8") as f:
        _, body = f.read().split("\n", 1)
    told = json.loads(body)
    told["confirmed_ms"] = int(time.time() * 1000) - 86400_000 + left_s * 1000
    body = json.dumps(told, separators=(",", ":"))
    head = {"format": 1, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(head, separators=(",", ":")) + "\n" + body + "\n")


def test_hub_away(net):
    """A spoke that boots without the hub has directory and endpoints; the grace ends trust; the hub brings it back."""
    _, hq, oslo, bergen = net
    bergen.server.wait_ping(own_address(oslo))
    wait_until("bergen knows where oslo is", lambda: f"{oslo.public4}:6655" in peer(bergen, "oslo")["known_at"])
    before = peer(oslo, "bergen")["handshake"]
    mark = oslo.daemon.mark()
    hq.daemon.stop(signal.SIGKILL)
    oslo.daemon.wait_line(r"link to the hub is down", start=mark)
    # Nothing of the session between the two is touched while the hub comes and goes.
    mark = oslo.daemon.mark()
    hq.start_daemon("hub")
    oslo.daemon.wait_line(r"link to hub linodeHQ is up", start=mark, timeout=90)
    bergen.server.wait_ping(own_address(oslo), 60)
    assert peer(oslo, "bergen")["handshake"] == before
    hq.daemon.stop(signal.SIGKILL)
    bergen.daemon.stop()
    known = json.loads(open(os.path.join(bergen.state, "directory.json"), encoding="utf-8").readlines()[1])
    assert [e for p in known["peers"] for e in p["endpoints"] if e == f"{oslo.public4}:6655"]
    age_cache(bergen, 20)
    bergen.start_daemon("spoke")
    status = bergen.json("spoke", "status")
    assert not status["hub"]["up"] and not status["grace_over"]
    assert {p["name"] for p in status["peers"]} == {"linodeHQ", "oslo"}
    assert f"{oslo.public4}:6655" in peer(bergen, "oslo")["known_at"]
    assert status["engine"]["peers"] == 2
    bergen.daemon.wait_line(r"OfflineGrace.*all tunnels are closed", 60)
    status = bergen.json("spoke", "status")
    assert status["grace_over"] and status["engine"]["peers"] == 0
    assert "OfflineGrace" in peer(bergen, "oslo")["reason"]
    assert "OfflineGrace" in bergen.spoke("status").stdout
    hq.start_daemon("hub")
    wait_until("the hub confirms the directory", lambda: not bergen.json("spoke", "status")["grace_over"], 90)
    bergen.server.wait_ping(own_address(oslo), 60)


def test_expected_branches():
    """ConnectTo lines on the hub, read again by SIGHUP: who is away is named and logged, and their return, too."""
    with World(build=os.path.join(BUILD, "fast")) as w:
        hq = w.headquarters(lan_host=False)
        oslo = w.branch(hq, "oslo", 1, lan_host=False)
        wait_until("oslo is online", lambda: all(n["online"] for n in hq.json("hub", "status")["nodes"]))
        assert hq.json("hub", "status")["expected_away"] == []
        started, conf = hq.worker_pid("control"), read(hq, "hub.conf")
        write(hq, "hub.conf", conf + "ConnectTo = oslo\nConnectTo = nowhere\n")
        hq.daemon.popen.send_signal(signal.SIGHUP)
        hq.daemon.wait_line(r"ConnectTo lines of hub\.conf .* were read again")
        hq.daemon.wait_line(r"branch nowhere, which ConnectTo.*no node has this name")
        assert hq.json("hub", "status")["expected_away"] == ["nowhere"]
        assert {n["name"]: n["expected"] for n in hq.json("hub", "status")["nodes"]} == {"linodeHQ": False, "oslo": True}
        assert "AWAY        nowhere" in hq.hub("status").stdout
        oslo.daemon.stop()
        hq.daemon.wait_line(r"branch oslo, which ConnectTo.*is away: its link to this hub is down")
        wait_until("both are away", lambda: hq.json("hub", "status")["expected_away"] == ["nowhere", "oslo"])
        # A line that is wrong changes nothing; one that stays is not reported a second time.
        mark = hq.daemon.mark()
        write(hq, "hub.conf", conf + "ConnectTo = oslo\nConectTo = nowhere\n")
        hq.daemon.popen.send_signal(signal.SIGHUP)
        hq.daemon.wait_line(r"did you mean 'ConnectTo'.*stays as it was", start=mark)
        assert hq.json("hub", "status")["expected_away"] == ["nowhere", "oslo"]
        write(hq, "hub.conf", conf + "ConnectTo = oslo\n")
        hq.daemon.popen.send_signal(signal.SIGHUP)
        hq.daemon.wait_line(r"ConnectTo lines of hub\.conf .* were read again", start=mark)
        wait_until("one is away", lambda: hq.json("hub", "status")["expected_away"] == ["oslo"])
        oslo.start_daemon("spoke")
        hq.daemon.wait_line(r"branch oslo is back")
        assert not [line for line in hq.daemon.lines[mark:] if "which ConnectTo" in line]
        assert hq.worker_pid("control") == started
        # Workers that die begin again with the lines that were read last, not with those of the start, nor with half a file.
        write(hq, "hub.conf", conf + "ConectTo = nowhere\n")
        for role in ("control", "api"):
            crash(hq, role)
        wait_until("oslo is expected", lambda: {
            n["name"]: n["expected"] for n in hq.json("hub", "status")["nodes"]} == {"linodeHQ": False, "oslo": True})
        mark = hq.daemon.mark()
        oslo.daemon.stop()
        hq.daemon.wait_line(r"branch oslo, which ConnectTo.*is away", start=mark)
