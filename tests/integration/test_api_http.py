# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP itself, over the UNIX socket and HTTPS: what is none is answered with a problem, however it comes, and nothing behind it.

    linodeHQ (hub) --- internet --- desk (HTTPS)          an operator's token lets it change things; the UNIX socket is root's
"""

import json
import os
import random
import re
import socket
import ssl

import pytest

import rest
import world as w

SEED = 20261123
PLACES = ("unix", "https")
# What a round of mutations may leave behind in the process that answers, once the first has warmed it up.
LEAK_KIB = 4096
STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.M)

HOST = b"Host: hub\r\n"
GET = b"GET /api/v1/nodes HTTP/1.1\r\n"
POST = b"POST /api/v1/nodes?dry_run=1 HTTP/1.1\r\nContent-Type: application/json\r\n"
CHUNKED = POST + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
# What is no HTTP, or means two things: bytes, status, problem code. Each closes the connection: nobody knows where the next request begins.
MALFORMED = {
    "no host": (GET + b"\r\n", 400, "host_invalid"),
    "two hosts": (GET + HOST + HOST + b"\r\n", 400, "host_invalid"),
    "a host that is none": (GET + b"Host: a b\r\n\r\n", 400, "host_invalid"),
    "two lengths": (POST + HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "length_ambiguous"),
    "length and chunks": (POST + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "length_ambiguous"),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "length_ambiguous"),
    "a negative length": (POST + HOST + b"Content-Length: -1\r\n\r\n", 400, "length_invalid"),
    "a length of letters": (POST + HOST + b"Content-Length: two\r\n\r\n{}", 400, "length_invalid"),
    "a length without end": (POST + HOST + b"Content-Length: 1" + b"0" * 40 + b"\r\n\r\n{}", 413, "body_too_big"),
    "an encoding that is none": (POST + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "encoding_unknown"),
    "a blank before the colon": (GET + HOST + b"X-Field : 1\r\n\r\n", 400, "field_invalid"),
    "no colon": (GET + HOST + b"X-Field\r\n\r\n", 400, "field_invalid"),
    "a folded field": (GET + HOST + b"X-Field: a\r\n b\r\n\r\n", 400, "field_invalid"),
    "a control character": (GET + HOST + b"X-Field: a\x01b\r\n\r\n", 400, "field_invalid"),
    "a long head": (GET + HOST + b"X-Long: " + b"a" * 40000 + b"\r\n\r\n", 431, "head_too_long"),
    "a very long head": (GET + HOST + b"X-Long: " + b"a" * 1000000 + b"\r\n\r\n", 431, "head_too_long"),
    "many fields": (GET + HOST + b"".join(b"X-%d: 1\r\n" % i for i in range(10000)) + b"\r\n", 431, "head_too_long"),
    "many cookies": (GET + HOST + b"Cookie: " + b"a;" * 10000 + b"\r\n\r\n", 431, "head_too_long"),
    "a long path": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "target_too_long"),
    "a very long path": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "target_too_long"),
    "a long query": (b"GET /api/v1/nodes?limit=" + b"1" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "target_too_long"),
    "many parameters": (b"GET /api/v1/nodes?" + b"a&" * 2000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "target_too_long"),
    "a word": (b"hello\r\n", 400, "request_line_invalid"),
    "no version": (b"GET /\r\n", 400, "request_line_invalid"),
    "two blanks": (b"GET  / HTTP/1.1\r\n", 400, "request_line_invalid"),
    "a method that is no word": (b"G(T / HTTP/1.1\r\n", 400, "request_line_invalid"),
    "TLS, or its end": (b"\x15\x03\x01\x02\x00\x01\x00\x01\xfc" * 100, 400, "request_line_invalid"),
    "zeros": (b"\x00" * 5000, 400, "request_line_invalid"),
    "letters in UTF-8": ("GET /\u00f8 HTTP/1.1\r\n".encode(), 400, "request_line_invalid"),
    "noise": (b"\xfe" + bytes(random.Random(SEED + 3).randrange(256) for _ in range(5000)), 400, "request_line_invalid"),
    "a target that is none": (b"GET nodes HTTP/1.1\r\n", 400, "target_invalid"),
    "another scheme": (b"GET ftp://hub/ HTTP/1.1\r\n", 400, "target_invalid"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version_unsupported"),
    "HTTP/0.8": (b"GET / HTTP/0.8\r\n", 505, "version_unsupported"),
    "a line feed alone": (b"GET / HTTP/1.1\n" + HOST + b"\r\n", 400, "line_end_invalid"),
    "a return alone": (b"GET / HTTP/1.1\r" + HOST + b"\r\n", 400, "line_end_invalid"),
    "a size that is none": (CHUNKED + b"ZZZ\r\n", 400, "chunk_invalid"),
    "no size": (CHUNKED + b"\r\n", 400, "chunk_invalid"),
    "a chunk longer than it says": (CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n", 400, "chunk_invalid"),
    "an extension without end": (CHUNKED + b"2;" + b"a" * 1000, 400, "chunk_invalid"),
    "a chunk without end": (CHUNKED + b"f" * 100 + b"\r\n", 413, "body_too_big"),
    "a trailer that is none": (CHUNKED + b"2\r\n{}\r\n0\r\nno colon\r\n\r\n", 400, "field_invalid"),
}
DOCUMENTED = {200, 400, 404, 405, 408, 413, 414, 415, 422, 431, 501, 505}


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = world.headquarters(lan_host=False, pool="10.64.0.0/16")
        site.desk = world.site("desk", 8, lan_host=False).server
        root = rest.Rest(site)
        site.token = root.call("POST", "/api/v1/api-tokens", {"name": "desk", "role": "operator"}).json["token"]
        site.slow = [begin_slowly(site, place) for place in PLACES]
        yield site
        root.close()


@pytest.fixture(autouse=True)
def same_process(hq):
    """Whatever is sent: the process that answers is the one that answered before, and does."""
    before = hq.worker_pid("api")
    yield
    assert hq.worker_pid("api") == before
    root = rest.Rest(hq)
    assert root.call("GET", "/readyz").status == 200
    root.close()


def dial(hq, place):
    """A new connection."""
    s = rest.Rest(hq, hq.desk if place == "https" else None).dial()
    s.settimeout(30)
    return s


def begin_slowly(hq, place):
    """A connection with half a head, to be looked at when the others are done."""
    s = dial(hq, place)
    s.sendall(GET)
    return s


def resident_kib(hq):
    with open(f"/proc/{hq.worker_pid('api')}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def talk(s, data, end=False, timeout=30):
    """Sends bytes, and reads all that comes until the hub closes; `end`: and says that no more will come."""
    s.settimeout(timeout)
    got = b""
    try:
        if data:
            s.sendall(data)
        if end:
            s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has closed, and said why before
    try:
        while chunk := s.recv(65536):
            got += chunk
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        s.close()
    return got


def check_problem(answer, status, code):
    """The last answer of a connection, as all other problems are."""
    head, body = answer.split(b"\r\n\r\n", 1)
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert fields[b"content-type"] == b"application/problem+json" and fields[b"connection"] == b"close", answer[:500]
    assert fields[b"x-content-type-options"] == b"nosniff" and fields[b"cache-control"] == b"no-store", answer[:500]
    assert int(fields[b"content-length"]) == len(body), answer[:500]
    problem = json.loads(body)
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"urn:branchline:problem:{code}"), problem


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_http(hq, place):
    """A problem as all others, then the end: a request that was smuggled behind it is not answered, the one before it is."""
    for what, (data, status, code) in MALFORMED.items():
        for before in (b"", HEALTH):
            got = talk(dial(hq, place), before + data + HEALTH)
            assert STATUS.findall(got) == [b"200"] * bool(before) + [str(status).encode()], (what, got[:300])
            check_problem(got[got.rindex(b"HTTP/1.1 %d " % status):], status, code)


def answers(got):
    """(status, problem code or None) of each answer in a row, to the last byte; all are JSON."""
    found = []
    while got:
        head, got = got.split(b"\r\n\r\n", 1)
        first, *lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines)
        status, length = int(STATUS.match(first + b" ").group(1)), int(fields[b"content-length"])
        body, got = json.loads(got[:length]), got[length:]
        kind = fields[b"content-type"]
        assert kind == (b"application/problem+json" if status >= 400 else b"application/json"), head
        found.append((status, body["code"] if status >= 400 else None))
    return found


# Each of them answered at its end only, so that it makes no difference how it comes.
GOOD = (
    HEALTH,
    HEALTH + b"GET /readyz HTTP/1.1\r\nAccept: */*\r\nHost: hub\r\n\r\n",
    b"GET http://hub:8655/healthz?a=b&c HTTP/1.1\r\n" + HOST + b"Cookie: a=b; c=d\r\nX-Field: \t some text \r\n\r\n" + HEALTH,
    b"FROB /healthz HTTP/1.1\r\n" + HOST + b"Connection: keep-alive\r\n\r\n" + b"\r\n" + HEALTH,
)
BODIES = (
    POST + HOST + b"Content-Length: 13\r\n\r\n" + b'{"name":"x1"}' + HEALTH,
    CHUNKED + b'8;a="b;c"\r\n{"name":\r\n5\r\n"x1"}\r\n0;last\r\nTrailer: x\r\n\r\n' + HEALTH,
    POST + HOST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
)
LAST = b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
ODD = (b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b"\xff", b"0", b"ffffffff", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n",
       b"Host: b\r\n", b"HTTP/1.1", b"a" * 9000, b"%", b"#")


def mutate(rng, data):
    """The bytes with some of them gone, more, others or twice."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data))
        to = min(len(data), at + rng.randrange(1, 12))
        data = rng.choice((data[:at] + data[to:], data[:at] + rng.choice(ODD) + data[at:], data[:at] + rng.choice(ODD) + data[to:],
                           data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:], data[:to] + data[at:]))
    return data


def test_mutations(hq):
    """Hundreds of requests that are nearly right: only documented answers, and no memory is lost."""
    rng = random.Random(SEED)
    seen = {}
    for _ in range(2):
        before = resident_kib(hq)
        for _ in range(200):
            data = mutate(rng, rng.choice(GOOD + BODIES))
            got = talk(dial(hq, "unix"), data + LAST, end=True).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
            for status, code in answers(got):
                assert status in DOCUMENTED, (data, got)
                seen[status, code] = seen.get((status, code), 0) + 1
    assert resident_kib(hq) - before < LEAK_KIB
    assert not {(400, "request_refused"), (503, "no_memory")} & set(seen), seen
    assert {code for status, code in seen if status == 400} >= {"request_line_invalid", "field_invalid", "line_end_invalid", "host_invalid"}, seen


def in_pieces(s, data, rng):
    """Sends the bytes cut anywhere, each piece by itself."""
    if s.family != socket.AF_UNIX:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    at = 0
    try:
        while at < len(data):
            to = at + rng.randrange(1, 40)
            s.sendall(data[at:to])
            at = to
    except (BrokenPipeError, ConnectionResetError):
        pass
    return talk(s, b"")


def test_the_same_in_pieces(hq):
    """However the bytes come, and by which way: the same answers."""
    rng = random.Random(SEED + 1)
    for _ in range(60):
        data = mutate(rng, rng.choice(GOOD)) + LAST
        whole = answers(talk(dial(hq, "unix"), data))
        assert whole and whole[-1][0] in DOCUMENTED, (data, whole)
        assert answers(in_pieces(dial(hq, "unix"), data, rng)) == whole, data
        assert answers(in_pieces(dial(hq, "https"), data, rng)) == whole, data
        assert answers(talk(dial(hq, "https"), data)) == whole, data


@pytest.mark.parametrize("place", PLACES)
def test_bodies_byte_by_byte(hq, place):
    """A body is the same, too; chunks, their extensions and trailers are not part of it."""
    rng = random.Random(SEED + 2)
    who = b"Authorization: Bearer " + hq.token.encode() + b"\r\n"
    for body in BODIES[:2]:
        data = body.replace(HOST, HOST + who, 1) + LAST
        assert answers(talk(dial(hq, place), data)) == [(200, None)] * 3
        assert answers(in_pieces(dial(hq, place), data, rng)) == [(200, None)] * 3


def test_the_client_closes_in_the_middle(hq):
    """It is told, as far as it still listens; what was whole is answered."""
    for data in (b"G", GET, GET + HOST, POST + HOST + b"Content-Length: 9\r\n\r\n{", CHUNKED, CHUNKED + b"2\r\n{}\r\n0\r\n"):
        for before in (b"", HEALTH):
            got = talk(dial(hq, "unix"), before + data, end=True)
            assert answers(got) == [(200, None)] * bool(before) + [(400, "request_cut")], (data, got)
    assert talk(dial(hq, "unix"), b"", end=True) == b""
    assert answers(talk(dial(hq, "unix"), HEALTH * 3, end=True)) == [(200, None)] * 3


def test_a_continue_is_waited_for(hq):
    """A client that asks first is told to go on, or that there is no need to."""
    s = dial(hq, "unix")
    s.sendall(BODIES[2][:-2])
    assert s.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    s.sendall(b"{}")
    assert s.recv(65536).startswith(b"HTTP/1.1 422 ")
    s.close()
    got = talk(dial(hq, "unix"), BODIES[2][:-2].replace(b"/nodes", b"/no_such"))
    assert answers(got) == [(404, "not_found")], got


def test_http_where_there_is_https(hq):
    """Is told so, in HTTP."""
    s, url = hq.desk.socket(socket.SOCK_STREAM), rest.Rest(hq, hq.desk)
    s.settimeout(30)
    s.connect((url.host, int(url.port)))
    check_problem(talk(s, HEALTH), 400, "tls_needed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls(hq):
    """TLS 1.2 and 1.3, and HTTP/1 for who asks by ALPN; nothing older, and no other protocol."""
    def shake(oldest, newest, protocols=()):
        tls = ssl.create_default_context(cafile=os.path.join(hq.etc, "https.crt"))
        tls.set_ciphers("ALL:@SECLEVEL=0")
        tls.minimum_version, tls.maximum_version = oldest, newest
        if protocols:
            tls.set_alpn_protocols(protocols)
        url, s = rest.Rest(hq, hq.desk), hq.desk.socket(socket.SOCK_STREAM)
        s.settimeout(30)
        s.connect((url.host, int(url.port)))
        try:
            with tls.wrap_socket(s, server_hostname=url.host) as t:
                t.sendall(LAST)
                assert t.recv(65536).startswith(b"HTTP/1.1 200 ")
                return t.version(), t.selected_alpn_protocol()
        except ssl.SSLError as e:
            return str(e), None
        finally:
            s.close()

    v = ssl.TLSVersion
    assert shake(v.TLSv1_3, v.TLSv1_3) == ("TLSv1.3", None)
    assert shake(v.TLSv1_2, v.TLSv1_2, ["h2", "http/1.1"]) == ("TLSv1.2", "http/1.1")
    assert "PROTOCOL_VERSION" in shake(v.TLSv1, v.TLSv1_1)[0]
    assert not shake(v.TLSv1_2, v.TLSv1_3, ["h2"])[0].startswith("TLSv1.")


def test_heads_that_take_too_long(hq):
    """Ten seconds after their first byte, as the hub counts: those that were begun before all other tests."""
    for s in hq.slow:
        check_problem(talk(s, b"", timeout=60), 408, "request_too_slow")
