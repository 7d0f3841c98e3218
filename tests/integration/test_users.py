# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what at the hub: users who sign in, their second factor, roles, and API tokens.

    linodeHQ (hub) --- internet --- deskN   somebody with a browser; only HTTPS
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import stat
import struct
import threading
import time

import pytest

import evidence
import rest
import world as w
from test_bad_input import Api

PASSWORD = "correct horse battery"
COOKIE = re.compile(r"^__Host-branchline=(bls_[A-Za-z0-9_-]{43}); Max-Age=43200; Path=/; Secure; HttpOnly; SameSite=Strict$")


@pytest.fixture(scope="module")
def place():
    with w.World() as world:
        yield world


@pytest.fixture(scope="module")
def hq(place):
    return place.headquarters(lan_host=False)


@pytest.fixture
def api(place, hq, numbers=itertools.count(20)):
    """Nobody; each test comes from an address of its own, so that failures of one do not count for the next."""
    number = next(numbers)
    return Api(hq, place.site(f"desk{number}", number, lan_host=False).server, "")


def secret_file(hq, name, text):
    path = os.path.join(hq.dir, name)
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text + "\n")
    return path


def add_user(hq, name, role):
    hq.hub("user", "add", name, "--role", role, "--password-file", secret_file(hq, "pw", PASSWORD))


class Browser:
    """Somebody who is signed in: sends the cookie, and what our own page sends."""

    def __init__(self, api, user, password=PASSWORD, **more):
        self.api = api
        for _ in range(3):
            status, head, self.who = api.call("POST", "/api/v1/session", {"user": user, "password": password, **more})
            if status != 429:
                break
            # Somebody has tried too often before: as long as the hub says.
            w.pause(int(head["retry-after"]))
        assert status == 200, self.who
        self.cookie = COOKIE.match(head["set-cookie"]).group(1)

    def headers(self, own=True, **more):
        return [f"Cookie: theme=dark; __Host-branchline={self.cookie}", *(["X-Branchline: 1"] if own else []),
                *(f"{k}: {v}" for k, v in more.items())]

    def call(self, method, path, body=None, **kw):
        return self.api.call(method, path, body, headers=self.headers(**kw))

    def refused(self, status, code, method, path, body=None, **kw):
        return self.api.refused(status, code, method, path, body, headers=self.headers(**kw))


def code_of(secret, step=0):
    """The code of an authenticator (RFC 6238), `step` steps from now."""
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06d}"


def test_first_user(hq, api):
    """init has made one, whose password stands nowhere."""
    user, password = hq.init_output["admin_user"], hq.init_output["admin_password"]
    browser = Browser(api, user, password)
    assert browser.who["role"] == "admin" and browser.who["actor"] == "user:admin"
    for top in (hq.etc, hq.state):
        assert password.encode() not in evidence.bytes_below(top)
        assert browser.cookie.encode() not in evidence.bytes_below(top)
    status, _, who = browser.call("GET", "/api/v1/session")
    assert status == 200 and who["user"]["name"] == "admin" and who["expires_at"]
    assert not any(password in line or browser.cookie in line for line in hq.daemon.lines)


def test_roles(hq, api):
    for role in ("auditor", "operator", "admin"):
        add_user(hq, f"a-{role}", role)
        browser = Browser(api, f"a-{role}")
        assert browser.call("GET", "/api/v1/nodes")[0] == 200
        assert browser.call("POST", "/api/v1/nodes?dry_run=1", {"name": "x"})[0] == (403 if role == "auditor" else 200)
        assert browser.call("POST", "/api/v1/api-tokens?dry_run=1", {"name": "x"})[0] == (200 if role == "admin" else 403)
    browser = Browser(api, "a-operator")
    hq.hub("user", "edit", "a-operator", "--role", "auditor")
    browser.refused(401, "session_over", "GET", "/api/v1/nodes")
    assert {u["name"]: u["role"] for u in hq.json("hub", "user", "list")["items"]}["a-operator"] == "auditor"


def test_other_sites_cannot_use_the_cookie(hq, api):
    add_user(hq, "csrf", "admin")
    browser = Browser(api, "csrf")
    own = hq.init_output["admin_url"].rstrip("/")
    body = {"name": "x"}
    browser.refused(403, "not_own_page", "POST", "/api/v1/nodes?dry_run=1", body, own=False)
    browser.refused(403, "not_own_page", "POST", "/api/v1/nodes?dry_run=1", body, Origin="https://evil.example")
    browser.refused(403, "not_own_page", "POST", "/api/v1/nodes?dry_run=1", body, Origin="null")
    browser.refused(403, "not_own_page", "POST", "/api/v1/nodes?dry_run=1", body, Origin=own.replace("https", "http"))
    assert browser.call("POST", "/api/v1/nodes?dry_run=1", body, Origin=own)[0] == 200
    status, head, _ = browser.call("GET", "/api/v1/nodes", Origin="https://evil.example")
    assert status == 200 and "access-control-allow-origin" not in head


def test_others_are_answered_while_passwords_are_looked_at(hq):
    """A password costs a tenth of a second of work: somebody else gets far more answers in that time than there are passwords."""
    add_user(hq, "crowd", "auditor")
    done, sign_ins = [], 6

    def sign_in():
        mine = rest.Rest(hq)
        answer = mine.call("POST", "/api/v1/session", {"user": "crowd", "password": PASSWORD})
        while answer.status == 429:
            w.pause(int(answer.head["retry-after"]))
            answer = mine.call("POST", "/api/v1/session", {"user": "crowd", "password": PASSWORD})
        mine.close()
        done.append(answer.status)

    crowd = [threading.Thread(target=sign_in) for _ in range(sign_ins)]
    other, answers = rest.Rest(hq), 0
    other.get("/api/v1/revision")
    for one in crowd:
        one.start()
    while any(one.is_alive() for one in crowd):
        other.get("/api/v1/revision")
        answers += 1
    other.close()
    assert done == [200] * sign_ins
    assert answers >= 5 * sign_ins, answers


def test_signing_out(hq, api):
    add_user(hq, "leaver", "auditor")
    one, other = Browser(api, "leaver"), Browser(api, "leaver")
    status, head, _ = one.call("DELETE", "/api/v1/session")
    assert status == 200 and "Max-Age=0" in head["set-cookie"]
    one.refused(401, "session_over", "GET", "/api/v1/session")
    assert other.call("GET", "/api/v1/session")[0] == 200
    api.refused(401, "session_over", "GET", "/api/v1/nodes", headers=["Cookie: __Host-branchline=bls_wrong"])
    for how in (("--disable",), ("--enable",)):
        hq.hub("user", "edit", "leaver", *how)
        other.refused(401, "session_over", "GET", "/api/v1/session")
    again = Browser(api, "leaver")
    hq.hub("user", "delete", "leaver", "--yes")
    again.refused(401, "session_over", "GET", "/api/v1/session")


def test_own_password(hq, api):
    add_user(hq, "changer", "auditor")
    browser = Browser(api, "changer")
    new = "battery staple horse"
    browser.refused(401, "sign_in_failed", "PATCH", "/api/v1/session", {"old_password": "wrong", "password": new})
    assert browser.call("PATCH", "/api/v1/session", {"old_password": PASSWORD, "password": "short"})[0] == 422
    assert browser.call("PATCH", "/api/v1/session", {"old_password": PASSWORD, "password": new})[0] == 200
    browser.refused(401, "session_over", "GET", "/api/v1/session")
    api.refused(401, "sign_in_failed", "POST", "/api/v1/session", {"user": "changer", "password": PASSWORD})
    Browser(api, "changer", new)
    made = hq.hub("user", "passwd", "changer").stdout.strip()
    Browser(api, "changer", made)
    api.refused(401, "sign_in_failed", "POST", "/api/v1/session", {"user": "changer", "password": new})


def test_attempts_are_limited(hq, api, place):
    add_user(hq, "target", "admin")
    for _ in range(5):
        api.refused(401, "sign_in_failed", "POST", "/api/v1/session", {"user": "target", "password": "guess"})
    # Ten at once, and one more every 6 s: on a slow machine it takes some more.
    guess = {"user": "nobody", "password": "guess"}
    assert 429 in (api.call("POST", "/api/v1/session", guess)[0] for _ in range(40))
    head = api.refused(429, "too_many_failures", "POST", "/api/v1/session", {"user": "target", "password": PASSWORD})
    assert 1 <= int(head["retry-after"]) <= 6
    # From elsewhere the user still gets in: five failures are not too many for one name.
    Browser(Api(hq, place.site("elsewhere", 90, lan_host=False).server, ""), "target")
    refused = evidence.ask(hq, "SELECT object FROM audit WHERE action = 'user.sign-in-refused'")
    assert refused.count(("user:target",)) == 5


def test_second_factor(hq, api):
    add_user(hq, "careful", "operator")
    browser = Browser(api, "careful")
    browser.refused(401, "sign_in_failed", "POST", "/api/v1/session/totp", {"password": "wrong"})
    # All codes of this test are of the same moment: not at the end of a step.
    w.wait_until("a step of 30 s is not nearly over", lambda: time.time() % 30 < 15, 40)
    status, _, made = browser.call("POST", "/api/v1/session/totp", {"password": PASSWORD})
    assert status == 200 and made["uri"].startswith("otpauth://totp/Branchline:careful?secret=" + made["secret"])
    # It counts only once a code of it was given.
    Browser(api, "careful")
    browser.refused(401, "code_wrong", "PATCH", "/api/v1/session/totp", {"code": "000000"})
    first = code_of(made["secret"], -1)
    assert browser.call("PATCH", "/api/v1/session/totp", {"code": first})[2] == {"enabled": True}
    api.refused(401, "code_required", "POST", "/api/v1/session", {"user": "careful", "password": PASSWORD})
    # No code opens twice, whatever it opened first.
    body = {"user": "careful", "password": PASSWORD}
    api.refused(401, "sign_in_failed", "POST", "/api/v1/session", {**body, "code": first})
    second = code_of(made["secret"])
    Browser(api, "careful", code=second)
    api.refused(401, "sign_in_failed", "POST", "/api/v1/session", {**body, "code": second})
    last = Browser(api, "careful", code=code_of(made["secret"], 1))
    last.refused(409, "totp_enabled", "POST", "/api/v1/session/totp", {"password": PASSWORD})
    hq.hub("user", "edit", "careful", "--forget-totp")
    Browser(api, "careful")
    secret = base64.b32decode(made["secret"])
    assert secret not in evidence.bytes_below(hq.etc) and not any(made["secret"] in x for x in hq.daemon.lines)


def test_api_tokens(hq, api):
    def make(name, *more):
        return hq.json("hub", "api-token", "create", name, *more)["token"]

    looker = make("looker", "--role", "auditor", "--scope", "nodes:read", "--scope", "revision")
    assert api.call("GET", "/api/v1/nodes", token=looker)[0] == 200
    api.refused(403, "scope_missing", "GET", "/api/v1/keys", token=looker)
    api.refused(403, "role_too_low", "POST", "/api/v1/nodes", {"name": "x"}, token=looker)
    runner = make("runner", "--role", "operator")
    assert api.call("POST", "/api/v1/nodes", {"name": "oslo"}, token=runner)[0] == 201
    api.refused(403, "role_too_low", "POST", "/api/v1/users", {}, token=runner)
    api.refused(409, "no_user", "DELETE", "/api/v1/session", token=runner)
    listed = {t["name"]: t for t in hq.json("hub", "api-token", "list")["items"]}
    assert listed["looker"]["scopes"] == ["nodes:read", "revision"] and listed["looker"]["used_at"]
    assert not any(looker in json.dumps(t) for t in listed.values())
    hq.hub("api-token", "revoke", "runner")
    api.refused(401, "token_revoked", "GET", "/api/v1/nodes", token=runner)
    assert hq.hub("api-token", "revoke", "runner", check=False).returncode == 4
    make("runner")


def test_no_secret_is_readable(hq):
    assert stat.S_IMODE(os.stat(evidence.database(hq)).st_mode) == 0o600
    for _, text in evidence.ask(hq, "SELECT name, password_hash FROM users"):
        assert text.startswith("scrypt$15$8$1$")
    assert not any(PASSWORD in line for line in hq.daemon.lines)
    assert PASSWORD.encode() not in evidence.bytes_below(hq.state)
