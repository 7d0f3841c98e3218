# SPDX-License-Identifier: GPL-3.0-or-later
"""The outer network: IPv6 alone, both families, and both families inside whatever is outside."""

from world import wait_until


def both_families_inside(*sites):
    for a in sites:
        for b in sites:
            if a is not b:
                a.host.wait_ping(b.host4)
                a.host.wait_ping(b.host6)


def test_ipv6_only(world):
    hq = world.headquarters(address="[2001:db8:ffff::10]", v4=False, v6=True)
    sites = [hq] + [world.branch(hq, f"linode{i}", i, v4=False, v6=True) for i in (1, 2)]
    both_families_inside(*sites)
    peers = {p["name"]: p for p in sites[1].json("spoke", "status")["peers"]}
    assert peers["linodeHQ"]["endpoint"] == "[2001:db8:ffff::10]:6655"


def test_dual_stack(world):
    """One branch has only IPv4, one only IPv6, the hub both: they reach each other through it."""
    hq = world.headquarters(v6=True, init=("--address", "[2001:db8:ffff::10]"))
    four = world.branch(hq, "linode1", 1)
    six = world.branch(hq, "linode2", 2, v4=False, v6=True)
    both_families_inside(hq, four, six)

    def seen():
        nodes = {n["name"]: n for n in hq.json("hub", "status")["nodes"]}
        return nodes["linode1"]["endpoint"].startswith("203.0.113.") and nodes["linode2"]["endpoint"].startswith("[2001:")

    wait_until("each at an address of its family", seen)


def test_large_packets_and_tcp(network):
    """Full-size packets, and a TCP transfer whose segments are fitted to the tunnel by the clamped MSS."""
    hq, (one, _, three) = network
    one.host.wait_ping(three.host4)
    assert one.host.pings(three.host4, count=5, size=1372)
    # Larger ones are fragmented by the kernel at the tunnel's MTU and arrive whole.
    assert one.host.pings(hq.host4, count=5, size=4000)
    server = three.host.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3")
    server.wait_line("Server listening")
    one.host.run(["iperf3", "-c", three.host4, "-n", "20M"])
    server.stop()
