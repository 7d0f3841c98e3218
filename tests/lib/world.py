# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces with real daemons in them, for the integration tests and the demonstration.

A World owns everything it makes (namespaces, processes, folders) and takes it away again. Waiting is always
for an event: a log line, a process, a condition that is asked again until a deadline.

        lan host ----- site (runs hub or spoke) ----- [NAT] ----- internet (a bridge) ----- other sites
     10.N.0.10     10.N.0.1            public address
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import echo

BUILD = os.environ.get("BRANCHLINE_BUILD") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"
)
NET = "linodeVPN"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Failed(AssertionError):
    """A command or a wait that did not do what it should; carries what was printed."""


class Patience:
    """So many seconds in which the machine ran. A virtual machine can stand still for a minute (a snapshot) while its
    clock goes on: what nobody could have done in that time is not late. So a single step counts at most `step`."""

    def __init__(self, seconds, step=5.0):
        self.left = seconds
        self.step = step
        self.last = time.monotonic()

    def over(self):
        now = time.monotonic()
        self.left -= min(now - self.last, self.step)
        self.last = now
        return self.left <= 0


def pause(seconds):
    """Gives way before a condition is asked again; never a substitute for an event."""
    select.select([], [], [], seconds)


def wait_until(what, ask, timeout=20.0):
    """Asks until the answer is true, and returns it. An exception of `ask` counts as "not yet"."""
    patience = Patience(timeout)
    last = None
    while True:
        try:
            answer = ask()
            if answer:
                return answer
            last = answer
        except (Failed, OSError, ValueError, KeyError, IndexError) as e:
            last = e
        if patience.over():
            raise Failed(f"not within {timeout} s: {what} (last: {last!r})")
        pause(0.05)


class Process:
    """A running program whose output is read by a thread, line by line."""

    def __init__(self, argv, name, **kw):
        self.name = name
        self.lines = []
        self.changed = threading.Condition()
        kw.setdefault("stdin", subprocess.DEVNULL)
        self.popen = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in self.popen.stdout:
            with self.changed:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_line(self, pattern, timeout=20.0, start=0):
        """The match of the first line at or after `start` that the pattern is found in."""
        patience = Patience(timeout)
        seen = start
        with self.changed:
            while True:
                for line in self.lines[seen:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                seen = max(start, len(self.lines))
                ended = self.popen.poll() is not None and not self.reader.is_alive()
                if patience.over() or ended:
                    raise Failed(
                        f"{self.name}: no line /{pattern}/" + (" before it ended" if ended else "")
                        + "\n" + self.tail()
                    )
                self.changed.wait(min(patience.left, 0.5))

    def mark(self):
        """A position for wait_line(start=...)."""
        with self.changed:
            return len(self.lines)

    def tail(self, n=60):
        with self.changed:
            return "\n".join(f"  {self.name}| {line}" for line in self.lines[-n:])

    def alive(self):
        return self.popen.poll() is None

    def stop(self, signo=signal.SIGTERM, timeout=10.0):
        """Ends it and returns its exit code."""
        if self.alive():
            self.popen.send_signal(signo)
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise Failed(f"{self.name} did not stop on signal {signo}\n{self.tail()}") from None
        self.reader.join(5)
        return code


class Namespace:
    def __init__(self, world, name):
        self.world = world
        self.short = name
        self.name = f"{world.prefix}-{name}"
        # The world knows it before it is there: whatever comes in between, it is taken away.
        world.namespaces.append(self)
        run(["ip", "netns", "add", self.name])
        self.run("ip link set lo up")

    def command(self, argv):
        if isinstance(argv, str):
            argv = shlex.split(argv)
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, argv, **kw):
        return run(self.command(argv), **kw)

    def start(self, argv, name=None, **kw):
        argv = self.command(argv)
        process = Process(argv, name or f"{self.short}:{os.path.basename(argv[4])}", **kw)
        self.world.processes.append(process)
        return process

    def socket(self, kind=socket.SOCK_DGRAM, family=socket.AF_INET, protocol=0):
        """A socket of this namespace for the test itself: it stays there whichever thread uses it."""
        made = []

        def enter():
            with open(f"/run/netns/{self.name}", encoding="utf-8") as f:
                if LIBC.setns(f.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {self.name}")
            made.append(socket.socket(family, kind, protocol))

        # Only the calling thread changes its namespace, and this one ends at once.
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if not made:
            raise Failed(f"no socket in {self.name}")
        return made[0]

    def forward(self, v6=True):
        """Makes it a router."""
        self.run("sysctl -qw net.ipv4.ip_forward=1")
        if v6:
            self.run("sysctl -qw net.ipv6.conf.all.forwarding=1")

    def pings(self, address, count=1, wait=None, size=56):
        """Do all of `count` echo requests come back? How soon is not the question: the machine may stand still for a while. One alone
        is mostly asked again."""
        if count > 1:
            return echo.all_come_back(self, str(address), count, wait or 10, size)
        got = self.run(["ping", "-n", "-q", "-c", "1", "-W", str(wait or 1), "-s", str(size), str(address)], check=False)
        return got.returncode == 0 and " 1 received" in got.stdout

    def wait_ping(self, address, timeout=20.0):
        wait_until(f"{self.short} pings {address}", lambda: self.pings(address), timeout)

    def delete(self):
        run(["ip", "netns", "del", self.name], check=False)


def communicate(popen, patience):
    """What it printed until its end; subprocess.TimeoutExpired when patience is over."""
    while True:
        try:
            return popen.communicate(timeout=max(0.0, min(patience.left, 1.0)))
        except subprocess.TimeoutExpired:
            if patience.over():
                raise


@contextlib.contextmanager
def readable(text):
    """A file to read `text` from. Not a pipe: communicate() forgets what it has not written yet when it is called again."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as f:
        f.write(text or "")
        f.seek(0)
        yield f


def run(argv, check=True, timeout=60, env=None, user_input=None):
    """Runs to the end; the result has returncode, stdout, stderr as text."""
    patience = Patience(timeout)
    with readable(user_input) as stdin, subprocess.Popen(
        argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    ) as popen:
        try:
            out, err = communicate(popen, patience)
        except subprocess.TimeoutExpired as e:
            popen.kill()
            raise subprocess.TimeoutExpired(argv, timeout, e.output, e.stderr) from None
        except BaseException:
            popen.kill()
            raise
    got = subprocess.CompletedProcess(argv, popen.returncode, out, err)
    if check and got.returncode:
        raise Failed(f"{shlex.join(argv)} ended with {got.returncode}\n{got.stdout}{got.stderr}")
    return got


class Site:
    """A headquarters or branch: its server, a host in its LAN, and the daemon on the server."""

    def __init__(self, world, name, number, lan_host=True, nat=None, v4=True, v6=False):
        """`nat`: what stands between the server and the internet, of nat.py; without it the server has public addresses."""
        self.world = world
        self.name = name
        self.server = Namespace(world, name)
        self.server.forward()
        self.dir = os.path.join(world.dir, name)
        self.public4 = nat.public4 if nat else f"203.0.113.{number + 10}"
        self.public6 = f"2001:db8:ffff::{number + 10}"
        self.lan4 = f"10.{number}.0.0/24"
        self.lan6 = f"fd00:{number}::/64"
        self.nat = nat
        self.daemon = None
        self.host = None
        if nat:
            nat.attach(self, v6)
        else:
            world.attach(self.server, "wan", self.public4 if v4 else None, self.public6 if v6 else None)
        if lan_host:
            self._add_lan(number)

    def _add_lan(self, number):
        self.host = Namespace(self.world, f"{self.name}lan")
        self.host4 = f"10.{number}.0.10"
        self.host6 = f"fd00:{number}::10"
        self.world.veth(self.server, "lan", self.host, "eth0")
        self.server.run(f"ip addr add 10.{number}.0.1/24 dev lan")
        self.server.run(f"ip -6 addr add fd00:{number}::1/64 dev lan nodad")
        self.host.run(f"ip addr add {self.host4}/24 dev eth0")
        self.host.run(f"ip -6 addr add {self.host6}/64 dev eth0 nodad")
        self.host.run(f"ip route add default via 10.{number}.0.1")
        self.host.run(f"ip -6 route add default via fd00:{number}::1")

    # --- the daemon and its command line ---------------------------------------------------

    def env(self):
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/root",
            "BRANCHLINE_ETC": os.path.join(self.dir, "etc"),
            "BRANCHLINE_STATE": os.path.join(self.dir, "state"),
            "BRANCHLINE_RUN": os.path.join(self.dir, "run"),
            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
        }

    @property
    def etc(self):
        return os.path.join(self.dir, "etc", NET)

    @property
    def state(self):
        return os.path.join(self.dir, "state", NET)

    def program(self, kind):
        return os.path.join(self.world.build, f"branchline-{kind}")

    def cli(self, kind, *args, check=True, timeout=60, user_input=None, env=None):
        return self.server.run(
            [self.program(kind), "-n", NET, *args], env={**self.env(), **(env or {})}, check=check, timeout=timeout,
            user_input=user_input
        )

    def hub(self, *args, **kw):
        return self.cli("hub", *args, **kw)

    def spoke(self, *args, **kw):
        return self.cli("spoke", *args, **kw)

    def json(self, kind, *args, **kw):
        return json.loads(self.cli(kind, *args, "--json", **kw).stdout)

    def start_daemon(self, kind, *options, wait=True):
        self.daemon = self.server.start(
            [self.program(kind), "-n", NET, "-D", "-d3", *options, "run"],
            name=f"{self.name}", env=self.env(),
        )
        if wait:
            self.daemon.wait_line(rf"{self.name} on network {NET} is ready", 20)
        return self.daemon

    def worker_pid(self, role):
        """The process id of a worker (engine, control, api, webhooks) of the running daemon."""
        children = run(["pgrep", "-P", str(self.daemon_pid())]).stdout.split()
        for pid in children:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                if role in f.read():
                    return int(pid)
        raise Failed(f"{self.name} has no {role}")

    def daemon_pid(self):
        return self.daemon.popen.pid

    def join(self, command, check=True, extra=()):
        """Carries out the line that `node add` printed, with the program of this build."""
        words = shlex.split(command)
        assert words[0] == "branchline-spoke", command
        return self.server.run([self.program("spoke"), *words[1:], *extra], env=self.env(), check=check)


class World:
    """Everything that one test or demonstration makes. Use as a context manager."""

    made = 0

    def __init__(self, keep=False, build=None):
        # Several worlds may be there at the same time.
        self.prefix = f"bl{os.getpid()}" + (f"w{World.made}" if World.made else "")
        World.made += 1
        self.build = os.path.abspath(build or BUILD)
        self.namespaces = []
        self.processes = []
        self.links = 0
        self.keep = keep
        self.dir = None

    def __enter__(self):
        try:
            self.dir = tempfile.mkdtemp(prefix="branchline-")
            os.chmod(self.dir, 0o755)
            self.internet = self.namespace("inet")
            self.internet.run("ip link add br0 type bridge")
            self.internet.run("ip link set br0 up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, KeyboardInterrupt):
            for p in self.processes:
                print(p.tail())
        if not (self.keep and kind is None):
            self.close()

    def close(self):
        """Ends processes first, newest first, then takes namespaces and files away. A second Ctrl-C does not stop that."""
        impatient = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._take_away()
        finally:
            signal.signal(signal.SIGINT, impatient)

    def _take_away(self):
        for p in reversed(self.processes):
            if p.alive():
                p.popen.terminate()
        for p in reversed(self.processes):
            try:
                p.popen.wait(8)
            except subprocess.TimeoutExpired:
                p.popen.kill()
                p.popen.wait()
        for n in reversed(self.namespaces):
            n.delete()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def namespace(self, name):
        return Namespace(self, name)

    def site(self, name, number, **kw):
        return Site(self, name, number, **kw)

    def veth(self, a, a_dev, b, b_dev):
        """A cable between two namespaces."""
        run(["ip", "link", "add", a_dev, "netns", a.name, "type", "veth", "peer", "name", b_dev, "netns", b.name])
        a.run(f"ip link set {a_dev} up")
        b.run(f"ip link set {b_dev} up")

    def attach(self, ns, dev, v4, v6):
        """Connects a namespace to the internet bridge, with a public address of each wanted family."""
        self.links += 1
        port = f"p{self.links}"
        self.veth(self.internet, port, ns, dev)
        self.internet.run(f"ip link set {port} master br0")
        if v4:
            ns.run(f"ip addr add {v4}/24 dev {dev}")
        if v6:
            ns.run(f"ip -6 addr add {v6}/64 dev {dev} nodad")

    # --- the usual network ------------------------------------------------------------------

    def headquarters(self, name="linodeHQ", number=0, address=None, pool="192.168.100.0/24", init=(), options=(),
                     **kw):
        hq = self.site(name, number, **kw)
        hq.init_output = hq.json(
            "hub", "init", "--name", name, "--address", address or hq.public4, "--pool", pool,
            "--subnet", hq.lan4, "--subnet", hq.lan6, *init,
        )
        hq.start_daemon("hub", *options)
        return hq

    def branch(self, hq, name, number, start=True, add=(), options=(), **kw):
        b = self.site(name, number, **kw)
        added = hq.hub("node", "add", name, "--subnet", b.lan4, "--subnet", b.lan6, *add)
        b.join_line = added.stdout.strip()
        b.join(b.join_line)
        if start:
            b.start_daemon("spoke", *options)
        return b


def address_of(site_json, family=4):
    """The first address of a family in a node object."""
    for a in site_json["addresses"]:
        if ipaddress.ip_address(a).version == family:
            return a
    raise Failed(f"no IPv{family} address in {site_json}")
