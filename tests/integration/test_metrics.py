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


def scrape(hq, ns, token=None, query=""):
    """(HTTP status, body) of /metrics over HTTPS."""
    token = ["-H", f"Authorization: Bearer {token}"] if token else []
    got = ns.run(["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code} %{content_type}", "--cacert",
                  os.path.join(hq.etc, "https.crt"), *token, hq.init_output["admin_url"].rstrip("/") + "/metrics" + query]).stdout
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


def families(text):
    """Name -> (type, [names of its samples]); each has its HELP and TYPE before it, once."""
    found, last = {}, None
    for line in text.splitlines():
        words = line.split(" ", 3)
        if words[0] == "#":
            if words[1] == "HELP":
                assert words[2] not in found and words[3].endswith("."), line
                last = words[2]
                found[last] = None
            else:
                assert words[1:3] == ["TYPE", last] and found[last] is None, line
                found[last] = (words[3], [])
        else:
            name = re.split(r"[{ ]", line, maxsplit=1)[0]
            assert name == last or re.sub(r"_(bucket|sum|count)$", "", name) == last, line
            found[last][1].append(name)
    return found


def test_names_are_as_prometheus_wants_them(office):
    """Counters end in _total, times are seconds, sizes bytes; a histogram is whole."""
    hq, _, stranger = office
    w.wait_until("a session", lambda: (status(hq)["engine"] or {}).get("sessions"))
    last, text = scrape(hq, stranger, hq.init_output["api_token"], "?nodes=1")
    assert last.startswith("200")
    for name, (kind, samples) in families(text).items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|us|milliseconds|kib|mib|kilobytes|count|sum|bucket)$", name), name
        if kind == "histogram":
            assert name.endswith("_seconds"), name
            assert not samples or {f"{name}_bucket", f"{name}_sum", f"{name}_count"} == set(samples), name
        else:
            assert set(samples) <= {name}, name


def test_examples_use_what_there_is(office):
    """The dashboard and the alerts name only metrics that the hub has."""
    hq, _, stranger = office
    there = families(scrape(hq, stranger, hq.init_output["api_token"], "?nodes=1")[1])
    examples = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "examples")
    named = set()
    for file in ("grafana/branchline.json", "prometheus/branchline.yml"):
        with open(os.path.join(examples, file), encoding="utf-8") as f:
            named |= set(re.findall(r"branchline_[a-z0-9_]+(?=[{\[ )(,<>=\"]|$)", f.read(), re.M))
    assert len(named) >= 15
    wrong = {n for n in named if n not in there and re.sub(r"_(bucket|sum|count)$", "", n) not in there}
    assert not wrong


def test_a_change_is_timed_until_it_is_applied(office):
    """Fan-out: the branch has applied what was changed, and stood behind for so long; then nobody does."""
    hq, one, stranger = office
    name = "branchline_directory_fanout_duration_seconds"

    def fanned():
        return metrics(hq, stranger)[f"{name}_count"]

    before = fanned()
    hq.hub("node", "edit", one.name, "--comment", "timed")
    hq.hub("subnet", "add", one.name, "10.99.7.0/24")
    w.wait_until("the time is told", lambda: fanned() > before)
    seen = metrics(hq, stranger)
    assert seen[f'{name}_bucket{{le="+Inf"}}'] == seen[f"{name}_count"]
    ends = [v for k, v in seen.items() if k.startswith(f"{name}_bucket")]
    assert ends == sorted(ends)
    w.wait_until("nobody is behind", lambda: metrics(hq, stranger)["branchline_revision_lag"] == 0)
    assert seen["branchline_link_queued_bytes_max"] <= seen["branchline_link_queued_bytes"]
    assert seen['branchline_engine_drops_total{reason="socket"}'] >= 0
    assert seen["branchline_engine_pending_packets_max"] <= seen["branchline_engine_pending_packets"]
    assert seen["branchline_engine_socket_queued_bytes"] >= 0
