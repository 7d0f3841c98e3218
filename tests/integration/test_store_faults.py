# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's database locked, full, damaged, out of reach, and the hub killed while it writes.

A change fails as a whole, with an error that says why; what was acknowledged stays; the tunnels do not notice; and when
the fault is gone, changes work again without anybody's help.

    linodeHQ (hub, its state on a small tmpfs) --- internet --- linode1, linode2
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import threading

import pytest

import evidence
import rest
import world as w

STATE_BYTES = 24 << 20
PAGE = 4096


@pytest.fixture(scope="module")
def net():
    world = w.World()
    with world:
        hq = world.site("linodeHQ", 0)
        state = os.path.join(hq.dir, "state")
        os.makedirs(state)
        w.run(["mount", "-t", "tmpfs", "-o", f"size={STATE_BYTES},mode=0755", "tmpfs", state])
        try:
            hq.init_output = hq.json("hub", "init", "--name", "linodeHQ", "--address", hq.public4, "--pool", "192.168.0.0/16",
                                     "--subnet", hq.lan4)
            hq.start_daemon("hub")
            yield hq, [world.branch(hq, f"linode{i}", i) for i in (1, 2)]
        finally:
            world.close()
            w.run(["umount", state])
            shutil.rmtree(world.dir)


@pytest.fixture(autouse=True)
def tunnels_go_on(net):
    """Through the hub to the other branch, and to the hub's own LAN: nothing is lost, whatever the database does."""
    hq, (one, two) = net
    one.host.wait_ping(two.host4)
    one.host.wait_ping(hq.host4)
    if any(word in os.environ.get("PYTEST_CURRENT_TEST", "") for word in ("killed", "read_only")):
        yield
        return
    streams = [evidence.Echoes(one.host, address) for address in (two.host4, hq.host4)]
    yield
    for s in streams:
        s.wait_more()
        assert s.stop() <= 2


def names(hq):
    return [n["name"] for n in hq.json("hub", "node", "list")["items"]]


def fails(hq, code, *words, exit_code=1):
    """The command fails with this problem code, and prints no result."""
    got = hq.hub(*words, check=False)
    assert got.returncode == exit_code, got
    assert f"[{code}" in got.stderr and "nothing was changed" in got.stderr, got
    assert "Traceback" not in got.stderr and got.stdout == "", got


def changes_fail(hq, code):
    """Every kind of change, and none of them leaves a trace."""
    before = {t: evidence.ask(hq, f"SELECT * FROM {t}") for t in ("nodes", "subnets", "join_tokens", "keys", "revisions", "audit")}
    fails(hq, code, "node", "add", "never", "--subnet", "10.99.0.0/24")
    fails(hq, code, "node", "revoke", "linode2")
    fails(hq, code, "subnet", "add", "linode1", "10.98.0.0/24")
    fails(hq, code, "token", "create", "linode1")
    assert {t: evidence.ask(hq, f"SELECT * FROM {t}") for t in before} == before


def changes_work(hq, name):
    w.wait_until("changes work again", lambda: hq.hub("node", "add", name, check=False).returncode == 0)
    assert name in names(hq) and "never" not in names(hq)
    hq.hub("node", "delete", name, "--yes")
    assert evidence.ask(hq, "PRAGMA integrity_check") == [("ok",)]


def newcomer(net, name, number):
    """A machine that has a token, but has not joined yet."""
    hq, _ = net
    site = hq.world.site(name, number, lan_host=False)
    site.line = hq.hub("node", "add", name).stdout
    return site


def join_fails(site, says):
    got = site.join(site.line, check=False)
    assert got.returncode == 4 and says in got.stderr, got
    assert evidence.tree(site.dir) == {}


def join_works(site):
    """At once, or after the moment for which control lets a locked database rest."""
    w.wait_until(f"{site.name} joins", lambda: site.join(site.line, check=False).returncode == 0)
    assert os.path.exists(os.path.join(site.etc, "identity.key"))


def test_locked_by_another_process(net):
    hq, _ = net
    site = newcomer(net, "locked", 3)
    db = sqlite3.connect(evidence.database(hq), isolation_level=None)
    try:
        db.execute("BEGIN EXCLUSIVE")
        changes_fail(hq, "store_busy")
        # What only reads goes on.
        assert "linode1" in names(hq) and hq.hub("status").returncode == 0
        join_fails(site, "locked")
    finally:
        db.execute("ROLLBACK")
        db.close()
    changes_work(hq, "after-lock")
    join_works(site)


def test_presence_locked(net):
    """Who is online and who has confirmed cannot be written down; what is revoked is cut as fast as ever."""
    hq, _ = net
    victim = hq.world.branch(hq, "victim6", 6)
    victim.host.wait_ping(hq.host4)
    w.wait_until("three are connected", lambda: sum(n["online"] for n in hq.json("hub", "status")["nodes"]) >= 3)
    db = sqlite3.connect(os.path.join(hq.state, "presence.db"), isolation_level=None)
    echoes = evidence.Echoes(victim.host, hq.host4)
    try:
        db.execute("BEGIN EXCLUSIVE")
        revoking = hq.server.start([hq.program("hub"), "-n", w.NET, "node", "revoke", "victim6"], env=hq.env())
        victim.daemon.wait_line("the hub refuses this node")
        echoes.wait_silence()
        assert echoes.lived_on(evidence.changed_at(hq, "node.revoke")) <= 1
        assert revoking.alive()
    finally:
        db.execute("ROLLBACK")
        db.close()
    assert revoking.popen.wait(60) == 0
    revoking.wait_line(r"applied on (\d) of \1 in")
    assert victim.daemon.stop() == 0


def fill(hq):
    """Takes all that is left of the file system."""
    path = os.path.join(hq.dir, "state", "filler")
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                continue
    return path


def test_full(net):
    hq, _ = net
    site = newcomer(net, "full", 4)
    filler = fill(hq)
    try:
        # There may be room for some changes in what the log has already taken; each is there, or it is not.
        done = []
        for i in range(300):
            got = hq.hub("node", "add", f"fill{i}", check=False)
            if got.returncode:
                assert got.returncode == 1 and "store_full" in got.stderr, got
                break
            done.append(f"fill{i}")
        else:
            raise w.Failed("the file system does not get full")
        assert set(done) <= set(names(hq))
        changes_fail(hq, "store_full")
        assert hq.hub("status").returncode == 0
        join_fails(site, "full")
    finally:
        os.unlink(filler)
    changes_work(hq, "after-full")
    assert set(done) <= set(names(hq))
    join_works(site)


def mount_read_only(hq, yes):
    w.run(["mount", "-o", "remount,ro" if yes else "remount,rw", os.path.join(hq.dir, "state")])


def test_read_only(net):
    """A hub whose file system was mounted read-only, as after an error of its disk, says so and does not start; nothing is lost by it."""
    hq, (one, two) = net
    before = names(hq)
    assert hq.daemon.stop() == 0
    mount_read_only(hq, True)
    try:
        refused = hq.start_daemon("hub", wait=False)
        assert refused.popen.wait(30) != 0
        refused.wait_line("error: database: .*/directory.db: Read-only file system")
    finally:
        mount_read_only(hq, False)
    hq.start_daemon("hub")
    assert names(hq) == before
    changes_work(hq, "after-read-only")
    one.host.wait_ping(two.host4, 60)


def test_damaged_while_it_runs(net):
    """The file is overwritten under the running hub, and put back."""
    hq, _ = net
    db = sqlite3.connect(evidence.database(hq), isolation_level=None, timeout=10)
    assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    db.close()
    with open(evidence.database(hq), "r+b") as f:
        good = f.read()
        f.seek(PAGE)
        f.write(b"\xff" * (len(good) - PAGE))
        try:
            for words in (["node", "add", "never"], ["node", "revoke", "linode2"], ["token", "create", "linode1"]):
                fails(hq, "store_corrupt", *words)
        finally:
            f.seek(0)
            f.write(good)
    changes_work(hq, "after-damage")


def test_out_of_reach(net):
    """The folder cannot be entered any more, and the workers that need it are started anew: they come back with it."""
    hq, (one, two) = net
    site = newcomer(net, "reach", 5)
    revision = hq.json("hub", "revision")["revision"]
    os.chmod(hq.state, 0)
    try:
        killed = {role: hq.worker_pid(role) for role in ("api", "control")}
        mark = hq.daemon.mark()
        for pid in killed.values():
            os.kill(pid, signal.SIGKILL)
        hq.daemon.wait_line("database: .*directory.db", start=mark)
        # Nobody answers the API's socket: the command waits for its hub.
        patient = hq.server.start([hq.program("hub"), "-n", w.NET, "node", "add", "patient"], env=hq.env())
        one.host.wait_ping(two.host4)
    finally:
        os.chmod(hq.state, 0o750)
    w.wait_until("the API answers", lambda: hq.hub("revision", check=False).returncode == 0, 30)
    assert patient.popen.wait(60) == 0
    assert hq.json("hub", "revision")["revision"] == revision + 1 and "patient" in names(hq)
    changes_work(hq, "after-reach")
    w.wait_until("control answers", lambda: site.join(site.line, check=False).returncode == 0, 60)


def adder(hq, name, count=50):
    """Adds nodes one after the other and says which of them were acknowledged."""
    script = (f'for i in $(seq {count}); do if line=$("$0" -n {w.NET} node add {name}$i --subnet "$1.$i.0/24" 2>&1 >/dev/null);'
              f' then echo "done {name}$i"; else echo "failed {name}$i: $line"; fi; done; echo end')
    net = "10." + str(100 + ord(name[-1]))
    return hq.server.start(["sh", "-c", script, hq.program("hub"), net], name=name, env=hq.env())


def test_hub_killed_between_a_hundred_changes(net):
    hq, (one, two) = net
    adders = [adder(hq, "batch-a"), adder(hq, "batch-b")]
    for a in adders:
        a.wait_line("done batch-.12$")
    for pid in [hq.worker_pid("api"), hq.daemon_pid()]:
        os.kill(pid, signal.SIGKILL)
    hq.daemon.popen.wait(10)
    for a in adders:
        a.wait_line("^end$")
    lines = [line for a in adders for line in a.lines]
    done = [m.group(1) for line in lines if (m := re.match(r"done (.*)", line))]
    failed = [m.group(1) for line in lines if (m := re.match(r"failed ([^:]*)", line))]
    assert len(done) + len(failed) == 100 and 24 <= len(done) < 100

    # What is on the disk now, before anybody repairs anything.
    assert evidence.ask(hq, "PRAGMA integrity_check") == [("ok",)]
    assert evidence.ask(hq, "PRAGMA foreign_key_check") == []
    hq.start_daemon("hub")
    there = {n["name"]: n for n in hq.json("hub", "node", "list")["items"] if n["name"].startswith("batch")}
    tokens = {t["node"] for t in hq.json("hub", "token", "list")["items"]}
    assert set(done) <= set(there) and set(done) <= tokens
    # One more at most for each of the two: written, but the answer did not come any more. It is whole, too.
    assert len(set(there) - set(done)) <= 2
    for n in there.values():
        assert len(n["subnets"]) == 1 and len(n["addresses"]) == 2
    addresses = [a for n in there.values() for a in n["addresses"]]
    assert len(set(addresses)) == len(addresses)
    # Each has its audit entry and its revision, and there are no gaps in the log.
    assert all(len(evidence.audit(hq, "node.add", name)) == 1 for name in there)
    count, last = evidence.ask(hq, "SELECT count(*), max(id) FROM audit")[0]
    assert count == last
    assert evidence.ask(hq, "SELECT max(revision) FROM revisions") == [(hq.json("hub", "revision")["revision"],)]
    hq.hub("node", "add", "after-kill")
    one.host.wait_ping(two.host4, 30)


class Writer(threading.Thread):
    """Adds nodes through the API, and gives each a comment in a second change. A change whose answer does not come is not tried again."""

    def __init__(self, hq, name, count, hub_runs, said):
        super().__init__(daemon=True)
        self.hq, self.name, self.count, self.hub_runs, self.said = hq, name, count, hub_runs, said
        self.rest = rest.Rest(hq)
        self.added, self.comments = {}, {}  # name -> acknowledged
        self.parked = False

    def change(self, method, path, body):
        """True: acknowledged. False: nobody can know, the connection ended first."""
        try:
            self.rest.connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            got = rest.Answer(self.rest.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.rest.connection.close()
            self.parked = True
            self.hub_runs.wait()
            self.parked = False
            return False
        assert got.status in (200, 201), got
        with self.said:
            self.said.notify_all()
        return True

    def run(self):
        for i in range(self.count // 2):
            node = f"{self.name}-{i}"
            self.added[node] = self.change("POST", "/api/v1/nodes", {"name": node})
            if self.added[node]:
                self.comments[node] = self.change("PATCH", f"/api/v1/nodes/{node}", {"comment": f"the comment of {node}"})
        self.parked = True

    def acknowledged(self):
        return sum(list(self.added.values())) + sum(list(self.comments.values()))


def kill_the_hub(hq):
    """kill -9 of all its processes at once, and nothing of it is left."""
    pids = [hq.daemon_pid(), *(hq.worker_pid(role) for role in ("api", "control", "engine"))]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    hq.daemon.popen.wait(30)
    w.wait_until("all parts are gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def check_writes(hq, writers):
    """Of each acknowledged change all is there; of the others all or nothing, and at most one of each writer since the last kill."""
    assert evidence.ask(hq, "PRAGMA integrity_check") == [("ok",)]
    assert evidence.ask(hq, "PRAGMA foreign_key_check") == []
    comments = dict(evidence.ask(hq, "SELECT name, comment FROM nodes"))
    for writer in writers:
        for node, sure in writer.added.items():
            assert node in comments or not sure
        for node, sure in writer.comments.items():
            assert comments[node] == f"the comment of {node}" or (not sure and not comments[node])
    # Each has one audit entry and one revision, and there is no gap in the log.
    logged = [row[0].split(':')[1] for row in evidence.ask(hq, "SELECT object FROM audit WHERE action = 'node.add' AND object LIKE 'node:writer%'")]
    assert sorted(logged) == sorted(name for name in comments if name.startswith("writer"))
    assert len(set(evidence.ask(hq, "SELECT count(*), max(id) FROM audit")[0])) == 1


def test_hub_killed_in_the_middle_of_a_thousand_writes(net):
    """Five times, wherever it just is."""
    hq, (one, two) = net
    rng = random.Random(20)
    points = sorted(rng.sample(range(50, 900), 5))
    hub_runs, said = threading.Event(), threading.Condition()
    hub_runs.set()
    # Some are lost with their answers: a few more than a thousand are tried.
    writers = [Writer(hq, f"writer{i}", 264, hub_runs, said) for i in range(4)]
    for writer in writers:
        writer.start()
    for point in points:
        with said:
            assert said.wait_for(lambda point=point: sum(x.acknowledged() for x in writers) >= point, 120)
        hub_runs.clear()
        kill_the_hub(hq)
        w.wait_until("all writers have noticed", lambda: all(x.parked for x in writers))
        check_writes(hq, writers)
        hq.start_daemon("hub")
        hub_runs.set()
    for writer in writers:
        writer.join(120)
        assert not writer.is_alive()
    assert sum(x.acknowledged() for x in writers) >= 1000
    check_writes(hq, writers)
    assert hq.hub("audit", "verify").returncode == 0
    one.host.wait_ping(two.host4, 60)
