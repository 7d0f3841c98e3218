# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed units under the real systemd: two Debian bases, each booted as a machine with systemd as its first process.

    linodeHQ (branchline-hub@linodeVPN) ---- internet ---- linode1 (branchline-spoke@linodeVPN)

The tests build on each other, in the order in which they stand here.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))

import world as w  # noqa: E402  (the path above)
from test_packages import deb, needed  # noqa: E402

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.sh")
INSIDE = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"]


class Booted:
    """A machine with systemd; its network is that of a site."""

    def __init__(self, site, base, kind):
        self.site, self.kind = site, kind
        self.unit = f"branchline-{kind}@{w.NET}"
        name = f"{site.world.prefix}-{site.name}"
        self.outer = site.server.start(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "sh", BOOT, base, name],
                                       name=f"{site.name}:systemd")
        self.pid = w.wait_until("systemd runs", self.find_pid, 60)
        w.wait_until("systemd has booted", lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in
                     ("running", "degraded"), 90)

    def find_pid(self):
        if not self.outer.alive():
            raise AssertionError(f"no machine can be booted here:\n{self.outer.tail()}")
        # ip netns exec, unshare and sh take each other's place; unshare has forked.
        children = w.run(["pgrep", "-P", str(self.outer.popen.pid)], check=False).stdout.split()
        for pid in children:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                if f.read().strip() == "systemd":
                    return int(pid)
        return None

    def run(self, *argv, **kw):
        return w.run(["nsenter", "-t", str(self.pid), "-a", *INSIDE, *argv], **kw)

    def install(self, package):
        with open(package, "rb") as f:
            subprocess.run(["nsenter", "-t", str(self.pid), "-m", "sh", "-c", "cat >/var/tmp/new.deb"], stdin=f, check=True, timeout=60)
        return self.run("dpkg", "--install", "/var/tmp/new.deb", timeout=120)

    def property(self, name):
        return self.run("systemctl", "show", "--value", "--property", name, self.unit).stdout.strip()

    def journal(self, *words):
        text = self.run("journalctl", "--unit", self.unit, "--output", "json", "--no-pager", *words).stdout
        return [json.loads(line) for line in text.splitlines()]

    def said(self, text):
        return [line for line in self.journal() if text in str(line.get("MESSAGE"))]


# What a machine needs from the one that it is booted on, tried in namespaces that end at once.
PROBE = """mount --make-rprivate / && mount -t cgroup2 cgroup2 /mnt && mkdir "/mnt/$0" && rmdir "/mnt/$0" && umount /mnt &&
mount -t tmpfs tmpfs /mnt && mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root &&
mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    probe = w.run(["unshare", "--pid", "--fork", "--mount", "--uts", "--ipc", "--cgroup", "sh", "-c", PROBE, f"blprobe{os.getpid()}"],
                  check=False)
    if probe.returncode:
        pytest.skip(f"this machine lets nobody boot another one in namespaces (cgroup2, overlay): {probe.stderr.strip()}")
    base = str(tmp_path_factory.mktemp("booted"))
    groups = []
    try:
        include = needed() + ",systemd,systemd-sysv,kmod,procps,iproute2,iputils-ping"
        w.run(["debootstrap", "--variant=minbase", f"--include={include}", "bookworm", f"{base}/root"], timeout=600)
        # Nothing of a minimal system that would wait for a terminal.
        w.run(["chroot", f"{base}/root", "systemctl", "mask", "console-getty.service", "getty.target"])
        with w.World() as world:
            groups = [f"{world.prefix}-{name}" for name in ("linodeHQ", "linode1")]
            yield [Booted(world.site(name, i), f"{base}/root", kind)
                   for i, (name, kind) in enumerate((("linodeHQ", "hub"), ("linode1", "spoke")))]
    finally:
        shutil.rmtree(base, ignore_errors=True)
        # Their processes are gone; the control groups that they were in are nobody's.
        for group in groups:
            w.run(["unshare", "--mount", "sh", "-c", 'mount -t cgroup2 cgroup2 /mnt && find "/mnt/$0" -depth -type d -exec rmdir {} +', group],
                  check=False)


def test_start(machines):
    """Installed, configured, enabled: active as soon as all parts are up, and the LANs of both reach each other."""
    hq, branch = machines
    for machine in machines:
        machine.install(deb(machine.kind))
        assert machine.property("LoadState") == "loaded"
    hq.run("branchline-hub", "-n", w.NET, "init", "--name", "linodeHQ", "--address", hq.site.public4, "--pool",
           "192.168.100.0/24", "--subnet", hq.site.lan4)
    hq.run("systemctl", "enable", "--now", hq.unit, timeout=120)
    line = hq.run("branchline-hub", "-n", w.NET, "node", "add", "linode1", "--subnet", branch.site.lan4).stdout.split()
    branch.run(*line)
    branch.run("systemctl", "enable", "--now", branch.unit, timeout=120)
    for machine in machines:
        assert machine.property("ActiveState") == "active" and machine.said("is ready")
        assert machine.run("systemctl", "is-enabled", machine.unit).stdout.strip() == "enabled"
    branch.site.host.wait_ping(hq.site.host4, 60)


def test_without_configuration(machines):
    """A network that is not there is refused, and no folders are made for it."""
    for machine in machines:
        unit = f"branchline-{machine.kind}@mistyped"
        assert machine.run("systemctl", "start", unit, check=False).returncode != 0
        assert machine.run("test", "-e", "/var/lib/branchline/mistyped", check=False).returncode != 0


def test_journal(machines):
    """Each line has its priority, and no time of its own before it."""
    hq, branch = machines
    for machine in machines:
        for line in machine.said("is ready"):
            assert line["PRIORITY"] == "5" and line["MESSAGE"].startswith(f"branchline-{machine.kind}: ")
    pid = branch.run("pgrep", "-x", "engine").stdout.split()[0]
    branch.run("kill", "-KILL", pid)
    w.wait_until("the end of a worker is in the journal", lambda: branch.said("was ended by signal 9"), 30)
    assert {line["PRIORITY"] for line in branch.said("was ended by signal 9")} == {"4"}
    branch.site.host.wait_ping(hq.site.host4, 60)
    assert branch.property("NRestarts") == "0"


def test_reload(machines):
    """systemctl reload ends when the configuration was read; the daemon is the same, and no packet is lost."""
    hq, branch = machines
    for machine in machines:
        before = machine.property("MainPID")
        ping = branch.site.host.start(["ping", "-n", "-i", "0.02", hq.site.host4])
        ping.wait_line("icmp_seq=5 ")
        machine.run("systemctl", "reload", machine.unit, timeout=60)
        mark = ping.mark()
        ping.wait_line("icmp_seq=", start=mark)
        ping.stop(2)
        assert " 0% packet loss" in ping.tail()
        assert machine.property("MainPID") == before and machine.property("ActiveState") == "active"


@pytest.mark.parametrize("which", [0, 1])
def test_comes_back(machines, which):
    """A daemon that was killed is started again, with its tunnels."""
    machine = machines[which]
    machine.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", machine.unit)
    w.wait_until("it is started again", lambda: machine.property("NRestarts") == "1" and machine.property("ActiveState") == "active", 90)
    machines[1].site.host.wait_ping(machines[0].site.host4, 90)


def test_names(machines):
    """DNS = yes, with the units as they are installed."""
    for machine in machines:
        machine.run(f"branchline-{machine.kind}", "-n", w.NET, "set", "DNS", "yes")
    for machine in machines:
        machine.run("systemctl", "restart", machine.unit, timeout=120)
        w.wait_until("names are answered", lambda m=machine: m.said("names of linodevpn.internal are answered at 192"), 60)


def test_stop(machines):
    """Everything that the daemon made in the kernel goes with it; it is not started again."""
    for machine in reversed(machines):
        machine.run("systemctl", "stop", machine.unit, timeout=120)
        assert machine.property("ActiveState") == "inactive" and machine.property("Result") == "success"
        assert machine.site.server.run(["ip", "link", "show", w.NET], check=False).returncode != 0
