# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd units, and the daemons inside the walls that they set.

There is no systemd in the tests, so its part is taken: what the unit leaves of capabilities, what it makes read-only, the
notify socket and the watchdog.

    linodeHQ ---- internet ---- linode1       each by its unit's CapabilityBoundingSet=, NoNewPrivileges= and ProtectSystem=
"""

import grp
import os
import queue
import re
import shutil
import signal
import socket
import threading

import pytest

import world as w
from memory import resident_kib
from traffic import PingStream

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
UNITS = os.path.join(ROOT, "deploy", "systemd")
DAEMONS = ["hub", "spoke"]
# CAP_NET_ADMIN, a network of the host's, and a root parent: 2.4 and not 1.5, in tenths.
EXPOSURE = 24
RESIDENT_KIB = 8 << 10


def settings(kind):
    """The lines of a unit: key -> its values."""
    found = {}
    with open(os.path.join(UNITS, f"branchline-{kind}@.service"), encoding="utf-8") as f:
        for key, value in re.findall(r"^(\w+)=(.*)$", f.read(), re.M):
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture(scope="module")
def unit_root(tmp_path_factory):
    """A root folder in which the units, and all that they name, are where they will be."""
    root = str(tmp_path_factory.mktemp("root"))
    shutil.copytree("/usr/lib/systemd/system", f"{root}/usr/lib/systemd/system", symlinks=True)
    os.symlink("usr/lib", f"{root}/lib")
    for program in ["/bin/kill", *(f"/usr/sbin/branchline-{k}" for k in DAEMONS)]:
        os.makedirs(root + os.path.dirname(program), exist_ok=True)
        with open(root + program, "w", encoding="utf-8") as f:
            f.write("#!/bin/true\n")
        os.chmod(root + program, 0o755)
    for kind in DAEMONS:
        shutil.copy(f"{UNITS}/branchline-{kind}@.service", f"{root}/usr/lib/systemd/system")
    return root


@pytest.mark.parametrize("kind", DAEMONS)
def test_verify(unit_root, kind):
    """systemd-analyze has nothing to say about our units."""
    got = w.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={unit_root}",
                 f"branchline-{kind}@{w.NET}.service"])
    assert "branchline" not in got.stdout + got.stderr


@pytest.mark.parametrize("kind", DAEMONS)
def test_exposure(kind):
    got = w.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager",
                 f"{UNITS}/branchline-{kind}@.service"], check=False)
    assert got.returncode == 0, got.stdout


def test_users_and_folders(tmp_path):
    """sysusers.d and tmpfiles.d say what systemd's programs understand."""
    root = str(tmp_path)
    os.makedirs(f"{root}/etc")
    w.run(["systemd-sysusers", f"--root={root}", f"{ROOT}/deploy/sysusers.d/branchline.conf"])
    with open(f"{root}/etc/passwd", encoding="utf-8") as f:
        assert re.search(r"^branchline:x:\d+:\d+:Branchline:/nonexistent:/usr/sbin/nologin$", f.read(), re.M)
    w.run(["systemd-tmpfiles", f"--root={root}", "--create", f"{ROOT}/deploy/tmpfiles.d/branchline.conf"])
    for folder in ["run", "var/lib"]:
        assert os.stat(f"{root}/{folder}/branchline").st_mode & 0o7777 == 0o755


# --- inside the walls ------------------------------------------------------------------------------


class Manager:
    """What the service manager hears from one daemon. Read all the time, as systemd does: the kernel keeps few datagrams."""

    def __init__(self, path):
        self.path = path
        self.said = queue.Queue()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.said.put(self.socket.recv(256).decode())

    def next(self, skip="WATCHDOG=1", timeout=20):
        """The next thing said that is not `skip`."""
        while True:
            said = self.said.get(timeout=timeout)
            if said != skip:
                return said

    def forget(self):
        """What was said up to now."""
        while not self.said.empty():
            self.said.get()


def start_by_unit(site, kind):
    """Starts a daemon as its unit says: the capabilities, the flags, the folders that can be written."""
    unit = settings(kind)
    caps = ",".join("+" + c[4:].lower() for line in unit["CapabilityBoundingSet"] for c in line.split())
    words = unit["ExecStart"][0].replace("%i", w.NET).split()
    assert words[0] == f"/usr/sbin/branchline-{kind}" and unit["NoNewPrivileges"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"] and unit["UMask"] == ["0077"]
    # systemd would give the database to root with StateDirectory=.
    assert "StateDirectory" not in unit and unit["ReadWritePaths"] == ["/var/lib/branchline"]
    assert unit["ConfigurationDirectory"] == unit["RuntimeDirectory"] == ["branchline/%i"]
    writable = [os.path.join(site.dir, part, w.NET) for part in ("etc", "state", "run")]
    os.makedirs(writable[2], exist_ok=True)
    walls = "umask 0077; " + "; ".join(f"mount --bind {d} {d}" for d in writable) + "; mount -o remount,bind,ro /; exec \"$@\""
    site.manager = Manager(os.path.join(site.dir, "notify"))
    env = {**site.env(), "NOTIFY_SOCKET": site.manager.path, "WATCHDOG_USEC": "400000"}
    site.daemon = site.server.start(
        ["sh", "-ec", walls, "sh", "setpriv", f"--bounding-set=-all,{caps}",
         *(f"--groups={g}" for g in unit.get("SupplementaryGroups", [])), "--no-new-privs", site.program(kind), *words[1:]],
        name=site.name, env=env,
    )
    return site.daemon


@pytest.fixture(scope="module")
def pair():
    with w.World() as world:
        hq = world.site("linodeHQ", 0)
        hq.hub("init", "--name", "linodeHQ", "--address", hq.public4, "--pool", "192.168.100.0/24", "--subnet", hq.lan4)
        start_by_unit(hq, "hub")
        assert hq.manager.next() == "READY=1"
        branch = world.branch(hq, "linode1", 1, start=False)
        start_by_unit(branch, "spoke")
        assert branch.manager.next() == "READY=1"
        branch.host.wait_ping(hq.host4)
        assert os.stat(os.path.join(hq.dir, "run", w.NET, "api.sock")).st_gid == grp.getgrnam("branchline").gr_gid
        yield hq, branch


def test_walls(pair):
    """The monitors have what the unit leaves them and no more; what is outside cannot be written; nothing was refused."""
    for site, kind in zip(pair, DAEMONS):
        with open(f"/proc/{site.daemon_pid()}/status", encoding="utf-8") as f:
            status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
        names = {c.lower() for line in settings(kind)["CapabilityBoundingSet"] for c in line.split()}
        has = w.run(["capsh", f"--decode={status['CapEff'].strip()}"]).stdout.strip().split("=")[1]
        assert set(has.split(",")) == names
        assert status["NoNewPrivs"].strip() == "1"
        assert not [line for line in site.daemon.lines if re.search("(error|warning): ", line)], site.daemon.tail()


def test_start_again(pair):
    """From the files that the first run has left, and with the state folder as systemd makes it anew: root's."""
    branch = pair[1]
    for lose_state in (False, True):
        os.kill(branch.daemon_pid(), signal.SIGTERM)
        assert branch.manager.next() == "STOPPING=1" and branch.daemon.stop() == 0
        if lose_state:
            shutil.rmtree(branch.state)
            os.mkdir(branch.state, 0o750)
        os.unlink(branch.manager.path)
        start_by_unit(branch, "spoke")
        assert branch.manager.next() == "READY=1"
        branch.host.wait_ping(pair[0].host4)
        assert not [line for line in branch.daemon.lines if re.search("(error|warning): ", line)], branch.daemon.tail()


def test_watchdog(pair):
    """A sign of life comes again and again, and not any more from a monitor that stands still."""
    for site in pair:
        site.manager.forget()
        for _ in range(3):
            assert site.manager.next(skip=None) == "WATCHDOG=1"
        os.kill(site.daemon_pid(), signal.SIGSTOP)
        try:
            with pytest.raises(queue.Empty):
                for _ in range(3):  # one or two may have been on their way
                    site.manager.next(skip=None, timeout=1.5)
        finally:
            os.kill(site.daemon_pid(), signal.SIGCONT)
        assert site.manager.next(skip=None) == "WATCHDOG=1"


def test_reload_loses_nothing(pair):
    """Echoes, 5 ms apart, while both daemons are told to reload: each one comes back, in the same session."""
    hq, branch = pair
    stream = PingStream(branch.host, hq.host4, 0.005)
    stream.wait_answers(100)
    workers = [hq.worker_pid("engine"), branch.worker_pid("engine")]
    for site in pair:
        for _ in range(3):
            os.kill(site.daemon_pid(), signal.SIGHUP)
            assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", site.manager.next())
            assert site.manager.next() == "READY=1"
    stream.wait_answers(len(stream.answered()) + 100)
    assert stream.stop() == []
    assert workers == [hq.worker_pid("engine"), branch.worker_pid("engine")]


def test_memory(pair):
    """What a branch server pays: all processes of a spoke and every page that they have, whoever else has it, too; idle, and
    when its buffers have been full in both directions. In KiB."""
    if any(k.endswith("SAN_OPTIONS") for k in os.environ):
        pytest.skip("a sanitizer's build keeps shadows of all memory")
    hq, spoke = pair
    family = [spoke.daemon_pid(), *map(int, w.run(["pgrep", "-P", str(spoke.daemon_pid())]).stdout.split())]
    assert len(family) == 3
    w.wait_until("what the last start and reload needed is given back", lambda: resident_kib(family) <= RESIDENT_KIB)
    idle = resident_kib(family)
    hq.host.start(["iperf3", "-s", "--forceflush"], name="iperf3").wait_line("Server listening")
    spoke.host.run(["iperf3", "-c", hq.host4, "-t", "3", "-P", "4", "--bidir"], timeout=60)
    busy = resident_kib(family)
    print(f"resident: idle {idle} KiB, after traffic {busy} KiB")
    assert busy <= RESIDENT_KIB


def test_names(pair):
    """DNS = yes within the walls as they are: port 53 of our address in the network."""
    hq, branch = pair
    branch.spoke("set", "DNS", "yes")
    os.kill(branch.daemon_pid(), signal.SIGTERM)
    assert branch.manager.next() == "STOPPING=1" and branch.daemon.stop() == 0
    os.unlink(branch.manager.path)
    start_by_unit(branch, "spoke")
    assert branch.manager.next() == "READY=1"
    ask = ["dig", "+short", "+time=5", "+tries=4", "@192.168.100.2", f"linodeHQ.{w.NET}.internal", "A"]
    w.wait_until("the hub's name is known", lambda: branch.server.run(ask, check=False).stdout.strip() == "192.168.100.1", 40)


def test_stop(pair):
    """The last one: the manager is told, and everything ends by itself."""
    for site in reversed(pair):
        os.kill(site.daemon_pid(), signal.SIGTERM)
        assert site.manager.next() == "STOPPING=1"
        assert site.daemon.stop() == 0
