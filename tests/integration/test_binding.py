# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way tunnels and links leave a machine: BindToAddress, BindToInterface, FWMark, Port."""

import world as w


def endpoint_of(hq, name):
    nodes = {n["name"]: n for n in hq.json("hub", "status")["nodes"]}
    return nodes[name]["endpoint"] or ""


def links(hq):
    """Where connections to the hub's link come from."""
    said = hq.server.run("ss -Htn state established sport = :6655").stdout
    return {line.split()[3].rsplit(":", 1)[0] for line in said.splitlines()}


def test_source_address_and_any_port(world):
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    one.server.run("ip addr add 203.0.113.211/24 dev wan")
    one.start_daemon("spoke", "-o", "BindToAddress=203.0.113.211", "-o", "Port=0")
    one.host.wait_ping(hq.host4)
    w.wait_until("tunnel and link come from the address",
                 lambda: endpoint_of(hq, "linode1").startswith("203.0.113.211:") and links(hq) == {"203.0.113.211"})
    assert not endpoint_of(hq, "linode1").endswith(":6655")


def test_mark_routes(world):
    """The hub can be reached by marked packets only, as where the default route goes into the tunnel."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    one.server.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0")
    one.server.run("ip route del 203.0.113.0/24 dev wan")
    one.server.run(f"ip route add 203.0.113.0/24 dev wan src {one.public4} table 77")
    one.server.run("ip rule add fwmark 77 table 77")
    one.start_daemon("spoke")
    one.daemon.wait_line("link: dialling -> waiting")
    one.daemon.stop()
    one.start_daemon("spoke", "-o", "FWMark=77")
    one.host.wait_ping(hq.host4)
    # The first sockets are made at the start, later ones by request: a link that breaks comes back, too.
    for _ in range(3):
        mark = one.daemon.mark()
        hq.server.run("ss -K sport = :6655")
        one.daemon.wait_line("link: greeting -> up", 30, mark)
    assert one.host.pings(hq.host4)


def test_interface(world):
    hq = world.headquarters(options=("-o", "BindToInterface=wan"))
    one = world.branch(hq, "linode1", 1, options=("-o", "BindToInterface=wan"))
    one.host.wait_ping(hq.host4)
    for site in (hq, one):
        bound = [line for line in site.server.run("ss -Hunl").stdout.splitlines() if ":6655" in line]
        assert bound and all("%wan:6655" in line for line in bound)
    one.daemon.stop()
    one.start_daemon("spoke", "-o", "BindToInterface=nosuch0", wait=False)
    one.daemon.wait_line("BindToInterface: there is no interface nosuch0")
    assert one.daemon.popen.wait(10) == 1
