# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's admin changes about a node: its name, its address, whether it may take part at all.

    linodeHQ (hub) --- internet (a bridge) --- linode1, linode2   branches
"""

import pytest

import evidence
import world as w

PROMISED_S = 1.0
NAMES = {"linode1", "linode2"}


class Net:
    def __init__(self, world):
        self.hq = world.headquarters()
        self.one, self.two = [world.branch(self.hq, f"linode{i}", i) for i in (1, 2)]
        w.wait_until("both are connected", lambda: self.online() == NAMES)
        self.one.host.wait_ping(self.two.host4)

    def online(self):
        return {n["name"] for n in self.hq.json("hub", "status")["nodes"] if n["kind"] == "spoke" and n["online"]}


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        yield Net(world)


def shown(site):
    return site.json("spoke", "status")


def peers(site):
    return {p["name"] for p in shown(site)["peers"]}


def test_a_new_name_is_everywhere_and_no_tunnel_notices(net):
    hq, one, two = net.hq, net.one, net.two
    before = hq.json("hub", "node", "show", "linode1")
    echoes = evidence.Echoes(one.host, two.host4)
    hq.hub("node", "rename", "linode1", "oslo")
    w.wait_until("the others know the name", lambda: peers(two) == {"linodeHQ", "oslo"})
    w.wait_until("the node itself, too", lambda: shown(one)["name"] == "oslo")
    echoes.wait_more()
    assert echoes.stop() <= 2
    after = hq.json("hub", "node", "show", "oslo")
    assert [after[k] for k in ("id", "addresses", "subnets", "identity_fingerprint", "tunnel_key")] == \
           [before[k] for k in ("id", "addresses", "subnets", "identity_fingerprint", "tunnel_key")]
    assert net.online() == {"oslo", "linode2"}
    # The old name is free, and somebody else's from now on.
    hq.hub("node", "add", "linode1")
    assert hq.json("hub", "node", "show", "linode1")["id"] != before["id"]
    hq.hub("node", "delete", "linode1", "--yes")
    # After a restart without the hub it still knows what it is called, and whom it talks with.
    hq.daemon.stop()
    one.daemon.stop()
    one.start_daemon("spoke")
    assert shown(one)["name"] == "oslo"
    assert peers(one) == {"linodeHQ", "linode2"}
    hq.start_daemon("hub")
    w.wait_until("all are back", lambda: net.online() == {"oslo", "linode2"})
    one.daemon.wait_line("the hub calls this node oslo now|link to hub")
    hq.hub("node", "rename", "oslo", "linode1")
    w.wait_until("the old name again", lambda: shown(one)["name"] == "linode1")
    assert [d["after"]["name"] for d in evidence.audit(hq, "node.edit", "linode1")] == ["oslo"]


def test_a_disabled_node_is_cut_at_once_and_comes_back_by_itself(net):
    hq, one, two = net.hq, net.one, net.two
    before = hq.json("hub", "node", "show", "linode1")
    one.host.wait_ping(two.host4)
    echoes = evidence.Echoes(two.host, one.host4)
    hq.hub("node", "disable", "linode1", "--reason", "moving house")
    echoes.wait_silence()
    assert echoes.lived_on(evidence.changed_at(hq, "node.disable")) <= PROMISED_S
    w.wait_until("the branch knows", lambda: "disabled" in (shown(one)["refused"] or ""))
    w.wait_until("the other, too", lambda: peers(two) == {"linodeHQ"})
    assert not one.host.pings(two.host4)
    shown_now = hq.json("hub", "node", "show", "linode1")
    assert (shown_now["status"], shown_now["revoked_why"]) == ("disabled", "moving house")
    # Neither a restart nor a new token is a way around it.
    one.daemon.stop()
    one.start_daemon("spoke")
    token = hq.hub("token", "create", "linode1").stdout.strip()
    refused = one.join(token, check=False, extra=("--force",))
    assert refused.returncode and "disabled" in refused.stderr
    assert not one.host.pings(two.host4)
    hq.hub("node", "enable", "linode1")
    w.wait_until("it is back without a join", lambda: net.online() == NAMES, 40)
    echoes.wait_more()
    echoes.process.stop()
    after = hq.json("hub", "node", "show", "linode1")
    assert (after["status"], after["identity_fingerprint"]) == ("active", before["identity_fingerprint"])


def test_another_address_reaches_the_node_at_once(net):
    hq, one, two = net.hq, net.one, net.two
    old = w.address_of(hq.json("hub", "node", "show", "linode2"))
    one.host.wait_ping(two.host4)
    echoes = evidence.Echoes(one.host, two.host4)
    hq.hub("node", "edit", "linode2", "--address", "192.168.100.99")
    one.server.wait_ping("192.168.100.99")
    w.wait_until("the old one is nobody's", lambda: not one.server.pings(old))
    assert echoes.stop() <= 2
    taken = hq.hub("node", "edit", "linode1", "--address", "192.168.100.99", check=False)
    assert taken.returncode == 4 and "linode2" in taken.stderr
