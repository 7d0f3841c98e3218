# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration from the command line: get, set, add, del, edit, fsck, and the process: pid, reload, stop. Headquarters and a branch."""

import json
import os
import re
import signal
import stat

import pytest

import world as w

PHONE_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="


@pytest.fixture(scope="module")
def network():
    with w.World() as world:
        hq = world.headquarters()
        yield hq, world.branch(hq, "oslo", 1)


def sides(network):
    hq, oslo = network
    return [(hq.hub, os.path.join(hq.etc, "hub.conf"), "linodeHQ"), (oslo.spoke, os.path.join(oslo.etc, "spoke.conf"), "oslo")]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@pytest.mark.parametrize("side", [0, 1])
def test_variables(network, side):
    """Names in any case, one value or several, exit codes of get and del, and nothing but the line changes."""
    run, path, name = sides(network)[side]
    os.chmod(path, 0o640)
    with open(path, "a", encoding="utf-8") as f:
        f.write("# kept\n")
    before = read(path)
    assert run("get", "name").stdout == f"{name}\n"
    assert run("get", "LogLevel", check=False).returncode == 1
    run("set", "loglevel", "2")
    assert run("get", "LogLevel").stdout == "2\n" and json.loads(run("get", "LogLevel", "--json").stdout) == ["2"]
    run("set", "LogLevel", "1", "--dry-run")
    run("set", "LogLevel", "3")
    assert read(path) == before + "LogLevel = 3\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert run("add", "LogLevel", "4", check=False).returncode == 2
    run("del", "LogLevel")
    assert run("del", "LogLevel", check=False).returncode == 1
    run("add", "BindToAddress", "127.0.0.1", "7000")
    assert run("add", "BindToAddress", "127.0.0.1 7000", check=False).returncode == 1
    run("add", "BindToAddress", "127.0.0.1", "7001")
    assert run("get", "BindToAddress").stdout == "127.0.0.1 7000\n127.0.0.1 7001\n"
    run("del", "BindToAddress", "127.0.0.1 7000")
    run("del", "BindToAddress")
    assert read(path) == before


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("variable, value, why", [
    ("Prot", "7000", "did you mean Port"), ("Port", "70000", "to 65535"), ("AddressFamily", "ipv5", "none of any, ipv4, ipv6"),
    ("Mode", "switch", "only Mode = router"), ("oslo.Name", "x", "not in a hosts file"), ("oslo.Subnet", "10.1.0.0/33", "not a subnet"),
    ("oslo.Subnet", "10.1.0.7/24", "10.1.0.0/24 may be meant"), ("oslo.Subnet", "1.2.3.4.5/8", "not a subnet"),
    ("oslo.Subnet", ":" * 1024, "not a subnet"), ("oslo.Subnet", "10.1.0.0/24#x", "weight"), ("oslo.Address", "host 70000", "not a host name"),
])
def test_what_is_wrong_is_not_written(network, side, variable, value, why):
    run, path, _ = sides(network)[side]
    before = read(path)
    got = run("set", variable, value, check=False)
    assert got.returncode in (1, 2) and why in got.stderr
    assert read(path) == before and not os.path.exists(os.path.join(os.path.dirname(path), "hosts", "oslo"))


def test_host_variables(network):
    """A variable of a hosts file goes there: HOST.VARIABLE, or into the own one."""
    _, oslo = network
    own = os.path.join(oslo.etc, "hosts", "oslo")
    oslo.spoke("add", "Subnet", "10.77.0.0/24#5")
    oslo.spoke("set", "bergen.Address", "198.51.100.9", "7000")
    assert read(own) == "Subnet = 10.77.0.0/24#5\n"
    assert oslo.spoke("get", "bergen.Address").stdout == "198.51.100.9 7000\n"
    os.remove(own)
    os.remove(os.path.join(oslo.etc, "hosts", "bergen"))


def test_edit(network):
    """The editor's work is put in place when the daemon could start with it."""
    _, oslo = network
    path = os.path.join(oslo.etc, "spoke.conf")
    before = read(path)
    oslo.spoke("edit", env={"EDITOR": "sed -i s/^Name/LogLevel=1\\nName/"})
    assert read(path) == "LogLevel=1\n" + before
    got = oslo.spoke("edit", check=False, env={"VISUAL": "sed -i s/LogLevel=1/Loglevle=1/", "EDITOR": "false"})
    assert got.returncode == 1 and "did you mean 'LogLevel'" in got.stderr and "spoke.conf~edit" in got.stderr
    assert read(path) == "LogLevel=1\n" + before
    os.remove(path + "~edit")
    oslo.spoke("del", "LogLevel")


@pytest.mark.parametrize("side", [0, 1])
def test_fsck(network, side):
    run, path, _ = sides(network)[side]
    etc = os.path.dirname(path)
    assert "nothing is wrong" in run("fsck").stdout
    before = read(path)
    with open(path, "a", encoding="utf-8") as f:
        f.write("Prot = 1\nLoglevle = 2\nSubnet = 10.0.0.0/8\n")
    for name, mode in (("tinc-up", 0o644), ("tinc-up.sh", 0o755)):
        with open(os.path.join(etc, name), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n")
        os.chmod(os.path.join(etc, name), mode)
    os.chmod(os.path.join(etc, "identity.key"), 0o644)
    got = run("fsck", check=False)
    assert got.returncode == 1
    for said in ("unknown key Prot: did you mean Port?", "unknown key Loglevle: did you mean LogLevel?", "Subnet", "it is not executable",
                 "no script of this name", "others may read or write this secret"):
        assert said in got.stdout, said
    with open(path, "w", encoding="utf-8") as f:
        f.write(before)
    got = run("fsck", "--fix", "--json")
    found = json.loads(got.stdout)
    assert (found["errors"], found["warnings"], found["fixed"]) == (0, 1, 2)
    assert os.stat(os.path.join(etc, "identity.key")).st_mode & 0o777 == 0o600
    os.remove(os.path.join(etc, "tinc-up.sh"))
    os.remove(os.path.join(etc, "tinc-up"))
    os.rename(os.path.join(etc, "tunnel.key"), os.path.join(etc, "tunnel.key.away"))
    got = run("fsck", check=False)
    assert got.returncode == 1 and "tunnel.key: it is missing" in got.stdout
    os.rename(os.path.join(etc, "tunnel.key.away"), os.path.join(etc, "tunnel.key"))
    assert "nothing is wrong" in run("fsck").stdout
    # Another node's key, as a copied folder brings it: the hub has the branch's, the branch the hub's.
    other = os.path.dirname(sides(network)[1 - side][1])
    for name in ("identity.key", "tunnel.key"):
        path = os.path.join(etc, name)
        own = read(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(read(os.path.join(other, name)))
        got = run("fsck", check=False)
        assert got.returncode == 1 and f"{name}: it is " in got.stdout and "key" in got.stdout
        with open(path, "w", encoding="utf-8") as f:
            f.write(own)
    assert "nothing is wrong" in run("fsck").stdout


def test_debug_and_retry(network):
    """The log level of all processes changes while they run; a daemon that waits for its next try dials at once."""
    _, oslo = network
    got = oslo.json("spoke", "debug", "5")
    assert (got["level"], got["before"]) == (5, 3)
    w.wait_until("level 5 in force", lambda: oslo.json("spoke", "debug", "5")["before"] == 5)
    w.wait_until("level 3 in force", lambda: oslo.json("spoke", "debug", "3")["before"] == 3)
    assert oslo.spoke("debug", "6", check=False).returncode == 2
    assert oslo.spoke("retry").stdout.startswith("link: ")
    pid = oslo.spoke("pid").stdout
    oslo.cli("spoke", "-kALRM")
    oslo.daemon.wait_line("asked by a signal to dial the hub now: the link is ")
    assert oslo.spoke("pid").stdout == pid


def test_sessions_by_hand(network):
    """connect, disconnect and purge: a session that was ended is made anew, and who answers is not purged."""
    _, oslo = network
    w.wait_until("a session", lambda: oslo.spoke("connect", "linodeHQ", check=False).stdout.startswith("linodeHQ: connected, "))
    assert oslo.spoke("disconnect", "linodeHQ").stdout == "linodeHQ: disconnected, until there is traffic\n"
    w.wait_until("the session again", lambda: oslo.json("spoke", "connect", "linodeHQ", check=False).get("ok"))
    w.wait_until("the hub answers", lambda: oslo.json("spoke", "purge") == {"forgotten": 0})
    w.wait_until("nothing to purge", lambda: "no node is without an answer" in oslo.spoke("purge").stdout)
    for command in ("connect", "disconnect"):
        got = oslo.spoke(command, "nobody", check=False)
        assert got.returncode != 0 and "the directory has no such node" in got.stderr


def test_sessions_by_hand_at_the_hub(network):
    """disconnect ends link and session, which come back; connect makes one; purge and retry leave who answers alone."""
    hq, oslo = network
    assert hq.hub("connect", "oslo").stdout.startswith("oslo: connected, ")
    mark, handshakes = oslo.daemon.mark(), hq.daemon.mark()
    # The carrier is there while UDP is not settled.
    ended = hq.hub("disconnect", "oslo").stdout
    assert re.fullmatch(r"oslo: ended: link (carrier )?session\. It comes back by itself\n", ended)
    hq.daemon.wait_line(r"an admin has disconnected oslo", start=handshakes)
    oslo.daemon.wait_line(r"the hub's admin has ended the link", start=mark)
    oslo.daemon.wait_line(r"link to hub linodeHQ is up", start=mark)
    w.wait_until("the session again", lambda: hq.json("hub", "connect", "oslo", check=False)["connected"])
    w.wait_until("all answer", lambda: hq.json("hub", "retry") == {"called": 0})
    assert hq.json("hub", "purge") == {"forgotten": 0}
    assert "no node is without an answer" in hq.hub("purge").stdout
    for command in ("connect", "disconnect"):
        assert hq.hub(command, "nobody", check=False).returncode == 4
        got = hq.hub(command, "linodeHQ", check=False)
        assert got.returncode == 4 and "is the hub itself" in got.stderr
    noted = [e["action"] for e in hq.json("hub", "audit", "list")["items"]]
    assert {"node.connect", "node.disconnect", "hub.purge", "hub.retry"} <= set(noted)


def test_dumps_in_the_log(network):
    """-kUSR1, -kUSR2 and -kWINCH: connections; nodes, subnets and counters; purge. Of both daemons."""
    hq, oslo = network
    w.wait_until("oslo is reached", lambda: hq.json("hub", "connect", "oslo", check=False)["connected"])

    def ask(site, kind, signal, *lines):
        mark = site.daemon.mark()
        assert site.cli(kind, f"-k{signal}").returncode == 0
        for line in lines:
            site.daemon.wait_line(line, start=mark)

    ask(hq, "hub", "USR1", r"dump: connection oslo from \S+, up for \d+ s", r"dump: \d+ connections$")
    ask(hq, "hub", "USR2", r"dump: node oslo id \d+, spoke, active, link up, path \S+ ", r"dump: 2 nodes$",
        r"dump: subnet 10\.1\.0\.0/24 of oslo, weight 10$", r"dump: \d+ subnets$", r"dump: engine\.peers is 1$")
    ask(oslo, "spoke", "USR1", r"dump: connection to hub linodeHQ, up at ", r"dump: connection for packets by TCP, ")
    ask(oslo, "spoke", "USR2", r"dump: node linodeHQ id \d+, hub, path \S+ ", r"dump: subnet 10\.1\.0\.0/24 of oslo",
        r"dump: data plane: 1 peers, 1 sessions")
    ask(hq, "hub", "WINCH", r"control: 0 nodes do not answer: what was learnt of them is forgotten")
    ask(oslo, "spoke", "WINCH", r" 0 nodes do not answer: what was learnt of them is forgotten")


class Follower:
    """`log LEVEL` in the background."""

    def __init__(self, site, kind, *args):
        self.process = site.server.start([site.program(kind), "-n", w.NET, "log", *args], env=site.env(), name=f"{kind}-log")

    def stop(self, signo=signal.SIGTERM):
        self.process.stop(signo)
        return self.process.lines


def follow_until_heard(follower, cause, pattern):
    """It follows from some moment on: the cause is repeated until it is heard."""
    mark = follower.process.mark()

    def heard():
        cause()
        return any(re.search(pattern, x) for x in follower.process.lines[mark:])

    w.wait_until(f"{pattern} is heard", heard, timeout=60)


def test_the_log_is_followed(network):
    """log LEVEL shows lines of several processes at a level of its own, and the log keeps its own level."""
    hq, oslo = network
    for site, kind, cause in (
        (hq, "hub", lambda: hq.hub("retry")), (oslo, "spoke", lambda: oslo.spoke("netcheck", check=False))
    ):
        level = hq.json("hub", "log-level")["level"] if kind == "hub" else None
        follower, other = Follower(site, kind, "5"), Follower(site, kind, "0", "--json")
        follow_until_heard(follower, cause, rf"branchline-{kind}\[(control|engine)\]: ")
        mark = site.daemon.mark()
        follow_until_heard(other, lambda: site.cli(kind, "-kUSR1"), r'"text":"dump: ')
        follower.process.wait_line(rf"branchline-{kind}\[control\]: dump: connection")
        line = json.loads(next(x for x in other.stop() if "dump: " in x))
        assert line["level"] == 0 and line["priority"] == 5 and line["process"] == f"branchline-{kind}[control]"
        # Killed, it is forgotten, and nobody else notices.
        follower.stop(signal.SIGKILL)
        site.cli(kind, "-kUSR1")
        site.daemon.wait_line(r"dump: connection", start=mark)
        if level is not None:
            assert hq.json("hub", "log-level")["level"] == level
    for site, kind in ((hq, "hub"), (oslo, "spoke")):
        got = site.cli(kind, "log", "6", check=False)
        assert got.returncode == 2 and "the level must be a whole number from 0 to 5" in got.stderr


def test_nobody_is_called_in_vain(network):
    """A branch that is away is not connected, and a device without an address is not called."""
    hq, oslo = network
    hq.hub("node", "add", "phone", "--kind", "wireguard", "--public-key", PHONE_KEY)
    got = hq.hub("connect", "phone", check=False)
    assert got.returncode == 1 and "the hub does not know where it is" in got.stdout
    assert hq.hub("disconnect", "phone", check=False).stdout.startswith("phone: ")
    hq.hub("node", "add", "away")
    got = hq.json("hub", "connect", "away", check=False)
    assert got["result"] == "not_joined" and not got["connected"]
    hq.hub("node", "delete", "phone", "--yes")
    hq.hub("node", "delete", "away", "--yes")


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_key_length_is_explained(network, kind):
    got = network[0].cli(kind, "-K", "4096")
    assert "no key length to choose" in got.stdout


def test_process(network):
    """network, pid, reload, stop and restart find the daemon; without one they say so, and restart starts one."""
    hq, oslo = network
    for site, run, name in ((oslo, oslo.spoke, "spoke"), (hq, hq.hub, "hub")):
        def networks(site=site, name=name):
            listed = site.server.run([site.program(name), "network", "--json"], env=site.env()).stdout
            return [(x["network"], x["directory"], x["pid"]) for x in json.loads(listed)]

        pid = int(run("pid").stdout)
        assert networks() == [(w.NET, site.etc, pid)]
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            assert f.read().startswith(f"branchline-{name}"[:15])
        run("reload")
        assert int(run("pid").stdout) == pid
        run("stop")
        assert run("pid", check=False).returncode == 3 and run("stop", check=False).returncode == 3
        assert networks() == [(w.NET, site.etc, None)] and re.search(f"^{w.NET} +no ", run("network").stdout, re.M)
        try:
            run("restart")
            first = int(run("pid").stdout)
            run("restart")
            second = int(run("pid").stdout)
            assert len({pid, first, second}) == 3
            run("status")
        finally:
            run("stop", check=False)
