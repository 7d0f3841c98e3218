# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin page in a real browser, against a real hub with real branches.

    linodeHQ (hub) --- internet --- linode1, linode2, linode3, each with a host in its LAN
                           |
                         desk, where an admin's browser runs

Each test runs a script of tests/webui/ in the desk's namespace. Screenshots of all pages are kept in reports/webui below the
build folder, for people to look at.
"""

import gzip
import json
import os
import re
import subprocess

import pytest

import browser
import world as w
from test_subnets import propose
from test_webhooks import Receiver, verify

BUDGET_BYTES = 200 * 1024
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def net():
    with w.World() as world:
        hq = world.headquarters(lan_host=False)
        branches = [world.branch(hq, f"linode{i}", i) for i in (1, 2, 3)]
        for branch in branches:
            w.wait_until("its tunnel is up", lambda b=branch: hq.server.pings(b.host4))
        yield hq, branches, browser.desk(world)


@pytest.fixture
def start(net):
    """Starts tests/webui/NAME.mjs in the desk's namespace."""
    hq, branches, desk = net

    def begin(name, **more):
        hosts = {b.name: {"namespace": b.host.name, "address": b.host4, "server": b.server.name, "pid": b.daemon_pid()} for b in branches}
        return browser.start(desk, hq, name, hosts=hosts, **more)

    return begin


@pytest.fixture
def script(start):
    """Runs a script to its end; returns what it printed."""
    return lambda name, **more: browser.finish(start(name, **more))


def get(net, path, *headers):
    """(status, header lines, body) as a browser gets it."""
    hq, _, desk = net
    argv = ["ip", "netns", "exec", desk.server.name, "curl", "-sSi", "--cacert", os.path.join(hq.etc, "https.crt")]
    for h in headers:
        argv += ["-H", h]
    got = subprocess.run([*argv, hq.init_output["admin_url"].rstrip("/") + path], capture_output=True, check=True, timeout=30)
    head, body = got.stdout.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


def test_size_and_headers(net):
    """The whole page is small, is compressed, may be kept, and may load nothing but itself."""
    status, head, page = get(net, "/", "Accept-Encoding: gzip")
    assert status == 200 and head["cache-control"] == "no-cache"
    total = len(page)
    names = re.findall(r'(?:href|src)="(ui/[^"]+)"', gzip.decompress(page).decode())
    assert len(names) == 3
    for name in names:
        status, head, packed = get(net, f"/{name}", "Accept-Encoding: gzip")
        assert status == 200 and head["content-encoding"] == "gzip"
        assert get(net, f"/{name}")[2] == gzip.decompress(packed)
        assert get(net, f"/{name}", "Accept-Encoding: gzip", f"If-None-Match: {head['etag']}")[0] == 304
        assert ("immutable" in head["cache-control"]) == ("app-" in name)
        policy = head["content-security-policy"]
        assert "unsafe" not in policy and "http" not in policy and "default-src 'none'" in policy
        total += len(packed)
    print(f"the page has {total} bytes")
    assert total < BUDGET_BYTES


def test_pages(script):
    """Every page in light, dark and phone width: nothing cut off, nothing that a screen reader stumbles over."""
    print(script("pages"))


def test_access(script):
    """Policies with their effect on tunnels, users, API tokens, audit."""
    script("access")


def test_steer(net, script):
    """Keys are replaced under traffic, settings tried on the branch, and a receiver outside is told."""
    hq, branches, _ = net
    hq.hub("key", "settings", "--approval", "admin")
    assert branches[2].json("spoke", "rotate-key")["waits"] is True
    outside = hq.world.namespace("receiver")
    hq.world.attach(outside, "wan", "203.0.113.200", None)
    receiver = Receiver(hq, outside, 8001)
    said = script("steer", receiver=receiver.url)
    verify(receiver.wait("webhook.test")[0], re.search(r"^SECRET (.*)$", said, re.M).group(1))
    hq.hub("key", "settings", "--approval", "auto")


def test_actions(net, script):
    """What is done in the page is done to the tunnels."""
    hq, branches, _ = net
    propose(branches[1], "10.55.0.0/24")
    w.wait_until("it is proposed", lambda: any(s["status"] == "proposed" for s in hq.json("hub", "subnet", "list")["items"]))
    script("actions")


def test_people(net, script):
    hq, _, _ = net
    path = os.path.join(hq.dir, "pw")
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(PASSWORD + "\n")
    hq.hub("user", "add", "anna", "--role", "operator", "--password-file", path)
    hq.hub("user", "add", "otto", "--role", "auditor", "--password-file", path)
    script("people", userPassword=PASSWORD)


def test_add(net, start):
    """From the form to green; and a WireGuard device whose private key the hub never saw."""
    hq, _, _ = net
    site = hq.world.site("linode9", 9)
    page = start("add")
    site.join(page.wait_line(r"^JOIN (.*)", 120).group(1))
    site.start_daemon("spoke")
    config = json.loads(page.wait_line(r"^CONFIG (.*)", 240).group(1))
    assert page.popen.wait(120) == 0, page.tail()
    private = re.search(r"^PrivateKey = (.*)$", config, re.M).group(1)
    public = w.run(["wg", "pubkey"], user_input=private).stdout.strip()
    node = hq.json("hub", "node", "show", "phone")
    assert node["tunnel_key"] == public
