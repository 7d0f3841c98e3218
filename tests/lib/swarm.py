# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub with many spokes that are one process (tests/bench/swarm), each with an address of its own.

    linodeHQ 203.0.113.10 --- internet --- swarm 203.0.113.200, and behind it 100.64.0.0/10: spoke n is 100.64.0.1 + n
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

import world as w

SOURCES = "100.64.0.0/10"
FIRST_SOURCE = "100.64.0.1"
OWN = "203.0.113.200"


def program(world):
    return os.path.join(world.build, "tests", "bench", "swarm", "swarm")


def seeded_hub(world, n, start=True, options=()):
    """A hub whose directory has `n` spokes that have joined; hq.seeded is its revision."""
    hq = world.site("linodeHQ", 0, lan_host=False)
    hq.init_output = hq.json("hub", "init", "--name", "linodeHQ", "--address", hq.public4, "--pool", "10.64.0.0/10",
                             "--subnet", hq.lan4)
    hq.seeded = seed(world, hq, n)
    if start:
        hq.start_daemon("hub", "-d1", *options)
    return hq


def seed(world, hq, n):
    """Three transactions a spoke, each to the disk: done in memory, and the file put into its place."""
    path = os.path.join(hq.state, "directory.db")
    owner = os.stat(path)
    # What a hub that ran before has left beside the file belongs into it.
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as quick:
        for name in ("directory.db", "presence.db"):
            shutil.copy(os.path.join(hq.state, name), quick)
        made = json.loads(w.run([program(world), "seed", quick, str(n)], timeout=600).stdout)
        shutil.copyfile(os.path.join(quick, "directory.db"), path)
    os.chown(path, owner.st_uid, owner.st_gid)
    return made["revision"]


class Swarm:
    """The spokes. They dial as soon as it is made."""

    def __init__(self, world, hq, n):
        self.members = n
        self.n = n  # those that may connect: who revokes one, counts it off
        self.hq = hq
        self.namespace = world.namespace("swarm")
        world.attach(self.namespace, "wan", OWN, None)
        self.namespace.run(["ip", "route", "add", "local", SOURCES, "dev", "lo"])
        hq.server.run(["ip", "route", "add", SOURCES, "via", OWN])
        self.start()

    def start(self):
        status = self.hq.json("hub", "status")
        hub = status["hub"]
        self.process = self.namespace.start(
            [program(self.hq.world), "run", str(self.members), str(self.hq.seeded), f"{FIRST_SOURCE}:6655", f"{self.hq.public4}:6655",
             hub["identity_fingerprint"], hub["tunnel_key"], "aes" if self.hub_has_aes() else "plain"],
            name="swarm", stdin=subprocess.PIPE,
        )
        self.process.wait_line('"ready"', 120)

    def hub_has_aes(self):
        return bool(int(w.run(["sqlite3", os.path.join(self.hq.state, "directory.db"),
                               "SELECT aes FROM nodes WHERE kind = 1"]).stdout))

    def ask(self, line):
        mark = self.process.mark()
        self.process.popen.stdin.write(line.encode() + b"\n")
        self.process.popen.stdin.flush()
        got = json.loads(self.process.wait_line(r"^(\{.*\})$", 30, start=mark).group(1))
        assert "error" not in got, got
        return got

    def stats(self):
        return self.ask("stats")

    def wait_all(self, timeout=180):
        """Until all links are up and all sessions made; returns the numbers of that moment."""
        last = {}

        def there():
            last.update(self.stats())
            return last["up"] == last["sessions"] == self.n

        w.wait_until(f"{self.n} spokes are back", there, timeout)
        return last

    def wait_revision(self, revision, timeout=60):
        """Until every spoke that is up has applied it."""
        return w.wait_until(f"revision {revision} everywhere",
                            lambda: (s := self.stats())["lowest_revision"] >= revision and s, timeout)
