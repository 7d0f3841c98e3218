# SPDX-License-Identifier: GPL-3.0-or-later
"""An admin's tinc folder becomes nodes of the hub: the guide's third network, with what such folders hold in real life."""

import os

import pytest

HOST = """# {name}
Address = {address}
Subnet = {own}/32
Subnet = {lan}
Cipher = aes-256-cbc
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA0123456789
-----END RSA PUBLIC KEY-----
"""


@pytest.fixture
def folder(world):
    """(hub, a tinc folder with linodeHQ and three branches)."""
    hq = world.headquarters()
    path = os.path.join(hq.dir, "tinc")
    os.makedirs(os.path.join(path, "hosts"))
    with open(os.path.join(path, "tinc.conf"), "w", encoding="utf-8") as f:
        f.write("Name = linodeHQ\nDevice = /dev/net/tun\nAddressFamily = ipv4\n"
                "ConnectTo = linode1\nConnectTo = linode2\nConnectTo = linode3\n")
    write_host(path, "linodeHQ", hq.public4, "192.168.100.209", "10.99.0.0/24")
    for i in (1, 2, 3):
        write_host(path, f"linode{i}", f"198.51.100.{i}", f"192.168.100.13{i}", f"10.7.{i}.0/24")
    return hq, path


def write_host(path, name, address, own, lan):
    with open(os.path.join(path, "hosts", name), "w", encoding="utf-8") as f:
        f.write(HOST.format(name=name, address=address, own=own, lan=lan))


def names(hq):
    return sorted(n["name"] for n in hq.json("hub", "node", "list")["items"])


def test_dry_run_changes_nothing(folder):
    hq, path = folder
    before = hq.json("hub", "revision")
    got = hq.hub("import-tinc", path, "--dry-run")
    assert "3 nodes could be added" in got.stderr
    assert "Cipher is left out" in got.stderr and "Nothing was changed" in got.stderr
    assert hq.json("hub", "revision") == before and names(hq) == ["linodeHQ"]


def test_a_branch_moves_over(world, folder):
    """One line per branch, as printed; it keeps the address that it had in tinc, and traffic flows."""
    hq, path = folder
    branch = world.site("linode1", 1)
    write_host(path, "linode1", "198.51.100.1", "192.168.100.131", branch.lan4)
    got = {n["name"]: n for n in hq.json("hub", "import-tinc", path)["nodes"]}
    assert got["linode1"]["outcome"] == "added" and got["linodeHQ"]["outcome"] == "completed"
    branch.join(got["linode1"]["command"])
    branch.start_daemon("spoke")
    branch.host.wait_ping(hq.host4)
    node = hq.json("hub", "node", "show", "linode1")
    assert "192.168.100.131" in node["addresses"]
    assert [s["prefix"] for s in node["subnets"]] == [branch.lan4]
    assert "198.51.100.1 655" in node["endpoints"]
    assert "10.99.0.0/24" in [s["prefix"] for s in hq.json("hub", "node", "show", "linodeHQ")["subnets"]]


def test_again_adds_only_what_is_new(folder):
    hq, path = folder
    hq.hub("import-tinc", path)
    before = hq.json("hub", "revision")
    again = hq.json("hub", "import-tinc", path)
    assert {n["outcome"] for n in again["nodes"]} == {"unchanged"}
    assert hq.json("hub", "revision") == before
    with open(os.path.join(path, "hosts", "linode2"), "a", encoding="utf-8") as f:
        f.write("Subnet = 10.8.2.0/24#20\n")
    third = {n["name"]: n["outcome"] for n in hq.json("hub", "import-tinc", path)["nodes"]}
    assert third["linode2"] == "completed" and third["linode1"] == "unchanged"


def test_one_that_cannot_be_had_does_not_stop_the_others(folder):
    hq, path = folder
    write_host(path, "linode2", "198.51.100.2", "192.168.100.132", "10.7.1.128/25")
    got = hq.hub("import-tinc", path, check=False)
    assert got.returncode == 4 and "linode2 was not carried over" in got.stderr and "subnet_overlap" in got.stderr
    assert names(hq) == ["linode1", "linode3", "linodeHQ"]


@pytest.mark.parametrize("conf, why", [
    ("Name = linodeHQ\nMode = switch\n", "only Mode = router"),
    ("ConnectTo = linode1\n", "no usable Name"),
    (None, "tinc.conf"),
])
def test_what_cannot_be_understood_changes_nothing(folder, conf, why):
    hq, path = folder
    name = os.path.join(path, "tinc.conf")
    os.remove(name)
    if conf:
        with open(name, "w", encoding="utf-8") as f:
            f.write(conf)
    got = hq.hub("import-tinc", path, check=False)
    assert got.returncode == 1 and why in got.stderr
    assert names(hq) == ["linodeHQ"]
