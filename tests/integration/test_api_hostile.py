# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of somebody who means harm, or whose program is broken: only documented answers, no crash, no leak, others are served.

    linodeHQ (hub) --- internet --- rude, polite (HTTPS)          what has to be let in comes over the UNIX socket, as root
"""

import http.client
import json
import os
import random
import re
import socket
import threading

import pytest

import contract
import evidence
import rest
import world as w

SEED = 20261122
CALLS_EACH = 25  # for each route that takes a body
# What a round of all the above may leave behind in the process that answers, once the first has warmed it up.
LEAK_KIB = 4096
STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.M)


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = world.headquarters(lan_host=False, pool="10.64.0.0/16")
        site.rude = world.site("rude", 7, lan_host=False).server
        site.polite = world.site("polite", 8, lan_host=False).server
        yield site


@pytest.fixture
def root(hq):
    made = rest.Rest(hq)
    yield made
    made.close()


@pytest.fixture(scope="module")
def spec(hq):
    return contract.Spec(rest.Rest(hq).get("/api/v1/openapi.json"))


@pytest.fixture(autouse=True)
def same_process(hq, root, request):
    """Whatever is sent: the process that answers is the one that answered before, and does."""
    before = hq.worker_pid("api")
    yield
    assert hq.worker_pid("api") == before or "killed" in request.node.name
    assert root.call("GET", "/readyz").status == 200


def resident_kib(hq):
    with open(f"/proc/{hq.worker_pid('api')}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def raw(hq, data, until_closed=True, timeout=20):
    """Bytes to the UNIX socket, and all that comes back until the hub closes or says nothing more."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(rest.api_socket(hq))
    got = b""
    try:
        s.sendall(data)
        if until_closed:
            s.shutdown(socket.SHUT_WR)
        while chunk := s.recv(65536):
            got += chunk
    except (BrokenPipeError, ConnectionResetError):
        pass
    except TimeoutError:
        assert not got, got[:300]  # a head that does not end: nothing to be answered, and closed when it was idle for long
    finally:
        s.close()
    return got


# --- values of the wrong kind --------------------------------------------------------------------

NUMBERS = (0, -1, 1, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1, 10 ** 30, 1e308, -0.0, 0.5)
TEXTS = ("", " ", "\x00", "\u0000\u0001", "\ud83d\ude00" * 10, "x" * 70000, "../../etc/passwd", "';DROP TABLE nodes;--", "%s%n%x", "-1",
         "10.0.0.0/8", "::/0", "255.255.255.255/33", "\u202eoslo", "a" * 64)


def any_value(rng, depth=0):
    kind = rng.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(TEXTS)
    if kind == 2:
        return rng.choice((None, True, False))
    if kind in (3, 4):
        return "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(rng.randrange(40)))
    if kind == 5:
        return [any_value(rng, depth + 1) for _ in range(rng.randrange(6))]
    return {rng.choice(TEXTS[:5]) + str(rng.randrange(9)): any_value(rng, depth + 1) for _ in range(rng.randrange(6))}


def mutated(rng, example):
    """The example with a member more, less, twice as much, or of another kind."""
    body = json.loads(json.dumps(example))
    for _ in range(rng.randrange(1, 4)):
        name = rng.choice([*body, "no_such_member"]) if body else "no_such_member"
        if rng.random() < 0.2:
            body.pop(name, None)
        else:
            body[name] = any_value(rng)
    return body


def test_values_of_the_wrong_kind(hq, root, spec):
    """Every route with a body, bodies that are nearly right: an answer that is described, and never a failure of the hub's own."""
    rng = random.Random(SEED)
    seen = {}
    for _ in range(2):
        before = resident_kib(hq)
        for op in spec.operations:
            if op.example is None or not op.takes("dry_run"):
                continue
            for _ in range(CALLS_EACH):
                body = mutated(rng, op.example)
                answer = root.call(op.method, op.path.replace("{id}", rng.choice(("1", "2", "999999", "0", "x"))) + "?dry_run=1", body)
                op.check(answer)
                assert answer.status not in (500, 501, 502), (op, body, answer)
                seen[answer.status] = seen.get(answer.status, 0) + 1
    assert {200, 404, 422} <= set(seen) and sum(seen.values()) > 500, seen
    assert resident_kib(hq) - before < LEAK_KIB


def test_paths_and_queries(root, spec):
    """Any id, any value of any parameter."""
    rng = random.Random(SEED + 1)
    values = ("0", "-1", "18446744073709551616", "%00", "%ff%fe", "%2e%2e%2f", "a" * 3000, "1;drop", "%", "%zz", "", "1e3", "0x10", "+1")
    for op in spec.operations:
        for _ in range(8):
            names = [p["name"] for p in op.parameters if p["in"] == "query"] + ["no_such"]
            query = "&".join(f"{rng.choice(names)}={rng.choice(values)}" for _ in range(rng.randrange(1, 4)))
            if op.method != "GET" and "dry_run=" not in query:
                query += "&no_such=1"
            if op.path in ("/api/v1/events", "/api/v1/log") or op.path.startswith("/api/v1/session"):
                query = "no_such=1"
            answer = root.call(op.method, op.path.replace("{id}", rng.choice(values[:-2]) or "1") + "?" + query)
            assert answer.status < 500, (op, query, answer)
            assert answer.status < 400 or answer.kind in (rest.PROBLEM, "text/html", "text/plain"), (op, query, answer)


# --- bodies that are no JSON, or too much of it ----------------------------------------------------

def bad_bodies():
    rng = random.Random(SEED + 2)
    yield "deep arrays", b"[" * 60000
    yield "deep objects", b'{"a":' * 10000 + b"1" + b"}" * 10000
    yield "just within the limit", b'{"name":' + b"[" * 30 + b"]" * 30 + b"}"
    yield "invalid UTF-8", b'{"name":"\xff\xfe\xc0\x80"}'
    yield "lone surrogate", b'{"name":"\\ud800"}'
    yield "zero byte", b'{"name":"a\x00b"}'
    yield "twice", b'{"name":"a","name":"b"}'
    yield "huge number", b'{"keepalive_s":' + b"9" * 50000 + b"}"
    yield "huge exponent", b'{"keepalive_s":1e999999}'
    yield "not a number", b'{"keepalive_s":NaN}'
    yield "cut", b'{"name":"osl'
    yield "behind the end", b'{"name":"a"} {"name":"b"}'
    yield "nothing", b""
    for i in range(50):
        yield f"noise {i}", bytes(rng.randrange(256) for _ in range(rng.randrange(1, 400)))


def test_bodies(root):
    for what, body in bad_bodies():
        answer = root.call("POST", "/api/v1/nodes?dry_run=1", raw=body)
        assert 400 <= answer.status < 500 and answer.kind == rest.PROBLEM, (what, answer)


def test_bodies_of_ten_mebibytes(hq, root):
    """Refused at the head when it says so, and at 64 KiB when it does not; nothing of it is kept."""
    before = resident_kib(hq)
    head = b"POST /api/v1/nodes?dry_run=1 HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
    for _ in range(5):
        got = raw(hq, head + b"Content-Length: 10485760\r\n\r\n" + b"[" * 10485760)
        assert not got or STATUS.findall(got) == [b"413"], got[:300]
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        got = raw(hq, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 160 + b"0\r\n\r\n")
        assert not got or STATUS.findall(got) == [b"413"], got[:300]
    assert resident_kib(hq) - before < LEAK_KIB
    # Not only by hanging up: who sends no more than it says, and waits, is told.
    answer = root.call("POST", "/api/v1/nodes?dry_run=1", raw=b" " * 70000)
    assert answer.status == 413 and answer.kind == rest.PROBLEM, answer


# --- HTTP itself -----------------------------------------------------------------------------------

def test_pipelining(hq):
    """A hundred requests at once are answered one after the other."""
    one = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
    got = raw(hq, one * 99 + last, until_closed=False)
    assert STATUS.findall(got) == [b"200"] * 100


def test_methods_that_are_none(hq):
    """Known paths say what they take, others are not there; both are problems."""
    for method, path, status in ((b"FROB", b"/api/v1/nodes", b"405"), (b"TRACE", b"/api/v1/nodes", b"405"),
                                 (b"FROB", b"/no/such", b"404"), (b"CONNECT", b"hub:443", b"404")):
        got = raw(hq, b"%s %s HTTP/1.1\r\nConnection: close\r\nHost: hub\r\n\r\n" % (method, path), until_closed=False)
        assert STATUS.findall(got) == [status] and b"application/problem+json" in got, got[:800]
        assert (b"Allow: GET" in got) == (status == b"405"), got[:800]


def test_slow_and_idle_clients(hq, root):
    """A thousand connections that say nothing, or a byte now and then, from one address: somebody else's calls are answered."""
    made = rest.Rest(hq, hq.polite, root.call("POST", "/api/v1/api-tokens", {"name": "polite", "role": "auditor"}).json["token"])
    address = (made.host, int(made.port))
    before, idle = resident_kib(hq), []
    for i in range(1000):
        s = hq.rude.socket(socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex(address)
        idle.append(s)
        if i % 100 == 0:
            assert made.call("GET", "/api/v1/nodes").status == 200
    for s in idle:
        try:
            s.send(b"\x16\x03\x01")
        except OSError:
            pass  # closed already, as more than a few of one address are
    made.close()
    for _ in range(20):
        assert made.call("GET", "/api/v1/nodes").status == 200
        made.close()
    for s in idle:
        s.close()
    w.wait_until("what they held is given back", lambda: resident_kib(hq) - before < LEAK_KIB)


# --- kill -9 ---------------------------------------------------------------------------------------

def test_killed_in_the_middle_of_a_thousand_writes(hq, root):
    """Every change that was answered is there; every one that is there is whole; the audit log is a chain."""
    acknowledged, killed = [], threading.Event()

    def write():
        api = rest.Rest(hq)
        for i in range(1000):
            try:
                if api.call("POST", "/api/v1/nodes", {"name": f"k{i:04}"}).status == 201:
                    acknowledged.append(f"k{i:04}")
            except (OSError, http.client.HTTPException):
                return
            if len(acknowledged) == 300:
                killed.set()

    pids = [hq.daemon_pid(), *(hq.worker_pid(role) for role in ("engine", "control", "api"))]
    writer = threading.Thread(target=write)
    writer.start()
    assert killed.wait(60)
    os.kill(pids[-1], 9)
    hq.daemon.popen.kill()
    hq.daemon.popen.wait()
    writer.join()
    w.wait_until("all parts are gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))
    assert 300 <= len(acknowledged) < 1000
    hq.start_daemon("hub", "-d1")
    there = {n["name"] for n in root.all("/api/v1/nodes")}
    assert set(acknowledged) <= there
    assert len([n for n in there if re.fullmatch(r"k\d{4}", n)]) - len(acknowledged) in (0, 1)
    assert hq.hub("audit", "verify").returncode == 0
    audited = [name for (name,) in evidence.ask(hq, "SELECT object FROM audit WHERE action = 'node.add'")]
    assert {f"node:{n}" for n in there if n != "linodeHQ"} <= set(audited) and len(audited) == len(set(audited))
