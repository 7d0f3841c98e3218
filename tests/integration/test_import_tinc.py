# SPDX-License-Identifier: GPL-3.0-or-later
"""An admin's tinc folder becomes nodes of the hub: the guide's third network, with what such folders hold in real life."""

import json
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


def test_a_dry_run_says_what_would_be(folder):
    """What the nodes before would have taken counts, and a file of no use stops no other."""
    hq, path = folder
    write_host(path, "linode2", "198.51.100.2", "192.168.100.131", "10.7.2.0/24")  # linode1's own address
    write_host(path, "linode3", "198.51.100.3", "192.168.100.133", "10.7.1.128/25")  # inside of linode1's LAN
    write_host(path, "linode4", "198.51.100.4", "192.168.100.134", "10.7.1.0/24#20")  # the same: fail-over
    with open(os.path.join(path, "hosts", "linode5"), "w", encoding="utf-8") as f:
        f.write("Subnet = 10.7.5.0/24\n\0\n")
    told = {}
    for options in (("--dry-run",), ()):
        got = hq.hub("import-tinc", path, "--json", *options, check=False)
        assert got.returncode == 4
        told[options] = {n["name"]: n["outcome"] for n in json.loads(got.stdout)["nodes"]}
        assert any("hosts/linode5:2: the line holds a control character" in n for n in json.loads(got.stdout)["notes"])
    dry, done = told.values()
    assert {n: o.replace("addable", "added") for n, o in dry.items()} == done
    assert done == {"linode1": "added", "linode2": "refused", "linode3": "refused", "linode4": "added",
                    "linode5": "refused", "linodeHQ": "completed"}
    lan = [(s["node"], s["weight"]) for s in hq.json("hub", "subnet", "list")["items"] if s["prefix"] == "10.7.1.0/24"]
    assert sorted(lan) == [("linode1", 10), ("linode4", 20)]


def test_branches_that_see_headquarters_only(folder):
    hq, path = folder
    assert "could be made" in hq.hub("import-tinc", path, "--dry-run", "--policy-from-connect-to").stdout
    assert "branches" not in hq.hub("group", "list").stdout
    for _ in range(2):  # again: the group is there
        assert hq.hub("import-tinc", path, "--policy-from-connect-to").returncode == 0
    assert hq.json("hub", "node", "show", "linode1")["groups"] == ["branches"]
    policies = hq.json("hub", "policy", "list")["items"]
    assert policies and "branches" not in str(policies)


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
