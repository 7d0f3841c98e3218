# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of tinc on both daemons: which run, when, in which order, and what they are told.

    10.0.0.10 -- linodeHQ (hub) --+-- linode1 -- 10.1.0.10
                                  +-- linode2 -- 10.2.0.10
"""

import os

import pytest

from world import World, wait_until

NAMES = ("tinc-up", "tinc-down", "host-up", "host-down", "subnet-up", "subnet-down")
TOLD = {"DEBUG", "DEVICE", "INTERFACE", "NAME", "NETNAME", "PATH"}
OF_HOST = TOLD | {"NODE", "REMOTEADDRESS", "REMOTEPORT"}


def write_scripts(site, *hosts):
    """Each writes a line: its name, then all of its environment but what the shell makes."""
    log = os.path.join(site.dir, "scripts.log")
    for name in (*NAMES, *(f"hosts/{h}" for h in hosts)):
        path = os.path.join(site.etc, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho {name} $(env | grep -v ^PWD= | sort) >>{log}\n")
        os.chmod(path, 0o755)
    return log


def ran(log):
    """(script, environment) of each, in order."""
    if not os.path.exists(log):
        return []
    with open(log, encoding="utf-8") as f:
        lines = [line.split() for line in f]
    return [(words[0], dict(w.split("=", 1) for w in words[1:])) for words in lines]


def short(log, of=None):
    """"subnet-up linode1 10.1.0.0/24" for each, of one node when asked; IPv4 only."""
    rows = [(name, env.get("NODE", ""), env.get("SUBNET", "")) for name, env in ran(log)]
    return [" ".join(r).strip() for r in rows if ":" not in r[2] and (of is None or r[1] == of)]


@pytest.fixture(scope="module")
def net():
    with World() as world:
        hq = world.headquarters(lan_host=False)
        hq.daemon.stop()
        hq.log = write_scripts(hq, "linode1-up", "linode1-down")
        hq.start_daemon("hub")
        one = world.branch(hq, "linode1", 1, start=False)
        one.log = write_scripts(one, "linodeHQ-up", "linode2-down")
        one.start_daemon("spoke")
        two = world.branch(hq, "linode2", 2)
        one.host.wait_ping(two.host4)
        yield hq, one, two


def await_lines(log, of, *wanted):
    wait_until(f"{wanted} in {log}", lambda: short(log, of)[-len(wanted):] == list(wanted))


def test_start(net):
    """tinc-up first; then the own subnets, and the nodes as they are reached, each before its subnets."""
    hq, one, _ = net
    await_lines(one.log, "linode2", "host-up linode2", "subnet-up linode2 10.2.0.0/24")
    await_lines(one.log, "linodeHQ", "host-up linodeHQ", "hosts/linodeHQ-up linodeHQ", "subnet-up linodeHQ 10.0.0.0/24")
    assert short(one.log)[:2] == ["tinc-up", "subnet-up linode1 10.1.0.0/24"]
    assert short(hq.log)[:2] == ["tinc-up", "subnet-up linodeHQ 10.0.0.0/24"]
    await_lines(hq.log, "linode1", "host-up linode1", "hosts/linode1-up linode1", "subnet-up linode1 10.1.0.0/24")


def test_environment(net):
    """As in tinc, and nothing else: what the daemon was started with does not get there."""
    _, one, _ = net
    for name, env in ran(one.log):
        wanted = TOLD if name == "tinc-up" else OF_HOST
        if name == "subnet-up":
            wanted = wanted | {"SUBNET", "WEIGHT"}
        if env.get("NODE") == "linode1":
            wanted = wanted - {"REMOTEADDRESS", "REMOTEPORT"}  # it is here
        assert set(env) == wanted, name
        assert (env["NETNAME"], env["NAME"], env["INTERFACE"]) == ("linodeVPN", "linode1", "linodeVPN")
    at = next(env for name, env in ran(one.log) if name == "host-up" and env["NODE"] == "linodeHQ")
    assert (at["REMOTEADDRESS"], at["REMOTEPORT"]) == ("203.0.113.10", "6655")
    assert {env["WEIGHT"] for name, env in ran(one.log) if name == "subnet-up"} == {"10"}


def test_subnets_that_come_and_go(net):
    hq, one, _ = net
    for node, logs in (("linode2", (one.log, hq.log)), ("linode1", (one.log, hq.log)), ("linodeHQ", (one.log, hq.log))):
        hq.hub("subnet", "add", node, "10.99.0.0/24")
        for log in logs:
            await_lines(log, node, f"subnet-up {node} 10.99.0.0/24")
        hq.hub("subnet", "remove", node, "10.99.0.0/24")
        for log in logs:
            await_lines(log, node, f"subnet-down {node} 10.99.0.0/24")


def test_a_node_that_goes(net):
    """Revoked: its scripts, then those of its subnets, at the hub and at the branch that talked with it; the stop is tinc-down's."""
    hq, one, _ = net
    hq.hub("node", "revoke", "linode2", "--reason", "stolen")
    await_lines(one.log, "linode2", "host-down linode2", "hosts/linode2-down linode2", "subnet-down linode2 10.2.0.0/24")
    await_lines(hq.log, "linode2", "host-down linode2", "subnet-down linode2 10.2.0.0/24")
    assert one.daemon.stop() == 0
    assert short(one.log)[-1] == "tinc-down"
