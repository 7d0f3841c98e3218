# SPDX-License-Identifier: GPL-3.0-or-later
"""Where UDP does not get through, the same tunnels ride TCP: through firewalls, at port 443, through proxies.

    linodeHQ ------- internet (a bridge) ------- linode1   its firewall (nft) takes UDP, or all but some TCP ports
       |                 |        |
     LAN host          linode2   proxy
"""

import os
import re
import sys

from world import Failed, wait_until

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "proxy.py")


def firewall(site, rules):
    """What leaves and comes at the WAN side, in words of nft; "" takes the firewall away."""
    site.server.run(["nft", "add table inet fw; delete table inet fw"])
    if rules:
        chains = "".join(
            f"add chain inet fw {hook} {{ type filter hook {hook} priority 0; }}; "
            + "".join(f"add rule inet fw {hook} {dev} wan {rule}; " for rule in rules)
            for hook, dev in (("input", "iifname"), ("output", "oifname"))
        )
        site.server.run(["nft", "add table inet fw; " + chains])


def block_udp(site):
    firewall(site, ["meta l4proto udp drop"])


def only_tcp(site, *ports):
    """All that passes is TCP of these ports (the far end's, or the near end's for answers)."""
    wanted = ", ".join(map(str, ports))
    firewall(site, [f"tcp dport {{ {wanted} }} accept", f"tcp sport {{ {wanted} }} accept", "meta nfproto ipv4 drop"])


def peer(site, name):
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}[name]


def path_is(site, name, path, timeout=30):
    return wait_until(f"{site.name} reaches {name} by {path}",
                      lambda: (p := peer(site, name))["path"] == path and p, timeout)


def start_proxy(world, kind, *options):
    ns = world.namespace("proxy")
    world.attach(ns, "wan", "203.0.113.99", None)
    process = ns.start([sys.executable, PROXY, kind, "3128", *options], name="proxy")
    process.wait_line("^ready")
    return process


def configure(site, *lines, mode=0o640):
    path = os.path.join(site.etc, "spoke.conf")
    with open(path, "a", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))
    os.chmod(path, mode)


def carriers(hq):
    """TCP connections to the hub's link ports."""
    return len(hq.server.run("ss -Htn state established ( sport = :6655 or sport = :443 )").stdout.splitlines())


def test_udp_blocked_from_the_start(world):
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    two = world.branch(hq, "linode2", 2)
    block_udp(one)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 30)
    seen = path_is(one, "linodeHQ", "hub-tcp")
    assert seen["endpoint"] == f"{hq.public4}:6655"
    one.host.wait_ping(two.host4)
    two.host.wait_ping(one.host4)
    assert "tunnel packets can travel by TCP" in one.spoke("status").stdout

    def shown():
        nodes = {n["name"]: n for n in hq.json("hub", "status")["nodes"]}
        return nodes["linode1"]["path"] == "hub-tcp" and nodes["linode1"]["endpoint"].startswith(one.public4)

    wait_until("the hub shows it", shown)
