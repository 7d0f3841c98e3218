# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on another machine, by a profile: address, token and certificate from one file that only its owner reads."""

import os
import shutil


def test_profile(world):
    hq, desk = world.headquarters(), world.site("desk", 1)
    os.makedirs(desk.dir, exist_ok=True)
    cert = os.path.join(desk.dir, "hq.crt")
    shutil.copy(os.path.join(hq.etc, "https.crt"), cert)
    token = hq.hub("api-token", "create", "desk").stdout.strip()
    folder = os.path.join(desk.dir, "config", "branchline")
    os.makedirs(folder)
    path = os.path.join(folder, "hq.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"Url = https://{hq.public4}:8655\nToken = {token}\nCACert = {cert}\n")
    env = {"XDG_CONFIG_HOME": os.path.join(desk.dir, "config")}
    os.chmod(path, 0o644)
    got = desk.hub("node", "list", "--profile", "hq", env=env, check=False)
    assert got.returncode == 1 and "mode 0600" in got.stderr and token not in got.stderr
    os.chmod(path, 0o600)
    assert "linodeHQ" in desk.hub("node", "list", "--profile", "hq", env=env).stdout
    # What is said on the command line goes before the profile.
    got = desk.hub("node", "list", "--profile", "hq", "--url", f"https://{hq.public4}:8656", env=env, check=False)
    assert got.returncode == 3
    assert desk.hub("get", "Name", "--profile", "hq", env=env, check=False).returncode == 2
    assert desk.hub("node", "list", "--profile", "nobody", env=env, check=False).returncode == 1
