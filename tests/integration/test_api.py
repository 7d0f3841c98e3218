# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API against its description: every route is called, every answer validated, every role tried.

    linodeHQ (hub) --- internet --- desk (HTTPS)          the calls that change something come over the UNIX socket, as root
"""

import pytest

import contract
import rest
import world as w

PASSWORD = "correct horse battery"
DEVICE = {"name": "device", "kind": "wireguard", "tunnel_key": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="}
# What an example cannot know, or what would leave nothing to look at.
BODIES = {
    ("PATCH", "/api/v1/key-settings"): {"overlap_s": 600},
    ("PATCH", "/api/v1/policies/default"): {"allow": True},
}
# Routes of somebody who signed in with a password; test_users.py calls them.
OF_A_SESSION = "/api/v1/session"
NOBODY = "999999"


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = world.headquarters(lan_host=False, pool="10.64.0.0/16")
        site.desk = world.site("desk", 7, lan_host=False).server
        site.branches = [world.branch(site, f"linode{i}", i, lan_host=False) for i in (1, 2)]
        yield site


@pytest.fixture(scope="module")
def root(hq):
    """An admin, by the kernel's word."""
    return rest.Rest(hq)


@pytest.fixture(scope="module")
def spec(root):
    return contract.Spec(root.get("/api/v1/openapi.json"))


def body_of(op):
    return BODIES.get((op.method, op.path), op.example)


@pytest.fixture(scope="module")
def filled(hq, root, spec):
    """Something of everything: what the examples of all collections make, and what only branches do."""
    hq.hub("key", "settings", "--approval", "admin")
    for branch in hq.branches:
        assert branch.json("spoke", "rotate-key")["waits"] is True
    for body in (DEVICE, {"name": "bench"}, {"name": "stolen"}):
        assert root.call("POST", "/api/v1/nodes", body).status == 201
    assert root.call("POST", "/api/v1/nodes/stolen/revoke", {}).status == 200
    for op in spec.operations:
        if op.method == "POST" and "201" in op.node["responses"] and "{" not in op.path:
            answer = root.call("POST", op.path, body_of(op))
            op.check(answer)
            assert answer.status == 201, (op, answer)
    return root


def item_of(root, path):
    """The path of a route with an item in its place: the newest of the collection."""
    if "{" not in path:
        return path
    collection = path.split("/{")[0]
    if collection == "/api/v1/revisions":
        newest = root.get("/api/v1/revision")["revision"]
    elif collection == "/ui":
        newest = next((line.split('"')[0].rsplit("/", 1)[1] for line in root.call("GET", "/").body.decode().split('src="/ui/')[1:]), "none")
    else:
        items = [i for i in root.all(collection) if i.get("kind", "spoke") == "spoke"] if collection == "/api/v1/nodes" else root.all(collection)
        last = ([i for i in items if i.get("status", "active") == "active"] or items or [{"id": NOBODY}])[-1]
        newest = last.get("id") or last["node_id"]
    return path.replace("{id}", str(newest))


def call(root, op, query="", headers=()):
    path = item_of(root, op.path)
    if op.path == "/api/v1/policies/check":
        query = "?from=device&to=bench"
    if op.path == "/api/v1/nodes/{id}/enable" and not query:
        root.call("POST", path.replace("/enable", "/disable"), {})
    answer = root.call(op.method, path + query, body_of(op), headers=headers)
    answer.asked = path + query
    return answer


def is_quick(op):
    """An endless answer has no end to be validated; test_events.py and test_configure.py listen."""
    content = op.node["responses"].get("200", {}).get("content", {})
    return "text/event-stream" not in content


def test_every_look(filled, spec):
    """Each GET answers 200 as described; by its ETag 304 and nothing else."""
    for op in spec.operations:
        if op.method != "GET" or not is_quick(op) or op.path in (OF_A_SESSION, "/ui/{id}"):
            continue
        answer = call(filled, op)
        op.check(answer)
        assert answer.status == 200, (op, answer)
        if op.takes("If-None-Match"):
            assert answer.head["etag"].startswith('"'), (op, answer)
            again = call(filled, op, headers={"If-None-Match": answer.head["etag"]})
            op.check(again)
            assert again.status == 304, (op, again)


def test_every_change_in_a_dry_run(filled, spec):
    """Each is described for what it would do, and does nothing."""
    def state():
        return filled.get("/api/v1/audit?order=desc&limit=1")["items"], filled.get("/api/v1/revision")

    before = state()
    tried = 0
    for op in spec.operations:
        if op.method == "GET" or not op.takes("dry_run"):
            continue
        op.check(call(filled, op, "?dry_run=1"))
        tried += 1
    assert tried >= 25 and state() == before


def test_every_change_minds_if_match(filled, spec):
    """With the tag of another state it is refused, whatever else would come of it."""
    tried = 0
    for op in spec.operations:
        if not op.takes("If-Match") or op.path.startswith(OF_A_SESSION):
            continue
        answer = filled.call(op.method, item_of(filled, op.path) + "?dry_run=1", body_of(op), headers={"If-Match": '"of another state"'})
        op.check(answer)
        assert answer.status == 412 and answer.json["code"] == "precondition_failed", (op, answer)
        tried += 1
    assert tried >= 25


def test_every_change(filled, spec):
    """Each is done for once: changes first, then actions, revocations, and the end of what they were done to."""
    order = {"PATCH": 0, "POST": 1, "PUT": 1, "DELETE": 3}
    changes = [op for op in spec.operations
               if op.method != "GET" and not op.path.startswith(OF_A_SESSION) and ("{" in op.path or op.method == "PATCH")]
    done, refused = [], []
    for op in sorted(changes, key=lambda c: 2 if c.path.endswith("/revoke") else order[c.method]):
        answer = call(filled, op, headers={"Idempotency-Key": str(op)} if op.takes("Idempotency-Key") else ())
        op.check(answer)
        if op.takes("Idempotency-Key") and answer.status < 500:
            path = answer.asked
            again = filled.call(op.method, path, body_of(op), headers={"Idempotency-Key": str(op)})
            assert (again.status, again.body) == (answer.status, answer.body), (op, answer, again)
            other = filled.call(op.method, path + "?dry_run=0", body_of(op), headers={"Idempotency-Key": str(op)})
            op.check(other)
            assert other.status == 422 and other.json["code"] == "idempotency_key_reused", (op, other)
        (done if answer.status < 300 else refused).append((str(op), answer.status, (answer.json or {}).get("code")))
    # What was revoked cannot be revoked again, what is in use not be deleted: answers, too, but most have to have been done.
    assert len(done) >= 2 * len(changes) // 3 and all(status in (404, 409) for _, status, _ in refused), refused


def test_problems_are_as_described(filled, spec):
    """What is not there, what is not JSON, what has a member too many."""
    for op in spec.operations:
        if op.open or op.path.startswith(OF_A_SESSION) or not is_quick(op):
            continue
        if op.example is not None:
            for raw in (b"{", b"[]", b"\xff\xfe", b'{"no such member": 1}'):
                answer = filled.call(op.method, op.path.replace("{id}", NOBODY), raw=raw)
                op.check(answer)
                assert 400 <= answer.status < 500, (op, raw, answer)
        answer = filled.call(op.method, op.path.replace("{id}", NOBODY) + "?no_such_parameter=1")
        op.check(answer)
        assert answer.status == 400, (op, answer)


# --- who may do what -----------------------------------------------------------------------------


def token(root, name, role, scopes=None):
    body = {"name": name, "role": role, **({"scopes": scopes} if scopes else {})}
    answer = root.call("POST", "/api/v1/api-tokens", body)
    assert answer.status == 201, answer
    return answer.json["token"]


CALLERS = {
    "auditor": ("auditor", None), "operator": ("operator", None), "admin": ("admin", None),
    "nodes": ("admin", ["nodes"]), "nodes-read": ("admin", ["nodes:read"]), "read-and-metrics": ("operator", ["subnets:read", "metrics"]),
    "revision": ("auditor", ["revision"]),
}


def verdict(answer):
    """Was it let in? Nobody who was is answered otherwise than for the unknown parameter, which comes right after."""
    if answer.status == 401:
        return "nobody"
    if answer.status == 403:
        assert answer.json["code"] in ("role_too_low", "scope_missing"), answer
        return "refused"
    assert answer.status == 400 and answer.json["code"] not in ("role_too_low", "scope_missing"), answer
    return "allowed"


def ask(caller, op):
    answer = caller.call(op.method, op.path.replace("{id}", "1") + "?matrix=1")
    op.check(answer)
    return verdict(answer)


@pytest.mark.parametrize("name", CALLERS)
def test_matrix(hq, root, spec, name):
    """Every route for a role or scope: expected from the description, against what the hub says."""
    role, scopes = CALLERS[name]
    caller = rest.Rest(hq, hq.desk, token(root, f"m-{name}", role, scopes))
    wrong = [(op, seen) for op in spec.operations
             if (seen := ask(caller, op)) != ("allowed" if op.allowed_to(role, scopes or ()) else "refused")]
    caller.close()
    assert not wrong


def test_matrix_of_nobody(hq, spec):
    """Without credentials only what is open to all."""
    caller = rest.Rest(hq, hq.desk)
    wrong = [(op, seen) for op in spec.operations if (seen := ask(caller, op)) != ("allowed" if op.open else "nobody")]
    caller.close()
    assert not wrong


def test_disabled_user_is_nobody(hq, root, spec):
    """The session of a user who was disabled meanwhile is worth nothing, nor can a new one be begun."""
    assert root.call("POST", "/api/v1/users", {"name": "former", "role": "admin", "password": PASSWORD}).status == 201
    caller = rest.Rest(hq, hq.desk)
    signed = caller.call("POST", "/api/v1/session", {"user": "former", "password": PASSWORD})
    assert signed.status == 200, signed
    own = {"Cookie": signed.head["set-cookie"].split(";")[0], "X-Branchline": "1"}
    assert caller.call("GET", "/api/v1/nodes", headers=own).status == 200
    assert root.call("PATCH", "/api/v1/users/former", {"disabled": True}).status == 200
    for op in [o for o in spec.operations if not o.open][:5]:
        answer = caller.call(op.method, op.path.replace("{id}", "1") + "?matrix=1", headers=own)
        op.check(answer)
        assert answer.status == 401, (op, answer)
    assert caller.call("POST", "/api/v1/session", {"user": "former", "password": PASSWORD}).status == 401
    caller.close()


# --- header fields -------------------------------------------------------------------------------


def test_header_fields(hq, root):
    """No answer is for other sites, none is kept, none is taken for something else than it is."""
    caller = rest.Rest(hq, hq.desk, token(root, "headers", "auditor"))
    for path in ("/api/v1/nodes", "/api/v1/nodes/999999", "/no/such/path", "/healthz"):
        answer = caller.call("GET", path, headers={"Origin": "https://evil.example"})
        assert not [k for k, _ in answer.fields if k.startswith("access-control-")], answer
        assert answer.head["x-content-type-options"] == "nosniff", answer
        assert "no-store" in answer.head.get("cache-control", "") or answer.head.get("etag"), answer
    preflight = caller.call("OPTIONS", "/api/v1/nodes", headers={"Origin": "https://evil.example",
                                                                 "Access-Control-Request-Method": "POST"})
    assert preflight.status in (403, 404, 405, 501) and "access-control-allow-origin" not in preflight.head, preflight
    caller.close()
