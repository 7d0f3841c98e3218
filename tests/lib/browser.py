# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the browser's scripts of tests/webui/ in a namespace, which stands for an admin's desk."""

import filecmp
import json
import os
import shutil

import world as w

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "webui")


def modules():
    """The folder with the packages of the scripts, as their lock file says."""
    where = os.path.join(os.path.abspath(w.BUILD), "webui-tests")
    os.makedirs(where, exist_ok=True)
    lock = os.path.join(SCRIPTS, "package-lock.json")
    done = os.path.join(where, "installed.json")
    if not os.path.exists(done) or not filecmp.cmp(lock, done, shallow=False):
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(os.path.join(SCRIPTS, name), where)
        w.run(["npm", "ci", "--prefix", where, "--ignore-scripts", "--no-audit", "--no-fund"], timeout=300)
        shutil.copy(lock, done)
    return where


def reports():
    """Where screenshots are kept, for people to look at."""
    where = os.path.join(os.path.abspath(w.BUILD), "reports", "webui")
    os.makedirs(where, exist_ok=True)
    return where


def desk(world):
    """A machine with nothing but a browser."""
    site = world.site("desk", 20, lan_host=False)
    # A browser drops what it is loading when an address of its machine changes its state.
    w.wait_until("its addresses are settled", lambda: not site.server.run("ip -6 addr show tentative").stdout.strip())
    return site


def start(site, hq, name, **told):
    """Starts tests/webui/NAME.mjs at `site`; it learns of `told` by its variable WORLD."""
    told = {"url": hq.init_output["admin_url"], "password": hq.init_output["admin_password"], "reports": reports(), **told}
    env = {**os.environ, "WORLD": json.dumps(told), "WEBUI_TEST_MODULES": modules(), "HOME": hq.world.dir}
    return site.server.start(["node", os.path.join(SCRIPTS, f"{name}.mjs")], env=env, name=name)


def finish(process, timeout=300):
    """Waits for the end of a script; returns what it printed."""
    patience = w.Patience(timeout)
    while process.alive() and not patience.over():
        w.pause(0.1)
    assert not process.alive(), f"not within {timeout} s\n{process.tail()}"
    process.reader.join(5)
    assert process.popen.returncode == 0, process.tail()
    return "\n".join(process.lines)
