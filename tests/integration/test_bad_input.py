# SPDX-License-Identifier: GPL-3.0-or-later
"""What bad input gets, from the command line, over HTTPS, and from configuration files.

Every refusal names what is wrong (JSON pointer, or file and line), has a stable code, and changes nothing.

    linodeHQ (hub) --- internet --- admin (curl), confHQ and linode1 (daemons that must not start)
"""

import json
import os
import shutil
import time

import pytest

import evidence
import world as w

TABLES = ("settings", "revisions", "groups", "policies", "nodes", "node_endpoints", "node_groups", "join_tokens", "keys",
          "subnets", "audit")
KEY = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="


class Api:
    """The REST API over HTTPS, by curl in some namespace."""

    def __init__(self, hq, namespace, token):
        self.hq, self.namespace, self.token = hq, namespace, token

    def call(self, method, path, body=None, token=None, headers=(), kind="application/json", raw=None):
        """(status, header -> value, JSON or text). `raw` is sent as it is."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        out = os.path.join(self.hq.world.dir, "answer")
        with open(out + ".body", "wb") as f:
            f.write(data or b"")
        argv = ["curl", "-sS", "--max-time", "20", "-X", method, "-D", out + ".head", "-o", out, "-w", "%{http_code}",
                "--cacert", os.path.join(self.hq.etc, "https.crt"), self.hq.init_output["admin_url"].rstrip("/") + path]
        token = self.token if token is None else token
        for h in (*headers, *([f"Authorization: Bearer {token}"] if token else [])):
            argv += ["-H", h]
        if data is not None:
            argv += ["-H", f"Content-Type: {kind}", "--data-binary", f"@{out}.body"]
        status = int(self.namespace.run(argv).stdout)
        with open(out + ".head", encoding="latin-1") as f:
            head = dict(line.strip().split(": ", 1) for line in f if ": " in line)
        head = {k.lower(): v for k, v in head.items()}
        answer = None
        if os.path.exists(out):
            with open(out, encoding="utf-8") as f:
                answer = f.read()
            os.unlink(out)
            if "json" in head.get("content-type", ""):
                answer = json.loads(answer)
        return status, head, answer

    def refused(self, status, code, method, path, body=None, pointer=None, says="", **kw):
        """The call gets this problem (RFC 9457), and nothing else is in it. Its header fields."""
        got, head, problem = self.call(method, path, body, **kw)
        what = (method, path, body, got, problem)
        assert got == status, what
        assert head["content-type"] == "application/problem+json", what
        assert problem["code"] == code and problem["status"] == status, what
        assert problem.get("pointer") == pointer, what
        assert says in problem["detail"], what
        assert problem["title"] and problem["type"] == f"urn:branchline:problem:{code}", what
        assert not set(problem) - {"type", "title", "status", "detail", "code", "pointer"}, what
        return head


@pytest.fixture(scope="module")
def place():
    with w.World() as world:
        yield world


@pytest.fixture(scope="module")
def hq(place):
    site = place.headquarters(lan_host=False)
    site.hub("node", "add", "oslo", "--subnet", "10.20.0.0/16", "--subnet", "fd00:20::/48", "--address", "192.168.100.20")
    return site


@pytest.fixture(scope="module")
def admin(place):
    return place.site("admin", 8, lan_host=False).server


@pytest.fixture(scope="module")
def api(hq, admin):
    return Api(hq, admin, hq.init_output["api_token"])


def dump(hq):
    """All that the directory's tables hold."""
    return {t: evidence.ask(hq, f"SELECT * FROM {t}") for t in TABLES}


@pytest.fixture
def unchanged(hq):
    before = dump(hq)
    yield
    assert dump(hq) == before


def prefix(text, **more):
    return {"name": "new", "subnets": [{"prefix": text, **more}]}


# --- bodies ----------------------------------------------------------------------------------------

BAD_NAMES = ["", " ", "a b", "-a", ".a", "a/b", "a\\b", "ø", "a\nb", "../x", "a:b", "x" * 64, "*", "$(id)", "a'b"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(api, hq, unchanged, name):
    for path in ("/api/v1/nodes", "/api/v1/api-tokens"):
        api.refused(422, "name_invalid", "POST", path, {"name": name}, "/name")
    got = hq.hub("node", "add", "--", name, check=False)
    assert got.returncode == 4 and "[name_invalid at /name]" in got.stderr and got.stdout == ""


BAD_NODES = [
    # host bits: the prefix that may be meant
    (422, "prefix_host_bits", prefix("10.30.0.1/24"), "/subnets/0/prefix", "did you mean 10.30.0.0/24?"),
    (422, "prefix_host_bits", prefix("fd00:30::1/64"), "/subnets/0/prefix", "did you mean fd00:30::/64?"),
    (422, "prefix_host_bits", {"name": "new", "subnets": [{"prefix": "10.30.0.0/24"}, {"prefix": "10.31.255.0/16"}]},
     "/subnets/1/prefix", "did you mean 10.31.0.0/16?"),
    # not a prefix
    *[(422, "member_invalid", prefix(p), "/subnets/0/prefix", "must be a prefix")
      for p in ("", "hello", "10.30.0.0/33", "10.30.0/24", "10.30.0.0/", "10.30.0.0/-1", "10.30.0.0/24/24", "::/129", " 10.30.0.0/24")],
    *[(422, "subnet_invalid", prefix(p), "/subnets/0/prefix", "") for p in ("224.0.0.0/4", "127.0.0.0/8", "ff00::/8")],
    # in somebody's way
    (409, "subnet_overlap", prefix("10.20.5.0/24"), "/subnets/0/prefix", "overlaps 10.20.0.0/16 of node oslo"),
    (409, "subnet_overlap", prefix("10.0.0.0/8"), "/subnets/0/prefix", "of node linodeHQ"),
    (409, "subnet_overlap", prefix("10.20.0.0/16"), "/subnets/0/prefix", "10.20.0.0/16 is behind node oslo already"),
    (409, "subnet_overlap", prefix("fd00:20:0:7::/64"), "/subnets/0/prefix", "overlaps fd00:20::/48 of node oslo"),
    (409, "subnet_in_pool", prefix("192.168.100.0/25"), "/subnets/0/prefix", "192.168.100.0/24"),
    # twice
    (409, "node_exists", {"name": "oslo"}, "/name", "node oslo already"),
    (409, "node_exists", {"name": "linodeHQ"}, "/name", "node linodeHQ already"),
    (409, "subnet_duplicate", {"name": "new", "subnets": [{"prefix": "10.30.0.0/24"}, {"prefix": "10.30.0.0/24"}]},
     "/subnets/1/prefix", "named twice"),
    (409, "address_taken", {"name": "new", "addresses": ["192.168.100.20"]}, "/addresses/0", "node oslo"),
    # members
    (422, "member_missing", {}, "/name", ""),
    (422, "member_unknown", {"name": "new", "colour": "red"}, "/colour", '"colour"'),
    (422, "member_unknown", {"name": "new", "a/b~c": 1}, "/a~1b~0c", ""),
    (422, "member_unknown", {"Name": "new"}, "/Name", ""),
    (422, "member_unknown", prefix("10.30.0.0/24", wait=1), "/subnets/0/wait", ""),
    (422, "member_missing", {"name": "new", "subnets": [{}]}, "/subnets/0/prefix", ""),
    # types
    *[(422, "member_type", {"name": v}, "/name", "a string") for v in (5, None, True, [], {}, 1.5)],
    *[(422, "member_type", {"name": "new", "subnets": v}, "/subnets", "an array") for v in ("10.30.0.0/24", {}, None)],
    (422, "member_type", {"name": "new", "subnets": ["10.30.0.0/24"]}, "/subnets/0", "an object"),
    (422, "member_type", {"name": "new", "subnets": [{"prefix": 5}]}, "/subnets/0/prefix", "a string"),
    *[(422, "member_type", prefix("10.30.0.0/24", weight=v), "/subnets/0/weight", "") for v in ("1", 1.5, None, True)],
    # ranges
    *[(422, "member_range", prefix("10.30.0.0/24", weight=v), "/subnets/0/weight", "0 to 65535") for v in (-1, 65536, 1 << 62)],
    (422, "member_range", {"name": "new", "subnets": [{"prefix": f"10.30.{i}.0/24"} for i in range(257)]}, "/subnets", "256"),
    (422, "member_range", {"name": "new", "keepalive_s": 65536}, "/keepalive_s", ""),
    (422, "member_range", {"name": "new", "compression": 12}, "/compression", ""),
    (422, "member_range", {"name": "new", "comment": "x" * 256}, "/comment", ""),
    (422, "member_invalid", {"name": "new", "comment": "a\u001b[2Jb"}, "/comment", "control"),
    (422, "member_range", {"name": "new", "endpoints": ["host 1"] * 9}, "/endpoints", "8"),
    *[(422, "member_invalid", {"name": "new", "endpoints": [v]}, "/endpoints/0", "HOST PORT")
      for v in ("host", "host 0", "host 65536", " 6655", "ho st 1", "host:6655", "h\u00f8st 1", "x" * 256 + " 1")],
    # addresses
    (422, "address_invalid", {"name": "new", "addresses": ["192.168.100"]}, "/addresses/0", "numeric"),
    *[(422, "address_invalid", {"name": "new", "addresses": [a]}, "/addresses/0", "")
      for a in ("10.1.2.3", "192.168.100.0", "192.168.100.255", "192.168.100.30/24")],
    (422, "address_invalid", {"name": "new", "addresses": ["192.168.100.30", "192.168.100.31"]}, "/addresses/1", "one address"),
    # kinds and keys
    (422, "member_invalid", {"name": "new", "kind": "hub"}, "/kind", ""),
    (422, "key_missing", {"name": "new", "kind": "wireguard"}, "/tunnel_key", ""),
    (422, "member_invalid", {"name": "new", "tunnel_key": KEY}, "/tunnel_key", ""),
    *[(422, "key_invalid", {"name": "new", "kind": "wireguard", "tunnel_key": k}, "/tunnel_key", "")
      for k in ("", "abc", KEY[:-1], KEY + "A", KEY.replace("=", "!"), "A" * 43 + "=")],
]


def test_bad_nodes(api, unchanged):
    for status, code, body, pointer, says in BAD_NODES:
        api.refused(status, code, "POST", "/api/v1/nodes", body, pointer, says)


def test_bad_subnets_tokens_and_reasons(api, unchanged):
    for status, code, path, body, pointer in (
        (422, "prefix_host_bits", "/subnets", {"node": "oslo", "prefix": "10.30.0.1/24"}, "/prefix"),
        (409, "subnet_duplicate", "/subnets", {"node": "oslo", "prefix": "10.20.0.0/16"}, "/prefix"),
        (409, "subnet_overlap", "/subnets", {"node": "oslo", "prefix": "10.0.0.128/25"}, "/prefix"),
        (422, "member_type", "/subnets", {"node": ["oslo"], "prefix": "10.30.0.0/24"}, "/node"),
        (422, "member_type", "/subnets", {"node": "oslo", "prefix": "10.30.0.0/24", "failover": 1}, "/failover"),
        (422, "member_missing", "/subnets", {"node": "oslo"}, "/prefix"),
        (422, "member_range", "/tokens", {"node": "oslo", "expires_s": 0}, "/expires_s"),
        (422, "member_range", "/tokens", {"node": "oslo", "expires_s": 10 ** 9}, "/expires_s"),
        (422, "member_range", "/tokens", {"node": "oslo", "uses": 1001}, "/uses"),
        (422, "member_unknown", "/tokens", {"node": "oslo", "use": 1}, "/use"),
        (422, "member_range", "/nodes/oslo/revoke", {"reason": "x" * 256}, "/reason"),
        (422, "member_type", "/nodes/oslo/revoke", {"reason": 1}, "/reason"),
    ):
        api.refused(status, code, "POST", "/api/v1" + path, body, pointer)
    for path, body in (("/subnets", {"node": "nobody", "prefix": "10.30.0.0/24"}), ("/tokens", {"node": "nobody"})):
        api.refused(404, "not_found", "POST", "/api/v1" + path, body, "/node", "nobody")
    api.refused(409, "node_is_hub", "POST", "/api/v1/tokens", {"node": "linodeHQ"}, "/node")


def test_bodies_that_are_not_what_is_wanted(api, unchanged):
    nodes = "/api/v1/nodes"
    for status, code, raw in (
        (400, "body_missing", b""),
        (400, "json_invalid", b"hello"),
        (400, "json_invalid", b'{"name": "new"'),
        (400, "json_invalid", b'{"name": "new"} x'),
        (400, "json_invalid", b'{"name": "\xff\xfe"}'),
        (400, "json_invalid", b'{"name": "a\\u0000b"}'),
        (400, "json_invalid", b"\x00"),
        (400, "member_duplicate", b'{"name": "new", "name": "newer"}'),
        (400, "json_too_deep", b"[" * 30000),
        (422, "member_type", b"[]"),
        (422, "member_type", b"5"),
        (422, "member_type", b"null"),
        (413, "body_too_big", b'{"name": "' + b"x" * (65 << 10) + b'"}'),
        (413, "body_too_big", b" " * (10 << 20)),
    ):
        api.refused(status, code, "POST", nodes, raw=raw)
    api.refused(400, "body_missing", "POST", nodes)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        api.refused(415, "not_json", "POST", nodes, {"name": "new"}, kind=kind)
    api.refused(400, "body_unexpected", "DELETE", nodes + "/oslo", {"name": "new"})


def test_a_body_without_end(api, hq, unchanged):
    """10 MiB that nobody announced: the hub stops reading, and serves the next one."""
    pid = hq.worker_pid("api")
    got = api.namespace.run(["sh", "-c", f"head -c 10485760 /dev/zero | curl -sS --max-time 20 -X POST -T - -H 'Expect:' "
                             f"-H 'Content-Type: application/json' -H 'Authorization: Bearer {api.token}' -w '%{{http_code}}' "
                             f"-o /dev/null --cacert {hq.etc}/https.crt {hq.init_output['admin_url']}api/v1/nodes"], check=False)
    assert got.stdout in ("413", "000"), got
    assert api.call("GET", "/api/v1/revision")[0] == 200 and hq.worker_pid("api") == pid


# --- who asks, and for what ------------------------------------------------------------------------


def test_without_a_right_token(api, unchanged):
    nodes = "/api/v1/nodes"
    assert api.refused(401, "unauthenticated", "GET", nodes, token="")["www-authenticate"] == 'Bearer realm="branchline"'
    api.refused(401, "unauthenticated", "POST", nodes, {"name": "new"}, token="")
    head = api.refused(401, "unauthenticated", "GET", nodes, token="blt_" + "A" * 43)
    assert 'error="invalid_token"' in head["www-authenticate"]
    api.refused(401, "unauthenticated", "GET", nodes, token=api.token[:-1])
    api.refused(401, "unauthenticated", "GET", nodes, token="", headers=[f"Authorization: Basic {api.token}"])
    # What is not there is not told to strangers, either.
    api.refused(401, "unauthenticated", "GET", "/api/v1/nothing", token="")
    assert api.call("GET", "/healthz", token="")[0] == 200


def test_guessing_is_slowed_down(place, hq, unchanged):
    """From an address of its own, so that nobody else has to wait."""
    stranger = Api(hq, place.site("stranger", 7, lan_host=False).server, "blt_" + "B" * 43)
    seen = [stranger.call("GET", "/api/v1/nodes")[0] for _ in range(12)]
    assert seen[:10] == [401] * 10 and seen[-1] == 429
    head = stranger.refused(429, "too_many_failures", "GET", "/api/v1/nodes")
    assert 1 <= int(head["retry-after"]) <= 60
    # Then not even the right one is looked at; elsewhere it works.
    stranger.refused(429, "too_many_failures", "GET", "/api/v1/nodes", token=hq.init_output["api_token"])
    assert hq.hub("node", "list").returncode == 0


def test_api_token_that_has_expired(api, hq):
    token = hq.json("hub", "api-token", "create", "short", "--expires", "1")["token"]
    assert api.call("GET", "/api/v1/revision", token=token)[0] == 200
    w.wait_until("it has expired", lambda: api.call("GET", "/api/v1/revision", token=token)[0] == 401, 5)
    api.refused(401, "token_expired", "GET", "/api/v1/revision", token=token)


def test_routes_methods_and_queries(api, unchanged):
    for path in ("/api/v1/nothing", "/api/v1/nodes/oslo/nothing", "/api/v1/nodes/nobody", "/api/v1/nodes/99999",
                 "/api/v1/nodes/id:oslo", "/api/v1/keys/0", "/api/v1/keys/abc", "/api/v1/keys/4294967296", "/api/v1/keys/-1",
                 "/api/v1/subnets/99999", "/api/v1/tokens/99999", "/api/v1/revisions/99999", "/api/v2/nodes", "/nothing",
                 "/api/v1/nodes/%2e%2e", "/api/v1/nodes/a%00b"):
        api.refused(404, "not_found", "GET", path)
    api.refused(404, "not_found", "DELETE", "/api/v1/nodes/nobody")
    for method, path, allow in (
        ("DELETE", "/api/v1/nodes", "GET, POST"), ("PUT", "/api/v1/nodes/oslo", "GET, PATCH, DELETE"),
        ("POST", "/api/v1/revision", "GET"), ("GET", "/api/v1/nodes/oslo/revoke", "POST"), ("FROB", "/api/v1/nodes", "GET, POST"),
    ):
        head = api.refused(405, "method_not_allowed", method, path)
        assert set(head["allow"].split(", ")) - {"HEAD", "OPTIONS"} == set(allow.split(", "))
    for query in ("colour=red", "dry_run=1"):
        api.refused(400, "query_unknown", "GET", f"/api/v1/nodes?{query}")
    for query in ("limit=0", "limit=1001", "limit=abc", "limit=", "after=-1", "limit=1&limit=2"):
        api.refused(400, "query_invalid", "GET", f"/api/v1/nodes?{query}")
    api.refused(400, "query_invalid", "POST", "/api/v1/nodes?dry_run=perhaps", {"name": "new"})


# --- conditions ------------------------------------------------------------------------------------


def test_etag_and_if_match(api, hq):
    status, head, made = api.call("POST", "/api/v1/nodes", {"name": "etag"})
    assert status == 201 and head["location"] == f"/api/v1/nodes/{made['node']['id']}"
    old = head["etag"]
    path = "/api/v1/nodes/etag"
    _, head, node = api.call("GET", path)
    assert head["etag"] == old and node == made["node"] and not old.startswith("W/")
    assert api.call("GET", path, headers=[f"If-None-Match: {old}"])[0] == 304

    status, head, changed = api.call("PATCH", path, {"keepalive_s": 25}, headers=[f"If-Match: {old}"])
    assert status == 200 and changed["node"]["keepalive_s"] == 25
    new = head["etag"]
    assert new != old and api.call("GET", path, headers=[f"If-None-Match: {old}"])[1]["etag"] == new

    before = dump(hq)
    for method, at, body in (("PATCH", path, {"keepalive_s": 30}), ("DELETE", path, None), ("POST", path + "/revoke", {})):
        for stale in (old, '"nonsense"', "W/" + new):
            api.refused(412, "precondition_failed", method, at, body, headers=[f"If-Match: {stale}"])
    assert dump(hq) == before
    assert api.call("PATCH", path, {"keepalive_s": 30}, headers=["If-Match: *"])[0] == 200
    assert api.call("DELETE", path, headers=[f"If-Match: {api.call('GET', path)[1]['etag']}"])[0] == 200


def test_idempotency_key(api, hq):
    again = ["Idempotency-Key: one"]
    first = api.call("POST", "/api/v1/nodes", {"name": "once"}, headers=again)
    before = dump(hq)
    second = api.call("POST", "/api/v1/nodes", {"name": "once"}, headers=again)
    assert first[0] == second[0] == 201 and first[2] == second[2] and first[1]["etag"] == second[1]["etag"]
    api.refused(422, "idempotency_key_reused", "POST", "/api/v1/nodes", {"name": "other"}, headers=again)
    api.refused(422, "idempotency_key_reused", "POST", "/api/v1/tokens", {"node": "once"}, headers=again)
    api.refused(409, "node_exists", "POST", "/api/v1/nodes", {"name": "once"}, "/name")
    api.refused(400, "idempotency_key_invalid", "POST", "/api/v1/nodes", {"name": "new"}, headers=["Idempotency-Key: " + "x" * 256])
    assert dump(hq) == before
    tokens = [api.call("POST", "/api/v1/tokens", {"node": "once"}, headers=["Idempotency-Key: two"])[2] for _ in range(2)]
    assert tokens[0]["token"] == tokens[1]["token"]
    # A refusal is an answer, too; a dry run is not kept.
    assert api.call("POST", "/api/v1/nodes?dry_run=1", {"name": "dry"}, headers=["Idempotency-Key: three"])[0] == 200
    assert api.call("POST", "/api/v1/nodes", {"name": "dry"}, headers=["Idempotency-Key: three"])[0] == 201


def test_dry_run(api, hq, unchanged):
    revision = api.call("GET", "/api/v1/revision")[2]["revision"]
    for method, path, body in (
        ("POST", "/nodes", {"name": "new", "subnets": [{"prefix": "10.30.0.0/24"}]}),
        ("POST", "/tokens", {"node": "oslo"}),
        ("POST", "/subnets", {"node": "oslo", "prefix": "10.30.0.0/24"}),
        ("POST", "/nodes/oslo/revoke", {"reason": "dry"}),
        ("PATCH", "/nodes/oslo", {"comment": "dry"}),
        ("DELETE", "/nodes/oslo", None),
    ):
        status, _, got = api.call(method, f"/api/v1{path}?dry_run=1", body)
        assert status == 200 and got["dry_run"] is True and "token" not in got, (path, got)
    # It refuses what would be refused.
    api.refused(409, "node_exists", "POST", "/api/v1/nodes?dry_run=1", {"name": "oslo"}, "/name")
    assert api.call("GET", "/api/v1/revision")[2]["revision"] == revision
    for words in (["node", "add", "new", "--subnet", "10.30.0.0/24"], ["node", "delete", "oslo"], ["node", "revoke", "oslo"],
                  ["subnet", "add", "oslo", "10.30.0.0/24"], ["subnet", "remove", "oslo", "10.20.0.0/16"], ["token", "create", "oslo"]):
        got = hq.hub(*words, "--dry-run")
        assert "bl1_" not in got.stdout, got


# --- the command line ------------------------------------------------------------------------------


def test_command_line_refused_by_the_hub(hq, unchanged):
    for words, said in (
        (["node", "add", "oslo"], "node oslo already (invited). [node_exists at /name]"),
        (["node", "add", "new", "--subnet", "10.30.0.1/24"], "did you mean 10.30.0.0/24? [prefix_host_bits at /subnets/0/prefix]"),
        (["node", "add", "new", "--subnet", "10.20.7.0/24#5"], "10.20.7.0/24 overlaps 10.20.0.0/16 of node oslo. [subnet_overlap at"),
        (["node", "add", "new", "--address", "10.9.9.9"], "[address_invalid at /addresses/0]"),
        (["node", "show", "nobody"], "[not_found"),
        (["node", "delete", "nobody", "--yes"], "[not_found"),
        (["node", "delete", "linodeHQ", "--yes"], "[node_is_hub"),
        (["subnet", "add", "oslo", "10.30.0.1/24"], "did you mean 10.30.0.0/24? [prefix_host_bits at /prefix]"),
        (["subnet", "remove", "oslo", "10.30.0.0/24"], "oslo has no subnet 10.30.0.0/24"),
        (["token", "create", "nobody"], "nobody"),
        (["token", "revoke", "99999"], "[not_found"),
        (["key", "revoke", "abc"], "[not_found"),
    ):
        got = hq.hub(*words, check=False)
        assert got.returncode == 4 and said in got.stderr and got.stdout == "", (words, got)
    got = hq.hub("node", "add", "oslo", "--json", check=False)
    assert got.returncode == 4 and json.loads(got.stdout)["code"] == "node_exists"


def test_command_line_usage(hq, unchanged):
    for words in (["nonsense"], ["node"], ["node", "frobnicate"], ["node", "add"], ["node", "add", "a", "b"],
                  ["node", "add", "a", "--nonsense"], ["node", "add", "a", "--subnet"], ["node", "add", "a", "--subnet", "10.30.0.0/24#x"],
                  ["node", "add", "a", "--subnet", "10.30.0.0/24#65536"], ["node", "add", "a", "--expires", "0"],
                  ["node", "add", "a", "--keepalive", "1.5"], ["node", "add", "a", "--comment", "x", "--comment", "y"],
                  ["node", "list", "--json=1"], ["token", "create", "oslo", "--uses", "0"], ["status", "--url", "http://x"],
                  ["status", "--pin", "x"]):
        got = hq.hub(*words, check=False)
        assert got.returncode == 2 and got.stdout == "" and got.stderr, (words, got)


def test_command_line_without_a_hub(hq):
    got = hq.server.run([hq.program("hub"), "-n", "otherVPN", "node", "list"], env=hq.env(), check=False)
    assert got.returncode == 3 and "not running" in got.stderr and "otherVPN" in got.stderr
    got = hq.hub("node", "list", "--url", f"https://{hq.public4}:1", "--token-file", token_file(hq), check=False)
    assert got.returncode == 3 and "no answer" in got.stderr


def token_file(hq):
    path = os.path.join(hq.dir, "token")
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(hq.init_output["api_token"] + "\n")
    return path


def test_command_line_from_afar(hq):
    """--url: the certificate is checked, the token file must be secret, and then it works."""
    path, url, ca = token_file(hq), hq.init_output["admin_url"], os.path.join(hq.etc, "https.crt")
    assert "oslo" in hq.hub("node", "list", "--url", url, "--token-file", path, "--cacert", ca).stdout
    got = hq.hub("node", "list", "--url", url, "--token-file", path, check=False)
    assert got.returncode == 1 and "certificate" in got.stderr.lower()
    got = hq.hub("node", "list", "--url", url, "--token-file", path, "--pin", "sha256//" + KEY, check=False)
    assert got.returncode == 1
    os.chmod(path, 0o644)
    got = hq.hub("node", "list", "--url", url, "--token-file", path, "--cacert", ca, check=False)
    assert got.returncode == 1 and "0600" in got.stderr


# --- configuration files ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conf_hq(place):
    site = place.site("confHQ", 9, lan_host=False)
    site.hub("init", "--name", "confHQ", "--address", site.public4, "--pool", "192.168.101.0/24")
    return site


@pytest.fixture(scope="module")
def spoke(place, hq):
    site = place.site("linode1", 1, lan_host=False)
    site.join(hq.hub("node", "add", "linode1").stdout)
    return site


def does_not_start(site, kind, file, text):
    """With these lines behind those that are there the daemon ends at once. What it printed, and the first new line's number."""
    path = os.path.join(site.etc, file)
    kept = path + ".kept"
    shutil.copy2(path, kept) if os.path.exists(path) else None
    with open(path, "a+", encoding="utf-8") as f:
        f.seek(0)
        number = f.read().count("\n") + 1
        f.write(text)
    try:
        began = time.monotonic()
        got = site.server.run([site.program(kind), "-n", w.NET, "-D", "run"], env=site.env(), check=False, timeout=10)
        assert time.monotonic() - began < 5
    finally:
        os.replace(kept, path) if os.path.exists(kept) else os.unlink(path)
    assert got.returncode in (1, 2), got
    assert w.NET not in site.server.run("ip -o link").stdout
    printed = got.stdout + got.stderr
    assert printed.count("\n") == 1, printed
    return printed, f"{path}:{number}: "


BAD_LINES = [
    ("Prot = 6655\n", "unknown key 'Prot': did you mean 'Port'?"),
    ("addressfamilly = ipv4\n", "did you mean 'AddressFamily'?"),
    ("Zzzzzzzz = 1\n", "unknown key 'Zzzzzzzz'"),
    ("Port = 65536\n", "Port"),
    ("Port = -1\n", "Port"),
    ("Port = many\n", "'many' is no value for 'Port'"),
    ("FWMark = 1\nFWMark = 2\n", "'FWMark' was set before"),
    ("Port\n", "'Port' has no value"),
    ("= 5\n", "no key before the '='"),
    ("AddressFamily = ipv5\n", "ipv5"),
    ("BindToAddress = somewhere\n", "somewhere"),
    ("Interface = a/b\n", "a/b"),
    ("Interface = sixteen_letters_\n", "sixteen_letters_"),
    ("User = a\x01b\n", "control character"),
    ("Name = " + "x" * 5000 + "\n", "longer than"),
    ("-----BEGIN RSA PRIVATE KEY-----\nabc\n", "no '-----END' line"),
]

# Everybody has to know the hub's port; a spoke may leave the choice to its kernel.
HUB_LINES = [("Port = 0\n", "Port")]
SPOKE_LINES = [("Port = 0\nPort = 1\n", "'Port' was set before")]


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_bad_lines_in_the_main_file(conf_hq, spoke, kind):
    site = conf_hq if kind == "hub" else spoke
    for text, says in BAD_LINES + (HUB_LINES if kind == "hub" else SPOKE_LINES):
        printed, where = does_not_start(site, kind, f"{kind}.conf", text)
        # A key that may stand only once is found at its second line.
        if "was set before" in says:
            where = where.rsplit(":", 2)[0] + f":{int(where.rsplit(':', 2)[1]) + 1}: "
        assert where in printed and says in printed, (text, printed)


def test_bad_lines_in_a_hosts_file(spoke):
    for text, says in (
        ("Address = \n", "'Address' has no value"),
        ("Address = host 0\n", "host 0"),
        ("Address = host 65536\n", "65536"),
        ("Address = ho/st\n", "ho/st"),
        ("Address = a b c\n", "a b c"),
        ("Adress = 192.0.2.1\n", "did you mean 'Address'?"),
        ("ConnectTo = linodeHQ\n", "belong"),
    ):
        printed, where = does_not_start(spoke, "spoke", "hosts/linodeHQ", text)
        assert where in printed and says in printed, (text, printed)
    for text, says in (("Subnet = 10.1.0.1/24\n", "10.1.0.0/24 may be meant"), ("Subnet = 10.1.0.0/24#x\n", "weight"),
                       ("Subnet = here\n", "here")):
        printed, where = does_not_start(spoke, "spoke", "hosts/linode1", text)
        assert where in printed and says in printed, (text, printed)


def test_both_start_once_the_lines_are_right(conf_hq, spoke):
    """The refusals above were for their lines: without them, and with tinc's own spelling, both start."""
    with open(os.path.join(spoke.etc, "spoke.conf"), "a", encoding="utf-8") as f:
        f.write("# a comment\naddressfamily ipv4\nDEVICE=/dev/net/tun\n\nport 0\n")
    for site, kind in ((conf_hq, "hub"), (spoke, "spoke")):
        site.start_daemon(kind)
        assert site.daemon.stop() == 0


def test_option_on_the_command_line(spoke):
    for words, says in ((["-o", "Prot=1"], "did you mean 'Port'?"), (["-o", "Port"], "KEY=VALUE is wanted"), (["-o", "Port=x"], "'x' is no value"), (["-o"], ""), (["-Z"], "")):
        got = spoke.server.run([spoke.program("spoke"), "-n", w.NET, "-D", *words], env=spoke.env(), check=False, timeout=10)
        assert got.returncode in (1, 2) and says in got.stderr, got


def test_init_refuses(place):
    box = place.site("inits", 6, lan_host=False)
    good = ["--name", "hq", "--address", "192.0.2.1"]
    os.mkdir(box.dir)
    empty = evidence.tree(box.dir)
    for words, code, says in (
        ([], 2, ""), (["--name", "hq"], 2, "address"), (["--name", "a b", "--address", "192.0.2.1"], 2, "name"),
        ([*good, "--pool", "10.91.0.1/16"], 2, "10.91.0.0/16 may be meant"), ([*good, "--pool", "x"], 2, "not a prefix"),
        ([*good, "--subnet", "10.1.0.1/24"], 2, "10.1.0.0/24 may be meant"), ([*good, "--port", "0"], 2, "port"),
        ([*good, "--subnet", "10.91.0.0/24"], None, "10.91.0.0/16"), ([*good, "--user", "no_such_user"], None, "no_such_user"),
        ([*good, "--nonsense"], 2, ""), ([*good, "extra"], 2, ""),
    ):
        got = box.hub("init", *words, check=False)
        assert got.returncode == code if code else got.returncode in (1, 2, 4), (words, got)
        assert says in got.stderr and got.stdout == "", (words, got)
        assert evidence.tree(box.dir) == empty, words
    box.hub("init", *good)
    before = evidence.tree(box.dir)
    got = box.hub("init", *good, check=False)
    assert got.returncode in (1, 4) and "already" in got.stderr.lower() or "exists" in got.stderr, got
    assert evidence.tree(box.dir) == before
