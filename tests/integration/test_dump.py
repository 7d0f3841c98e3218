# SPDX-License-Identifier: GPL-3.0-or-later
"""What tinc's command showed, at headquarters and at a branch: dump, export, import, info, top, hosts. One hub, two branches."""

import os
import pty
import select
import shutil
import subprocess

import pytest

import world as w


@pytest.fixture(scope="module")
def network():
    with w.World() as world:
        hq = world.headquarters()
        branches = [world.branch(hq, f"linode{i}", i) for i in (1, 2)]
        for b in branches:
            b.spoke("ping", "linodeHQ")
        branches[0].spoke("ping", "-c", "1", "linode2")
        yield hq, branches


def test_dump(network):
    hq, (one, _) = network
    assert all(name in hq.hub("dump", "nodes").stdout for name in ("linodeHQ", "linode1", "linode2"))
    assert "10.1.0.0/24" in hq.hub("dump", "subnets", "linode1").stdout and "10.2.0.0/24" in hq.hub("dump", "subnets").stdout
    assert {n["name"] for n in hq.json("hub", "dump", "connections")} == {"linode1", "linode2"}
    assert "linode2" in hq.hub("dump", "connections").stdout
    assert {n["name"] for n in one.json("spoke", "dump", "nodes")} == {"linodeHQ", "linode1", "linode2"}
    assert "10.2.0.0/24" in one.spoke("dump", "subnets").stdout
    assert one.spoke("dump", "connections").stdout.startswith(f"link    linodeHQ  {hq.public4}:6655")
    assert one.spoke("dump", "everything", check=False).returncode == 2


def test_graph(network):
    """A drawing that Graphviz takes: every node, every pair once."""
    hq, (one, _) = network
    w.wait_until("linode1's paths", lambda: any(p["node"] == "linode1" for p in hq.json("hub", "path", "list")["items"]), 30)
    for text in (hq.hub("dump", "graph").stdout, one.spoke("dump", "graph").stdout):
        assert text.startswith('graph "linodeVPN" {\n') and text.endswith("}\n")
        assert all(f'  "{name}" [color = "' in text for name in ("linodeHQ", "linode1", "linode2"))
        pairs = [frozenset(line.split('"')[1:4:2]) for line in text.splitlines() if " -- " in line]
        assert len(pairs) == len(set(pairs)) > 0
        if shutil.which("dot"):
            subprocess.run(["dot", "-Tplain"], input=text, text=True, check=True, stdout=subprocess.PIPE)


def test_export(network, tmp_path):
    """Host files as tinc has them: what the hub prints another hub takes, and its spokes; again nothing is new."""
    hq, (one, two) = network
    own = one.spoke("export").stdout
    assert own.startswith("Name = linode1\n") and "Subnet = 10.1.0.0/24#10\n" in own
    assert own == hq.hub("export", "linode1").stdout
    everything = hq.hub("export-all").stdout
    assert everything.split("#" + "-" * 63 + "#\n") == [hq.hub("export").stdout, own, two.spoke("export").stdout]
    assert two.spoke("export-all").stdout.count("Name = ") == 3
    assert [n["name"] for n in hq.json("hub", "export-all")] == ["linodeHQ", "linode1", "linode2"]
    assert hq.hub("export", "nobody", check=False).returncode == 4 and one.spoke("export", "nobody", check=False).returncode == 1
    # The hub has them all; a third one is made as by import-tinc.
    got = hq.hub("import", user_input=everything)
    assert "0 nodes added, 0 completed, 3 unchanged" in got.stderr
    third = tmp_path / "third"
    third.write_text("Name = linode3\nSubnet = 192.168.100.33\nSubnet = 10.3.0.0/24#7\nCipher = aes-256-cbc\n", encoding="utf-8")
    assert "could be added" in hq.hub("import", str(third), "--dry-run").stdout
    got = hq.hub("import", str(third))
    assert "branchline-spoke -n linodeVPN join bl1_" in got.stdout and "Cipher" in got.stderr
    text = hq.hub("export", "linode3").stdout
    assert text.startswith("Name = linode3\nSubnet = 192.168.100.33\n") and "Subnet = 10.3.0.0/24#7\n" in text
    hq.hub("node", "delete", "linode3", "--yes")
    got = hq.hub("import", user_input="Subnet = 10.4.0.0/24\n", check=False)
    assert got.returncode == 1 and 'line 1: a node begins with "Name = NODE"' in got.stderr
    # A branch keeps them as files of hosts/, and replaces none unasked.
    two.spoke("import", user_input="Name = linode1\nAddress = 198.51.100.7 7000\n" + "#" + "-" * 63 + "#\nName = linode9\n")
    assert two.spoke("get", "linode1.Address").stdout == "198.51.100.7 7000\n"
    got = two.spoke("import", user_input="Name = linode1\nAddress = 198.51.100.8\n", check=False)
    assert got.returncode == 1 and "hosts/linode1 is there already" in got.stderr
    two.spoke("import", "--force", user_input="Name = linode1\nAddress = 198.51.100.8\n")
    assert two.spoke("get", "linode1.Address").stdout == "198.51.100.8\n"
    got = two.spoke("import", "--force", user_input="Name = linode1\nAdress = 198.51.100.9\n", check=False)
    assert got.returncode == 1 and "did you mean 'Address'?" in got.stderr and "198.51.100.8" in two.spoke("get", "linode1.Address").stdout
    for name in ("linode1", "linode9"):
        os.remove(os.path.join(two.etc, "hosts", name))


def test_info(network):
    hq, (one, _) = network
    for run, name in ((hq.hub, "linode2"), (one.spoke, "linode2")):
        assert "10.2.0.0/24" in run("info", name).stdout
        assert run("info", "10.2.0.9").stdout.startswith("10.2.0.0/24  linode2  weight 10")
        assert run("info", "10.2.0.0/25").stdout.startswith("10.2.0.0/24  linode2")
        assert run("info", "203.0.113.250", check=False).returncode == 1
    assert hq.hub("info", "nobody", check=False).returncode == 4 and one.spoke("info", "nobody", check=False).returncode == 1


def test_top_once(network):
    hq, (one, _) = network
    assert {n["name"] for n in hq.json("hub", "top")} == {"linode1", "linode2"}
    assert {n["name"] for n in one.json("spoke", "top")} == {"linodeHQ", "linode2"}
    assert "RECEIVING" in one.spoke("top").stdout


def test_top_live(network):
    """On a terminal it draws again until q is pressed, and leaves the terminal as it was."""
    _, (one, _) = network
    master, slave = pty.openpty()
    process = subprocess.Popen(["ip", "netns", "exec", one.server.name, one.program("spoke"), "-n", "linodeVPN", "top"],
                               stdin=slave, stdout=slave, stderr=slave, env={**one.env(), "TERM": "xterm"})
    os.close(slave)
    seen = b""
    while seen.count(b"linodeHQ") < 2:
        assert select.select([master], [], [], 30)[0], seen
        seen += os.read(master, 4096)
    os.write(master, b"q")
    assert process.wait(30) == 0
    seen += os.read(master, 4096)
    assert b"\x1b[?1049h" in seen and b"\x1b[?1049l" in seen
    os.close(master)


def test_hosts(network, tmp_path):
    """A block that is replaced, not repeated, and can be taken out; the rest of the file stays."""
    hq, (one, _) = network
    address = [n for n in hq.json("hub", "dump", "nodes")["items"] if n["name"] == "linode2"][0]["addresses"][0]
    for run in (hq.hub, one.spoke):
        file = tmp_path / "hosts"
        file.write_text("127.0.0.1 localhost")
        assert f"{address} linode2.linodeVPN.internal linode2\n" in run("hosts").stdout
        run("hosts", "--file", str(file))
        first = file.read_text()
        assert first.startswith("127.0.0.1 localhost\n# begin of Branchline network linodeVPN\n")
        run("hosts", "--file", str(file))
        assert file.read_text() == first
        run("hosts", "--remove", "--file", str(file))
        assert file.read_text() == "127.0.0.1 localhost\n"
