# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples, seen by the programs that they are for."""

import glob
import os
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import world as w  # noqa: E402  (the path above)

EXAMPLES = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "examples"))


@pytest.fixture(scope="module")
def playbook(tmp_path_factory):
    """A copy, since these programs write beside what they read."""
    folder = tmp_path_factory.mktemp("ansible")
    shutil.copytree(os.path.join(EXAMPLES, "ansible"), folder / "play")
    return folder


def ansible(folder, *argv):
    # They find the play by the folder that they run in.
    return w.run(["sh", "-ec", 'cd "$0"; exec "$@"', str(folder / "play"), *argv], check=False, timeout=180,
                 env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"})


def test_ansible_syntax(playbook):
    got = ansible(playbook, "ansible-playbook", "--syntax-check", "-i", "branches,", "site.yml")
    assert got.returncode == 0 and "playbook: site.yml" in got.stdout, got.stdout + got.stderr


def test_ansible_lint(playbook):
    """With the strictest profile."""
    got = ansible(playbook, "ansible-lint", "--offline", "--nocolor", "--profile", "production", "site.yml")
    assert got.returncode == 0, got.stdout + got.stderr


def test_alerts():
    if not shutil.which("promtool"):
        pytest.skip("promtool comes with prometheus only, whose package would start a server on this machine")
    got = w.run(["promtool", "check", "rules", os.path.join(EXAMPLES, "prometheus", "branchline.yml")], check=False)
    assert got.returncode == 0 and "SUCCESS" in got.stdout, got.stdout + got.stderr


@pytest.mark.parametrize("script", ["sysv/branchline-spoke", "openrc/branchline", "dns/tinc-up"])
def test_scripts(script):
    """OpenRC's variables and functions are its own."""
    exclude = ["--exclude=SC2034,SC2154"] if script.startswith("openrc") else []
    got = w.run(["shellcheck", "--shell=sh", *exclude, os.path.join(EXAMPLES, script)], check=False)
    assert got.returncode == 0, got.stdout + got.stderr


def test_logrotate(tmp_path):
    """A log that is rotated: the daemon hears of it, by the signal that has it open its log again (test_service.py)."""
    net = tmp_path / "net"
    net.mkdir(mode=0o750)
    (net / "branchline-spoke.log").write_text("old\n", encoding="utf-8")
    with open(os.path.join(EXAMPLES, "logrotate", "branchline"), encoding="utf-8") as f:
        conf = f.read()
    conf = conf.replace("/var/lib/branchline/*/", f"{net}/").replace("/run/branchline/*/", f"{net}/")
    (tmp_path / "conf").write_text(conf, encoding="utf-8")
    os.chmod(tmp_path / "conf", 0o644)
    # In the daemon's place a process that the signal ends, also where whoever runs this ignores it (nohup).
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) as daemon:
        try:
            (net / "spoke.pid").write_text(f"{daemon.pid}\n", encoding="utf-8")
            w.run(["logrotate", "--force", "--state", str(tmp_path / "state"), str(tmp_path / "conf")])
            assert daemon.wait(30) == -signal.SIGHUP
        finally:
            daemon.kill()
    assert (net / "branchline-spoke.log.1").read_text(encoding="utf-8") == "old\n"


def test_all_are_looked_at():
    """A new example of these kinds has to come here."""
    assert len(glob.glob(os.path.join(EXAMPLES, "*", "*.yml"))) == 2
