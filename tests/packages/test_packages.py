# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages: what is in them, and their life on a machine that has nothing but Debian's base.

Two such machines are made by debootstrap; each runs its daemon from the installed files in a namespace of its own:

    linodeHQ (branchline-hub) ---- internet ---- linode1 (branchline-spoke)

The tests build on each other, in the order in which they stand here.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import world as w  # noqa: E402  (the path above)

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEBS = os.path.join(w.BUILD, "deb")
KINDS = ["hub", "spoke"]
SPOKE_MAX = 600 << 10  # bytes on the disk of a branch server


def debs(folder=DEBS):
    return sorted(glob.glob(os.path.join(folder, "*.deb")))


def deb(kind, folder=DEBS):
    return next(d for d in debs(folder) if re.search(rf"/branchline-{kind}_", d))


def field(package, name):
    return w.run(["dpkg-deb", "-f", package, name]).stdout.strip()


# --- the files ------------------------------------------------------------------------------------


def test_all_are_there():
    names = [os.path.basename(d).split("_")[0] for d in debs()]
    assert names == ["branchline-hub-dbgsym", "branchline-hub", "branchline-spoke-dbgsym", "branchline-spoke"]
    with open(os.path.join(ROOT, "VERSION"), encoding="utf-8") as f:
        version = f.read().strip()
    assert {field(d, "Version") for d in debs()} == {version}


def test_lintian():
    got = w.run(["lintian", "--allow-root", "--fail-on", "error,warning", *debs()], check=False, timeout=180)
    assert got.returncode == 0 and not got.stdout.strip(), got.stdout + got.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_contents(kind, tmp_path):
    """Program, unit, user, manual, completion; a small stripped program that says nothing of where it was built."""
    w.run(["dpkg-deb", "-x", deb(kind), str(tmp_path)])
    name = f"branchline-{kind}"
    for path in [f"usr/sbin/{name}", f"lib/systemd/system/{name}@.service", f"usr/lib/sysusers.d/{name}.conf",
                 f"usr/lib/tmpfiles.d/{name}.conf", f"usr/share/man/man8/{name}.8.gz", f"usr/share/man/man5/{name}.conf.5.gz",
                 f"usr/share/bash-completion/completions/{name}", f"usr/share/zsh/vendor-completions/_{name}",
                 f"usr/share/doc/{name}/examples/{kind}.conf", f"usr/share/doc/{name}/README.Debian"]:
        assert os.path.getsize(tmp_path / path) > 0, path
    program = tmp_path / "usr/sbin" / name
    with open(program, "rb") as f:
        image = f.read()
    assert b".debug_info" not in image and os.fsencode(DEBS) not in image
    assert kind != "spoke" or len(image) <= SPOKE_MAX


@pytest.mark.parametrize("who", ["nobody", "Jane <jane>", "Jane / Doe <jane@example.org>"])
def test_maintainer(tmp_path, who):
    """Packages say who answers for them; what is no "Name <address>" is refused before anything is built."""
    assert field(deb("spoke"), "Maintainer") == (os.environ.get("DEB_MAINTAINER") or "Branchline maintainers <maintainers@branchline.invalid>")
    got = w.run(["sh", os.path.join(ROOT, "deploy", "package.sh"), str(tmp_path / "deb"), os.environ["WEBUI_OUT"]], check=False,
                env={**os.environ, "DEB_MAINTAINER": who})
    assert got.returncode == 1 and "DEB_MAINTAINER must be" in got.stderr


def test_reproducible(tmp_path):
    """Built again, in another folder, every package is the same to the last bit."""
    again = str(tmp_path / "deb")
    w.run(["sh", os.path.join(ROOT, "deploy", "package.sh"), again, os.environ["WEBUI_OUT"]], timeout=600)

    def sums(folder):
        found = {}
        for d in debs(folder):
            with open(d, "rb") as f:
                found[os.path.basename(d)] = hashlib.sha256(f.read()).hexdigest()
        return found

    assert sums(again) == sums(DEBS)


# --- a life on a machine ---------------------------------------------------------------------------


class Machine:
    """A Debian base in a folder, and a namespace that its programs run in."""

    def __init__(self, site, root):
        self.site = site
        self.root = root
        os.makedirs(self.path("/dev/net"), exist_ok=True)
        if not os.path.exists(self.path("/dev/net/tun")):
            os.mknod(self.path("/dev/net/tun"), 0o666 | 0o020000, os.makedev(10, 200))

    def path(self, inside):
        return self.root + inside

    def command(self, *argv):
        enter = 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
        return ["unshare", "-m", "sh", "-ec", enter, self.root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root", "DEBIAN_FRONTEND=noninteractive", *argv]

    def run(self, *argv, **kw):
        return self.site.server.run(self.command(*argv), **kw)

    def start(self, kind):
        daemon = self.site.server.start(self.command(f"/usr/sbin/branchline-{kind}", "-n", w.NET, "-D", "run"),
                                        name=self.site.name)
        daemon.wait_line(f"on network {w.NET} is ready", 30)
        return daemon

    def install(self, package):
        shutil.copy(package, self.path("/tmp/new.deb"))
        self.run("dpkg", "--install", "/tmp/new.deb", timeout=120)

    def state(self, kind):
        """What dpkg says of our package: "ii" installed, "rc" only its configuration is left, None nothing."""
        got = self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", f"branchline-{kind}", check=False)
        return got.stdout.strip() or None if got.returncode == 0 else None


def needed():
    """The packages that ours depend on, each by the first name that would do."""
    names = set()
    for kind in KINDS:
        for one in field(deb(kind), "Depends").split(","):
            names.add(re.split(r"[ |(:]", one.strip())[0])
    return ",".join(sorted(names))


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    base = str(tmp_path_factory.mktemp("machines"))
    with w.World() as world:
        try:
            w.run(["debootstrap", "--variant=minbase", f"--include={needed()}", "bookworm", f"{base}/hub"], timeout=600)
            w.run(["cp", "-a", f"{base}/hub", f"{base}/spoke"], timeout=120)
            yield (Machine(world.site("linodeHQ", 0), f"{base}/hub"), Machine(world.site("linode1", 1), f"{base}/spoke"))
        finally:
            subprocess.run(["rm", "-rf", "--one-file-system", base], check=True)


def other_net(machine):
    """A network of the other kind, which is none of this package's business."""
    return machine.path("/etc/branchline/elsewhere/other.conf")


def test_install(machines):
    for machine, kind in zip(machines, KINDS):
        machine.install(deb(kind))
        assert machine.state(kind) == "ii"
        assert machine.run("id", "-un", "branchline").stdout.strip() == "branchline"
        for folder in ("/etc/branchline", "/var/lib/branchline", "/run/branchline"):
            assert os.path.isdir(machine.path(folder)), folder
        os.makedirs(os.path.dirname(other_net(machine)))
        with open(other_net(machine), "w", encoding="utf-8") as f:
            f.write("# not ours\n")


def test_run(machines):
    """The installed daemons make a network: the LANs of both reach each other."""
    hq, branch = machines
    hq.run("branchline-hub", "-n", w.NET, "init", "--name", "linodeHQ", "--address", hq.site.public4, "--pool",
           "192.168.100.0/24", "--subnet", hq.site.lan4)
    hq.daemon = hq.start("hub")
    line = hq.run("branchline-hub", "-n", w.NET, "node", "add", "linode1", "--subnet", branch.site.lan4).stdout.split()
    branch.run(*line)
    branch.daemon = branch.start("spoke")
    branch.site.host.wait_ping(hq.site.host4)


def newer(kind, folder):
    """The same package with a higher version."""
    tree = f"{folder}/{kind}"
    w.run(["dpkg-deb", "-R", deb(kind), tree])
    control = f"{tree}/DEBIAN/control"
    with open(control, encoding="utf-8") as f:
        text = f.read()
    with open(control, "w", encoding="utf-8") as f:
        f.write(re.sub(r"^Version: .*$", r"\g<0>+1", text, flags=re.M))
    w.run(["dpkg-deb", "--root-owner-group", "-b", tree, f"{folder}/{kind}.deb"], timeout=120)
    return f"{folder}/{kind}.deb"


def test_upgrade(machines, tmp_path):
    """What the admin wrote and what the daemons know stays; the new daemons go on with it."""
    for machine, kind in zip(machines, KINDS):
        conf = machine.path(f"/etc/branchline/{w.NET}/{kind}.conf")
        with open(conf, "a", encoding="utf-8") as f:
            f.write("# written by the admin\nLogLevel = 2\n")
        before = w.run(["sha256sum", conf]).stdout
        machine.install(newer(kind, str(tmp_path)))
        assert machine.state(kind) == "ii" and w.run(["sha256sum", conf]).stdout == before
        assert machine.daemon.alive(), "there is no service manager here that would have restarted it"
        machine.run(f"branchline-{kind}", "-n", w.NET, "stop")
        assert machine.daemon.stop() == 0
    for machine, kind in zip(machines, KINDS):
        machine.daemon = machine.start(kind)
    machines[1].site.host.wait_ping(machines[0].site.host4)


def test_init_script(machines):
    """The example for SysV starts, reloads and stops what is installed."""
    branch = machines[1]
    script = "/usr/share/doc/branchline-spoke/examples/sysv/branchline-spoke"
    assert branch.run(script, "stop") and branch.daemon.stop() == 0
    assert branch.run(script, "status", check=False).returncode == 1
    for command in ("start", "start", "status", "reload", "restart", "status"):
        branch.run(script, command)
    branch.site.host.wait_ping(machines[0].site.host4)


def test_remove(machines):
    """The daemon is stopped, the program goes, configuration and state stay."""
    for machine, kind in zip(machines, KINDS):
        machine.run("dpkg", "--remove", f"branchline-{kind}", timeout=120)
        assert machine.state(kind) == "rc"
        assert not os.path.exists(machine.path(f"/usr/sbin/branchline-{kind}"))
        assert not os.path.exists(machine.path(f"/run/branchline/{w.NET}/{kind}.pid"))
        assert os.path.exists(machine.path(f"/etc/branchline/{w.NET}/identity.key"))
    assert machines[0].daemon.stop() == 0
    assert os.path.exists(machines[0].path(f"/var/lib/branchline/{w.NET}/directory.db"))


def test_purge(machines):
    """Nothing of ours is left; what is another's stays."""
    for machine, kind in zip(machines, KINDS):
        machine.run("dpkg", "--purge", f"branchline-{kind}", timeout=120)
        assert machine.state(kind) in (None, "un")
        left = [p for top in ("/etc/branchline", "/var/lib/branchline", "/run/branchline")
                for p in glob.glob(machine.path(top) + "/*")]
        assert left == [os.path.dirname(other_net(machine))]
