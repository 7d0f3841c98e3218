# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub counts can be seen: in its status, in /metrics, and on the command line.

    stranger -- garbage --> linodeHQ (hub) -- linode1
        |                       |
        +---- HTTPS, token -----+
"""

import os
import re

import pytest

import world as w
from wire import send

GARBAGE = 25
# Every line of the text format that we use: a comment, or a name, perhaps labels, and a number.
LINE = re.compile(r'# (HELP|TYPE) branchline_\w+ .+|(branchline_\w+)(\{\w+="[\w.+/,-]*"(?:,\w+="[\w.+/,-]*")*\})? (\d+(?:\.\d+)?)')


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        hq = world.headquarters()
        one = world.branch(hq, "linode1", 1)
        stranger = world.namespace("stranger")
        world.attach(stranger, "wan", "203.0.113.200", None)
        one.host.wait_ping(hq.host4)
        yield hq, one, stranger


def status(hq):
    return hq.json("hub", "status")


def scrape(hq, ns, token=None):
    """(HTTP status, body) of /metrics over HTTPS."""
    token = ["-H", f"Authorization: Bearer {token}"] if token else []
    got = ns.run(["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code} %{content_type}", "--cacert",
                  os.path.join(hq.etc, "https.crt"), *token, hq.init_output["admin_url"].rstrip("/") + "/metrics"]).stdout
    body, _, last = got.rpartition("\n")
    return last, body


def metrics(hq, ns):
    """Name with labels -> number."""
    last, body = scrape(hq, ns, hq.init_output["api_token"])
    assert last == "200 text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for line in body.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        if match.group(2):
            key = match.group(2) + (match.group(3) or "")
            assert key not in found, line
            found[key] = float(match.group(4))
    return found


def test_garbage_is_counted(office):
    hq, _, stranger = office
    w.wait_until("the engine's totals", lambda: status(hq)["engine"])
    before = status(hq)["engine"]["drops"]["malformed"]
    assert send(stranger, hq.public4, [b"\xff" * 100] * GARBAGE) == []
    w.wait_until("the garbage to be counted", lambda: status(hq)["engine"]["drops"]["malformed"] >= before + GARBAGE)
    drops = status(hq)["engine"]["drops"]
    assert drops["malformed"] == before + GARBAGE
    assert metrics(hq, stranger)['branchline_engine_drops_total{reason="malformed"}'] == before + GARBAGE
    assert f"malformed {before + GARBAGE}" in hq.hub("status", "--verbose").stdout


def test_status_and_metrics_agree(office):
    hq, _, stranger = office
    w.wait_until("a session", lambda: (status(hq)["engine"] or {}).get("sessions"))
    now, seen = status(hq), metrics(hq, stranger)
    engine, link = now["engine"], now["link"]
    assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", engine["crypto"])
    offloads = ",".join(engine["offloads"])
    assert seen[f'branchline_engine_info{{crypto="{engine["crypto"]}",offloads="{offloads}"}}'] == 1
    assert (seen["branchline_engine_up"], seen["branchline_engine_peers"]) == (1, 1) == (1, engine["peers"])
    assert seen["branchline_engine_sessions"] == engine["sessions"] == 1
    assert seen["branchline_engine_handshakes_total"] >= 1
    assert seen["branchline_engine_relayed_packets_total"] == engine["relayed_packets"] == 0
    assert seen["branchline_revision"] == now["revision"]
    assert seen['branchline_nodes{status="active",online="true"}'] == 1
    assert seen['branchline_nodes{status="active",online="false"}'] == 0
    assert {k for k in seen if "drops" in k} == {f'branchline_engine_drops_total{{reason="{r}"}}' for r in engine["drops"]}
    assert link["joined"] == 1 == seen['branchline_link_events_total{event="joined"}']
    for name, value in link.items():
        if name.startswith("refused-"):
            assert seen[f'branchline_link_refused_total{{reason="{name[8:]}"}}'] == value


def test_verbose_is_like_that_of_the_spoke(office):
    """The same machine, so the same data plane; without --verbose it is not shown."""
    hq, one, _ = office
    w.wait_until("the engine's totals", lambda: status(hq)["engine"])
    of_hub, of_spoke = (re.search(r"^data plane .*$", text, re.M).group(0)
                        for text in (hq.hub("status", "--verbose").stdout, one.spoke("status", "--verbose").stdout))
    assert of_hub == of_spoke
    assert status(hq)["engine"]["crypto"] in of_hub
    assert "data plane" not in hq.hub("status").stdout


def test_strangers_get_no_metrics(office):
    hq, _, stranger = office
    for token in (None, "blt_" + "x" * 43):
        last, body = scrape(hq, stranger, token)
        assert last == "401 application/problem+json" and "branchline_engine" not in body


def test_engine_restart(office):
    """While there is no engine nothing is shown of it; a new one begins at 0."""
    hq, _, stranger = office
    assert send(stranger, hq.public4, [b"\xff" * 100] * GARBAGE) == []
    w.wait_until("garbage to be counted", lambda: (status(hq)["engine"] or {"drops": {"malformed": 0}})["drops"]["malformed"])
    w.run(["kill", "-KILL", str(hq.worker_pid("engine"))])
    w.wait_until("the new engine", lambda: (status(hq)["engine"] or {"drops": {"malformed": 1}})["drops"]["malformed"] == 0)
    assert metrics(hq, stranger)["branchline_engine_up"] == 1
