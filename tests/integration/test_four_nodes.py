# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenario 3 of the guide: headquarters and three branches, each with a LAN.

    10.0.0.10 -- linodeHQ (hub) --+-- linode1 -- 10.1.0.10
                                  +-- linode2 -- 10.2.0.10
                                  +-- linode3 -- 10.3.0.10
"""

import os
import re

from world import BUILD, wait_until


def test_every_lan_reaches_every_lan(network):
    hq, branches = network
    sites = [hq, *branches]
    for a in sites:
        for b in sites:
            if a is not b:
                a.host.wait_ping(b.host4)
                a.host.wait_ping(b.host6)
    # A path without loss once it stands, and packets of the full size.
    assert branches[0].host.pings(branches[1].host4, count=50, size=1300)


def test_status_shows_the_peers(network):
    hq, branches = network
    branches[0].host.wait_ping(hq.host4)
    branches[0].host.wait_ping(branches[1].host4)

    def hub_peer_ready():
        peers = {p["name"]: p for p in branches[0].json("spoke", "status")["peers"]}
        return peers["linodeHQ"]["path"] == "direct-udp" and peers["linode2"]["path"] == "direct-udp" and peers

    peers = wait_until("paths in status", hub_peer_ready)
    assert peers["linodeHQ"]["endpoint"] == f"{hq.public4}:6655"
    assert peers["linode2"]["rx_bytes"] > 0 and peers["linode2"]["tx_bytes"] > 0
    assert "linode3" in branches[0].spoke("status").stdout

    def hub_sees_three():
        status = hq.json("hub", "status")
        online = [n for n in status["nodes"] if n.get("online")]
        return len(online) >= 3 and all(n["path"] == "direct-udp" for n in online if n["kind"] == "spoke")

    wait_until("three branches online in the hub's status", hub_sees_three)


def test_overlay_ping(network):
    _, branches = network
    out = wait_until(
        "overlay ping", lambda: branches[0].spoke("ping", "linode2", "-c", "1", check=False).stdout or None
    )
    assert "ms" in out and re.search("^linode2: (via hub|direct) ", out)
    assert branches[0].spoke("ping", "nobody", check=False).returncode == 4


def test_stopping_takes_interface_and_routes_away(network):
    _, branches = network
    b = branches[2]
    before = b.server.run("ip -o link").stdout
    assert "linodeVPN" in before
    assert "10.1.0.0/24" in b.server.run("ip route").stdout
    assert b.daemon.stop() == 0
    assert "linodeVPN" not in b.server.run("ip -o link").stdout
    assert "10.1.0.0/24" not in b.server.run("ip route").stdout
    assert not os.path.exists(os.path.join(b.dir, "run", "linodeVPN", "spoke.sock"))
    b.start_daemon("spoke")
    b.host.wait_ping(branches[0].host4)


def test_workers_have_no_rights(network):
    """Each worker: the unprivileged user, no capability, no way to regain one."""
    hq, branches = network
    with open(os.path.join(BUILD, "branchline-spoke"), "rb") as f:
        sanitized = re.search(rb"__[at]san_init", f.read())  # such a build has no filter of system calls
    for site, roles in ((hq, ("engine", "control", "api", "webhooks")), (branches[0], ("engine", "control"))):
        for role in roles:
            with open(f"/proc/{site.worker_pid(role)}/status", encoding="utf-8") as f:
                status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            assert "0" not in status["Uid"].split(), (site.name, role)
            assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
            assert status["NoNewPrivs"] == "1"
            assert status["Seccomp"] == ("0" if sanitized else "2")
