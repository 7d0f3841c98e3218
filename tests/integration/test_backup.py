# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub in one encrypted file: made while it runs, verified, restored on a machine that lost everything."""

import os
import shutil
import sqlite3

import pytest

from world import wait_until

PASSPHRASE = "correct horse battery\n"


@pytest.fixture
def hub(world):
    hq = world.headquarters()
    hq.cli("hub", "backup", "passphrase", user_input=PASSPHRASE)
    return hq


def make(hq, name="hub.blb"):
    path = os.path.join(hq.dir, name)
    hq.cli("hub", "backup", "create", path)
    return path


def lose_everything(hq):
    """The hub's machine burns down: daemon, configuration and database are gone."""
    hq.daemon.stop()
    for folder in (hq.etc, hq.state):
        shutil.rmtree(folder)


def restore(hq, path, **kw):
    return hq.cli("hub", "backup", "restore", path, user_input=kw.pop("passphrase", PASSPHRASE), **kw)


def test_the_whole_hub_comes_back(world, hub):
    """Spokes take the restored hub for the one they knew: same keys, same directory."""
    branch = world.branch(hub, "linode1", 1)
    branch.host.wait_ping(hub.host4)
    path = make(hub)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(hub.state) and not [n for n in os.listdir(hub.state) if "backup" in n]
    keys = open(os.path.join(hub.etc, "identity.key"), "rb").read()

    lose_everything(hub)
    said = restore(hub, path).stdout
    assert "revision" in said and "The hub is back" in said
    assert open(os.path.join(hub.etc, "identity.key"), "rb").read() == keys
    assert os.stat(os.path.join(hub.etc, "identity.key")).st_mode & 0o777 == 0o600
    hub.start_daemon("hub")
    wait_until("the branch is back", lambda: any(
        n["name"] == "linode1" and n["online"] for n in hub.json("hub", "status")["nodes"]), 60)
    branch.host.wait_ping(hub.host4)


def test_backup_is_one_moment_of_a_busy_database(hub):
    """Made while nodes are being added: what is in it is whole, and verify says how much it is."""
    for i in range(20):
        hub.hub("node", "add", f"b{i}", "--json")
    path = make(hub)
    said = hub.cli("hub", "backup", "verify", path, user_input=PASSPHRASE).stdout
    assert "21 nodes" in said
    made = hub.json("hub", "audit", "list", "--action", "backup.created")["items"]
    assert made[-1]["object"] == "hub:linodeHQ" and made[-1]["detail"]["file"] == path and made[-1]["actor"] == "unix:root"
    assert not [n for n in os.listdir("/var/tmp") if n.startswith("branchline-verify")]


def test_nothing_secret_can_be_read_in_it(hub):
    data = open(make(hub), "rb").read()
    key = open(os.path.join(hub.etc, "identity.key"), "rb").read().strip()
    assert key not in data and b"SQLite format" not in data and b"linodeHQ" not in data


def test_refusals_change_nothing(hub):
    path = make(hub)
    existing = restore(hub, path, check=False)
    assert existing.returncode == 4 and "exists already" in existing.stderr
    lose_everything(hub)

    def refused(file, why, passphrase=PASSPHRASE, net=None):
        got = restore(hub, file, passphrase=passphrase, check=False)
        assert got.returncode == 4 and why in got.stderr, got.stderr
        assert not os.path.exists(hub.etc) and not os.path.exists(hub.state)

    refused(path, "not its passphrase", passphrase="wrong horse battery\n")
    data = bytearray(open(path, "rb").read())
    data[-100] ^= 1
    for name, content, why in (("changed", data, "damaged or changed"), ("cut", data[:5000], "end is missing"),
                               ("other", b"x" * 5000, "no backup")):
        broken = os.path.join(hub.dir, name)
        with open(broken, "wb") as f:
            f.write(content)
        refused(broken, why)
    assert restore(hub, path).returncode == 0


def test_without_a_passphrase_there_is_no_backup(world):
    hq = world.headquarters()
    got = hq.cli("hub", "backup", "create", os.path.join(hq.dir, "x.blb"), check=False)
    assert got.returncode == 4 and "backup passphrase" in got.stderr
    short = hq.cli("hub", "backup", "passphrase", user_input="short\n", check=False)
    assert short.returncode == 4 and "10" in short.stderr
    assert not os.path.exists(os.path.join(hq.etc, "backup.key"))


def test_a_full_disk_leaves_nothing(hub):
    got = hub.cli("hub", "backup", "create", "/dev/full/x", check=False)
    assert got.returncode == 1 and "/dev/full/x" in got.stderr
    assert [n for n in os.listdir(hub.state) if n.startswith(".backup")] == []


def test_an_older_schema_is_brought_up(hub):
    """A backup is as good as its database: one that no hub could open is refused as a whole."""
    db = os.path.join(hub.state, "directory.db")
    hub.daemon.stop()
    with sqlite3.connect(db) as c:
        c.execute("PRAGMA journal_mode = WAL")
        c.execute("PRAGMA user_version = 9999")
    path = os.path.join(hub.dir, "later.blb")
    got = hub.cli("hub", "backup", "create", path, check=False)
    assert got.returncode == 1 and not os.path.exists(path)
