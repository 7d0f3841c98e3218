# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hundred spokes at one hub: what a change costs the others, and that all come back. Counts messages, never time.

    linodeHQ (hub) --- internet --- swarm (one process that plays all spokes, tests/bench/swarm)
"""

import contextlib
import os

import pytest

import rest
import swarm as s
import world as w

SPOKES = 300
DEVICE = {"name": "device", "kind": "wireguard", "tunnel_key": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="}


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = s.seeded_hub(world, SPOKES)
        site.spokes = s.Swarm(world, site, SPOKES)
        yield site


@pytest.fixture
def spokes(hq):
    """All are connected and up to date, and counting begins."""
    swarm = hq.spokes
    swarm.wait_all()
    with contextlib.closing(rest.Rest(hq)) as api:
        wait_confirmed(api, swarm)
    swarm.ask("reset")
    return swarm


@pytest.fixture
def api(hq):
    made = rest.Rest(hq)
    yield made
    made.close()


def told(stats):
    """Messages by type that were sent to spokes, life signs left aside."""
    return {k: v for k, v in stats["got"].items() if k != "ping"}


def wait_confirmed(api, spokes):
    """The hub knows that all hold what they should; returns what it says and what the spokes have counted."""
    revision = api.get("/api/v1/revision")["revision"]
    said = w.wait_until("all have confirmed", lambda: (a := api.get(f"/api/v1/revisions/{revision}"))["applied"] == spokes.n and a, 60)
    assert said["online"] == spokes.n and said["missing"] == []
    return said, spokes.stats()


def test_all_are_let_in(spokes, api):
    """They dialled at the same moment; each was let in, and the hub shows it."""
    link = w.wait_until("the hub has counted them", lambda: (x := api.get("/api/v1/status?limit=1")["link"])["links"] >= SPOKES and x)
    assert link["accepted"] >= SPOKES
    assert api.get("/api/v1/status?limit=1")["counts"]["online"] == SPOKES
    assert sum(n["online"] for n in api.get("/api/v1/status?limit=1000")["nodes"] if n["kind"] == "spoke") == SPOKES


def test_a_change_costs_its_delta(spokes, api):
    """One message with one node to each spoke; one confirmation from each."""
    assert api.call("POST", "/api/v1/nodes", DEVICE).status == 201
    _, got = wait_confirmed(api, spokes)
    assert told(got) == {"directory": SPOKES} and got["nodes"] == SPOKES and got["gone"] == got["snapshots"] == 0
    assert got["sent"]["ack"] == SPOKES
    spokes.ask("reset")
    assert api.call("PATCH", "/api/v1/nodes/device", {"keepalive_s": 20}).status == 200
    said, got = wait_confirmed(api, spokes)
    assert told(got) == {"directory": SPOKES} and got["nodes"] == SPOKES and said["offline"] == []
    assert got["misfits"] == got["links_lost"] == 0


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/api/v1/nodes", {"name": "later", "subnets": [{"prefix": "192.168.77.0/24"}]}),  # nobody has joined as it yet
    ("PATCH", "/api/v1/nodes/later", {"keepalive_s": 20}),
    ("DELETE", "/api/v1/nodes/later", None),
])
def test_what_does_not_concern_them_costs_nothing(spokes, api, method, path, body):
    """Not a message and not a confirmation; the hub still says of all that they hold the newest revision."""
    before = api.get("/api/v1/revision")["revision"]
    answer = api.call(method, path, body) if body else api.call(method, path)
    assert answer.status < 300, answer
    assert api.get("/api/v1/revision")["revision"] > before
    _, got = wait_confirmed(api, spokes)
    assert told(got) == {} and "ack" not in got["sent"]


def test_flapping_costs_the_others_nothing(spokes):
    """Ten times one spoke goes and comes: ten welcomes for it, not a byte for anybody else."""
    spokes.ask("flap 7")  # with its first welcome it is told the number of what did not concern it
    spokes.wait_all()
    spokes.ask("reset")
    for _ in range(10):
        spokes.ask("flap 7")
        got = spokes.wait_all()
    assert told(got) == {"welcome": 10} and got["links_lost"] == 10


def test_revocation_reaches_all(spokes, api):
    assert api.get("/api/v1/status?limit=1")["counts"]["online"] == spokes.n
    spokes.n -= 1
    got = api.call("POST", f"/api/v1/nodes/s{spokes.n:05}/revoke", {"reason": "stolen"})
    assert got.status == 200, got
    _, stats = wait_confirmed(api, spokes)
    assert stats["revoked"] == spokes.n and stats["byes"] == {"revoked": 1}
    assert stats["up"] == spokes.n


def test_all_come_back(hq, spokes, api):
    """kill -9 of the whole hub: links and tunnel sessions of all are there again, each with one welcome and no snapshot."""
    left = spokes.n
    spokes.ask("restarted")
    pids = [hq.daemon_pid(), *(hq.worker_pid(role) for role in ("engine", "control", "api"))]
    hq.daemon.popen.kill()
    hq.daemon.popen.wait()
    w.wait_until("all parts are gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))
    hq.start_daemon("hub", "-d1")
    got = spokes.wait_all()
    assert got["links_lost"] == left
    assert got["snapshots"] == got["nodes"] == got["misfits"] == 0 and told(got).get("directory", 0) == 0
    w.wait_until("the hub says so, too", lambda: api.get("/api/v1/status?limit=1")["counts"]["online"] == left)
