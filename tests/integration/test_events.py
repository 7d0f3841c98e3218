# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: what happens is told to those who listen, and who comes back misses nothing.

    linodeHQ (hub) --- internet --- linode1, which comes and goes
"""

import json
import os
import signal

import pytest

import world as w


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        yield world.headquarters(lan_host=False)


class Listener:
    """`branchline-hub events --json` in the background."""

    def __init__(self, hq, *options):
        self.process = hq.server.start([hq.program("hub"), "-n", w.NET, "events", "--json", *options],
                                       env=hq.env(), name="events")
        # The first that is said; it is connected then.
        self.process.wait_line('"event":"revision.applied"')

    def wait(self, event, start=0):
        found = self.process.wait_line(rf'^(\{{.*"event":"{event}".*\}})$', start=start)
        return json.loads(found.group(1))

    def stop(self):
        self.process.stop(signal.SIGTERM)
        return [json.loads(x) for x in self.process.lines if x.startswith("{")]


def test_changes_and_presence(hq):
    listener = Listener(hq)
    site = hq.world.branch(hq, "linode1", 1, lan_host=False)
    assert listener.wait("node.add")["data"]["object"] == "node:linode1"
    assert listener.wait("presence.up")["data"]["node"] == "linode1"
    assert listener.wait("node.join")["data"]["actor"]
    listener.process.wait_line(r'"event":"revision.applied","data":\{"revision":\d+,"applied":1,"online":1\}')
    site.daemon.stop()
    assert listener.wait("presence.down")["data"]["online"] is False
    hq.hub("node", "revoke", "linode1", "--timeout", "0")
    revoked = listener.wait("node.revoke")
    assert revoked["data"]["detail"]["id"] and revoked["id"]
    seen = listener.stop()
    ids = [tuple(map(int, e["id"].split("-"))) for e in seen if e["id"]]
    assert ids == sorted(ids)


def test_coming_back(hq):
    listener = Listener(hq)
    hq.hub("group", "create", "one")
    last = listener.wait("group.add")["id"]
    listener.stop()
    hq.hub("group", "create", "two")
    hq.hub("group", "create", "three")
    again = Listener(hq, "--after", last)
    again.process.wait_line("group:three")
    added = [e["data"]["object"] for e in again.stop() if e["event"] == "group.add"]
    assert added == ["group:two", "group:three"]
    got = hq.hub("events", "--after", "999999999-1", check=False)
    assert got.returncode == 4 and "event_id_invalid" in got.stderr


def test_the_hub_comes_back(hq):
    """A listener outlives the api worker, and hears what happened in between."""
    listener = Listener(hq)
    os.kill(hq.worker_pid("api"), signal.SIGKILL)
    w.wait_until("the api is back", lambda: hq.hub("group", "create", "later", check=False).returncode in (0, 4))
    assert listener.wait("group.add")["data"]["object"] == "group:later"
    listener.stop()


def test_many_listeners(hq):
    """The 33rd is refused; those who went away make room."""
    # Whoever went away is noticed when there is something to send.
    hq.hub("group", "create", "before-them")
    listeners = [Listener(hq) for _ in range(32)]
    got = hq.hub("events", check=False)
    assert got.returncode == 1 and "too_many_listeners" in got.stderr
    assert hq.hub("group", "list").returncode == 0
    for one in listeners:
        one.process.stop(signal.SIGTERM)
    hq.hub("group", "create", "after-them")
    w.wait_until("there is room again", lambda: Listener(hq).stop())


def test_a_revoked_token_hears_no_more(hq):
    path = os.path.join(hq.dir, "listener-token")
    token = hq.json("hub", "api-token", "create", "listener", "--role", "auditor", "--scope", "events")["token"]
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(token)
    url = ["--url", hq.init_output["admin_url"], "--token-file", path, "--cacert", os.path.join(hq.etc, "https.crt")]
    listener = Listener(hq, *url)
    hq.hub("api-token", "revoke", "listener")
    listener.process.wait_line("token_revoked", 30)
    assert listener.process.popen.wait(10) == 4
