# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is put in a branch's place unseen: key continuity, and StrictKeys.

    linodeHQ (hub) --- internet --- linode1   is joined anew
                                    linode2   StrictKeys = yes, later
"""

import os

import pytest

import evidence
import world as w
from world import wait_until


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        hq = world.headquarters()
        one, two = (world.branch(hq, f"linode{i}", i) for i in (1, 2))
        one.host.wait_ping(two.host4)
        yield hq, one, two


def seen(site, other):
    """How `site` sees the other branch."""
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}[other.name]


def known(site, other):
    return {k["name"]: k for k in site.json("spoke", "key", "list")["known"]}[other.name]


def fingerprint(hq, site):
    items = hq.json("hub", "key", "list", site.name)["items"]
    return [k["fingerprint"] for k in items if (k["kind"], k["status"]) == ("identity", "current")][0]


def join_anew(hq, site):
    """Another machine under its name, as whoever has the hub can do: the key before signs for nothing."""
    if site.daemon.alive():
        assert site.daemon.stop() == 0
    site.join(hq.json("hub", "token", "create", site.name)["command"], extra=["--force"])
    site.start_daemon("spoke")


def be_strict(site, yes):
    site.spoke("set", "StrictKeys", "yes" if yes else "no")
    site.spoke("reload")


def test_a_new_key_is_warned_of(net):
    hq, one, two = net
    before = fingerprint(hq, one)
    assert known(two, one)["state"] == "known" and known(two, one)["fingerprint"] == before
    assert seen(two, one)["key_changed"] is False
    join_anew(hq, one)
    two.daemon.wait_line(f"node {one.name} has another identity key .*branchline-spoke key accept {one.name}")
    wait_until("the new key is there", lambda: seen(two, one)["key_changed"])
    row = known(two, one)
    assert (row["state"], row["fingerprint"], row["offered_fingerprint"]) == ("changed", before, fingerprint(hq, one))
    # Without StrictKeys that is all: there is a tunnel.
    one.host.wait_ping(two.host4)
    assert f"{one.name} has another identity key" in two.spoke("status").stdout
    assert one.name in two.spoke("key", "list").stdout


def test_strict_keys_hold_it_back(net):
    hq, one, two = net
    be_strict(two, True)
    wait_until("there is no tunnel", lambda: not one.host.pings(two.host4))
    row = seen(two, one)
    assert (row["path"], row["reason_id"]) == ("down", "key-held") and "key accept" in row["advice"]
    # Its subnets stay ours to carry: nothing goes out in the clear instead.
    assert w.NET in two.server.run(["ip", "route", "get", one.host4]).stdout
    refused = two.spoke("ping", "-c", "1", one.name, check=False)
    assert refused.returncode == 4 and "StrictKeys" in refused.stderr
    # The hub is told, and its admin can see it.
    held = lambda: [(k["node"], k["peer"], k["unbroken"]) for k in hq.json("hub", "key", "held")["items"]]
    wait_until("the hub knows", lambda: held() == [(two.name, one.name, False)])
    hq.daemon.wait_line(f"{two.name} holds the identity key of {one.name} back")
    (entry,) = evidence.audit(hq, "key.held", one.name)
    assert entry["identity_fingerprint"] == fingerprint(hq, one)
    assert one.name in hq.hub("key", "held", two.name).stdout
    assert ("key_held", one.name) in [(a["code"], a["node"]) for a in hq.json("hub", "status")["attention"]]
    # Others are not touched.
    two.host.wait_ping(hq.host4)
    one.host.wait_ping(hq.host4)


def test_it_is_held_back_after_a_restart(net):
    hq, one, two = net
    assert two.daemon.stop() == 0
    two.start_daemon("spoke")
    two.host.wait_ping(hq.host4)
    assert seen(two, one)["reason_id"] == "key-held" and not one.host.pings(two.host4)
    # Said before, so it is said no more.
    assert len(evidence.audit(hq, "key.held", one.name)) == 1


def test_the_admin_accepts(net):
    hq, one, two = net
    answer = two.json("spoke", "key", "accept", one.name)
    assert {k["name"]: k["state"] for k in answer["known"]}[one.name] == "known"
    one.host.wait_ping(two.host4)
    wait_until("the hub knows", lambda: hq.json("hub", "key", "held")["items"] == [])
    (entry,) = evidence.audit(hq, "key.accept", one.name)
    assert entry["identity_fingerprint"] == fingerprint(hq, one)
    again = two.spoke("key", "accept", one.name, check=False)
    assert again.returncode == 1 and "the one that this branch knows" in again.stderr
    nobody = two.spoke("key", "accept", "nobody", check=False)
    assert nobody.returncode != 0 and "no such node" in nobody.stderr


def test_a_signed_key_follows(net):
    """What a branch replaces itself is vouched for by its old key: nobody has to do anything."""
    hq, one, two = net
    before = fingerprint(hq, one)
    hq.hub("node", "rotate", one.name, "--identity")
    wait_until("it has a new key", lambda: fingerprint(hq, one) != before)
    wait_until("it is known", lambda: known(two, one)["fingerprint"] == fingerprint(hq, one))
    assert known(two, one)["state"] == "known"
    one.host.wait_ping(two.host4)


def test_a_name_cannot_be_taken_over(net):
    """The branch is deleted and another made under its name: a new node, and still not the one that we know."""
    hq, one, two = net
    assert one.daemon.stop() == 0
    hq.hub("node", "delete", one.name, "--yes")
    hq.hub("node", "add", one.name, "--subnet", one.lan4)
    join_anew(hq, one)
    wait_until("it is held back", lambda: known(two, one)["state"] == "held")
    assert not one.host.pings(two.host4)
    be_strict(two, False)
    one.host.wait_ping(two.host4)
    wait_until("the hub knows", lambda: hq.json("hub", "key", "held")["items"] == [])


def test_another_network_begins_anew(net):
    """A join with another hub's token: what was known of the nodes of the first says nothing."""
    hq, one, two = net
    assert os.path.exists(os.path.join(two.state, "known-keys"))
    with open(os.path.join(two.etc, "hub.pin"), "w", encoding="utf-8") as f:
        f.write("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    join_anew(hq, two)
    one.host.wait_ping(two.host4)
    assert os.path.exists(os.path.join(two.state, "known-keys.old"))
    assert {k["state"] for k in two.json("spoke", "key", "list")["known"]} == {"known"}
