# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: what happens is told to those who listen, and who comes back misses nothing.

    linodeHQ (hub) --- internet --- linode1, which comes and goes
"""

import json
import os
import select
import signal

import pytest

import rest
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
    confirmed = listener.wait("revocation.confirmed")["data"]
    assert confirmed["object"] == "node:linode1" and confirmed["detail"]["id"] == revoked["data"]["detail"]["id"]
    assert confirmed["detail"]["applied"] == confirmed["detail"]["online"] == 0
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


def starts(hq):
    return hq.json("hub", "audit", "list", "--action", "hub.started")["items"]


def test_the_whole_hub_comes_back(hq):
    """Who comes back after a crash of the hub with its last id hears all since then, the start as well; once, and not of a worker."""
    before = len(starts(hq))
    listener = Listener(hq)
    hq.hub("group", "create", "before-the-crash")
    last = listener.wait("group.add")["id"]
    listener.stop()
    hq.hub("group", "create", "just-before-the-crash")
    hq.daemon.stop(signal.SIGKILL)
    hq.start_daemon("hub")
    os.kill(hq.worker_pid("control"), signal.SIGKILL)
    w.wait_until("control is back", lambda: hq.worker_pid("control"))
    again = Listener(hq, "--after", last)
    assert again.wait("group.add")["data"]["object"] == "group:just-before-the-crash"
    assert again.wait("hub.started")["data"]["object"] == "hub:linodeHQ"
    hq.hub("group", "create", "after-the-crash")
    again.process.wait_line("group:after-the-crash")
    seen = [e["event"] for e in again.stop()]
    assert "lost" not in seen and seen.count("hub.started") == 1
    assert before and len(starts(hq)) == before + 1


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


class Stream:
    """A stream of events on a connection that can be closed without a word."""

    def __init__(self, hq):
        self.socket = rest.Rest(hq).dial()
        self.socket.settimeout(30)
        self.socket.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: hub\r\n\r\n")
        self.seen = self.socket.recv(65536)
        self.status = int(self.seen.split()[1])

    def begun(self):
        """Has it said from where on it tells?"""
        self.seen += self.more()
        return b"\nid: " in self.seen

    def more(self):
        """What has come since, without a wait."""
        return self.socket.recv(65536) if select.select([self.socket], [], [], 0)[0] else b""


def one_place_comes_free(hq):
    """Fills all places, closes one stream, and gets its place. False: with the help of a beat, which all streams hear."""
    streams = []
    while not streams or streams[-1].status == 200:
        streams.append(Stream(hq))
        assert len(streams) <= 33
    first = streams[0]
    w.wait_until("its beginning has come", first.begun)
    streams[1].socket.close()
    w.wait_until("the place is free", lambda: Stream(hq).status == 200)
    quiet = b"id: " not in first.more()
    for one in streams:
        one.socket.close()
    return quiet


def test_a_closed_listener_is_noticed_at_once(hq):
    """Not only with the next event or beat: nothing happens here."""
    assert any(one_place_comes_free(hq) for _ in range(3))


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
