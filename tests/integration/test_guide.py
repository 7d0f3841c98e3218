# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's three networks of tinc, in the guide's own lines, moved over: import at the node that the others connect to, which runs
the hub, import and one pasted line at each other node. Every node is reached by every other at the VPN address that it had."""

import os
import time

import pytest

import world as w

KEY = "-----BEGIN RSA PUBLIC KEY-----\nMIICCgKCAgEAxxxx\n-----END RSA PUBLIC KEY-----\n"

# hub, then name -> (last byte of the VPN address, ConnectTo lines)
TWO_NODES = ("appserver", {"appserver": (209, []), "dbserver": (130, ["appserver"])})
MESH = ("appserver", {"appserver": (209, ["dbserver", "webserver"]), "dbserver": (130, ["appserver", "webserver"]),
                      "webserver": (140, ["appserver", "dbserver"])})
BRANCHES = ("linodeHQ", {"linodeHQ": (209, ["linode1", "linode2", "linode3"]), "linode1": (130, ["linodeHQ"]),
                         "linode2": (140, ["linodeHQ"]), "linode3": (150, ["linodeHQ"])})


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def tinc_folder(site, nodes, sites):
    """/etc/tinc/linodeVPN as the guide has it on this node: all host files were exchanged."""
    folder = os.path.join(site.dir, "tinc")
    last, connect = nodes[site.name]
    write(os.path.join(folder, "tinc.conf"),
          f"Name = {site.name}\nDevice = /dev/net/tun\nAddressFamily = ipv4\n" + "".join(f"ConnectTo = {c}\n" for c in connect))
    for name, (byte, _) in nodes.items():
        write(os.path.join(folder, "hosts", name), f"Address = {sites[name].public4}\nSubnet = 192.168.100.{byte}\n\n{KEY}")
    write(os.path.join(folder, "tinc-up"), "#!/bin/sh\nip link set $INTERFACE up\n"
          f"ip addr add 192.168.100.{last} dev $INTERFACE\nip route add 192.168.100.0/24 dev $INTERFACE\n", 0o755)
    write(os.path.join(folder, "tinc-down"), "#!/bin/sh\nip route del 192.168.100.0/24 dev $INTERFACE\n"
          f"ip addr del 192.168.100.{last} dev $INTERFACE\nip link set $INTERFACE down\n", 0o755)
    return folder


@pytest.mark.parametrize("hub, nodes", [TWO_NODES, MESH, BRANCHES], ids=["two nodes", "mesh", "branches"])
def test_network(world, hub, nodes):
    sites = {name: world.site(name, i) for i, name in enumerate(nodes)}
    begin = time.monotonic()
    folders = {name: tinc_folder(site, nodes, sites) for name, site in sites.items()}
    hq = sites[hub]
    hq.hub("init", hub, "--address", hq.public4, "--pool", "192.168.100.0/24")
    hq.start_daemon("hub")
    imported = {n["name"]: n["command"] for n in hq.json("hub", "import-tinc", folders[hub])["nodes"]}
    for name, site in sites.items():
        if name == hub:
            continue
        assert site.spoke("import-tinc", folders[name], "--dry-run").stdout.count("could be written") == 3
        assert not os.path.exists(site.etc)
        site.spoke("import-tinc", folders[name])
        site.join(imported[name])
        conf = os.path.join(site.etc, "spoke.conf")
        with open(conf, encoding="utf-8") as f:
            before = f.read()
        assert all(f"ConnectTo = {c}\n" in before for c in nodes[name][1]) and "Port = 655\n" in before
        assert "is written" not in site.spoke("import-tinc", folders[name]).stdout
        with open(conf, encoding="utf-8") as f:
            assert f.read() == before
        assert "nothing is wrong" in site.spoke("fsck").stdout
        site.start_daemon("spoke")
    for one in sites.values():
        for name, (byte, _) in nodes.items():
            if name != one.name:
                one.server.wait_ping(f"192.168.100.{byte}")
    took = time.monotonic() - begin
    print(f"from empty machines to all pings: {took:.1f} s")
    assert took <= 30  # the promise; it is a second or two where nothing else runs
    # ConnectTo between two that are no hub keeps a straight way, at the port where tinc was.
    for name, (_, connect) in nodes.items():
        for other in connect:
            if hub not in (name, other):
                w.wait_until(f"{name} -> {other}", lambda n=name, o=other: sites[n].json("spoke", "info", o)["path"] == "direct-udp", 30)


def test_password_of_a_proxy_is_not_for_everybody(world):
    """A branch whose tinc.conf names a proxy: the file that it goes into is root's alone, and the program takes it so."""
    site = world.site("linode1", 1)
    folder = os.path.join(site.dir, "tinc")
    write(os.path.join(folder, "tinc.conf"), "Name = linode1\nProxy = http 192.0.2.1 3128 linode1 wordpass\n", 0o600)
    site.spoke("import-tinc", folder)
    conf = os.path.join(site.etc, "spoke.conf")
    with open(conf, encoding="utf-8") as f:
        assert "wordpass" in f.read()
    assert os.stat(conf).st_mode & 0o777 == 0o600
