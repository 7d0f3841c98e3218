# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks: a receiver outside is told of what happens, also when it or the hub was away.

    linodeHQ (hub) --- internet --- receiver (HTTP, 203.0.113.200)
"""

import hashlib
import hmac
import json
import os
import signal
import time

import pytest

import world as w

RECEIVER = r"""
import http.server, json, os, sys, urllib.parse
class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = int(open(sys.argv[2]).read())
        print(json.dumps({"path": self.path, "headers": dict(self.headers), "body": body, "status": status}), flush=True)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://203.0.113.200:%d/elsewhere" % self.server.server_port)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    do_GET = do_POST
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("203.0.113.200", int(sys.argv[1])), Hook)
print("ready", flush=True)
server.serve_forever()
"""


class Receiver:
    def __init__(self, hq, ns, port):
        self.ns, self.port = ns, port
        self.status_file = os.path.join(hq.dir, f"status-{port}")
        self.answer(200)
        self.url = f"http://203.0.113.200:{port}/in"
        self.start()

    def start(self):
        self.process = self.ns.start(["/usr/bin/python3", "-c", RECEIVER, str(self.port), self.status_file],
                                     name=f"receiver-{self.port}")
        self.process.wait_line("^ready$")

    def answer(self, status):
        with open(self.status_file, "w", encoding="utf-8") as f:
            f.write(str(status))

    def got(self):
        return [json.loads(x) for x in self.process.lines if x.startswith("{")]

    def wait(self, event, n=1):
        def look():
            found = [g for g in self.got() if g["headers"]["Branchline-Event"] == event]
            return found if len(found) >= n else None
        return w.wait_until(f"{n} x {event}", look, 30)


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        hq = world.headquarters(lan_host=False)
        ns = world.namespace("receiver")
        world.attach(ns, "wan", "203.0.113.200", None)
        yield hq, ns


def add(hq, name, url, *events):
    options = [x for e in events for x in ("--event", e)]
    return hq.json("hub", "webhook", "add", name, url, *options)["secret"]


def log(hq, name):
    return hq.json("hub", "webhook", "log", name)["items"]


def verify(request, secret):
    signed = f'{request["headers"]["Branchline-Timestamp"]}.{request["body"]}'.encode()
    want = "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert request["headers"]["Branchline-Signature"] == want
    assert abs(time.time() - int(request["headers"]["Branchline-Timestamp"])) < 60


def test_events_arrive_signed(office):
    hq, ns = office
    receiver = Receiver(hq, ns, 8001)
    secret = add(hq, "pager", receiver.url, "group.*", "presence.*")
    hq.hub("webhook", "test", "pager")
    verify(receiver.wait("webhook.test")[0], secret)
    hq.hub("group", "create", "alpha")
    hq.hub("policy", "default", "allow")
    request = receiver.wait("group.add")[0]
    verify(request, secret)
    body = json.loads(request["body"])
    assert (body["event"], body["network"], body["data"]["object"]) == ("group.add", w.NET, "group:alpha")
    assert request["headers"]["Branchline-Delivery"] == str(body["delivery"])
    site = hq.world.branch(hq, "linode1", 1, lan_host=False)
    assert json.loads(receiver.wait("presence.up")[0]["body"])["data"]["node"] == "linode1"
    site.daemon.stop()
    receiver.wait("presence.down")
    assert {g["headers"]["Branchline-Event"] for g in receiver.got()} <= {
        "webhook.test", "group.add", "presence.up", "presence.down", "presence.path"}
    first = [d for d in log(hq, "pager") if d["event"] == "group.add"][0]
    assert (first["status"], first["http_status"], first["attempts"], first["error"]) == ("delivered", 200, 1, None)
    # The same again, and with another secret.
    again = hq.json("hub", "webhook", "secret", "pager")["secret"]
    assert again != secret
    queued = hq.json("hub", "webhook", "redeliver", "pager", str(first["id"]))["delivery"]
    assert queued["redelivery_of"] == first["id"]
    request = receiver.wait("group.add", 2)[1]
    verify(request, again)
    assert json.loads(request["body"])["data"] == body["data"]
    assert "blw_" not in hq.hub("webhook", "list", "--json").stdout
    assert "blw_" not in hq.hub("audit", "export").stdout


def test_a_receiver_that_was_away(office):
    """What could not be delivered is tried again, also over a restart of the hub."""
    hq, ns = office
    receiver = Receiver(hq, ns, 8002)
    add(hq, "away", receiver.url, "group.*")
    receiver.process.stop(signal.SIGKILL)
    hq.hub("group", "create", "beta")

    def tried(n):
        return lambda: [d for d in log(hq, "away") if d["event"] == "group.add" and d["attempts"] >= n]
    failed = w.wait_until("an attempt to fail", tried(1), 30)[0]
    assert failed["status"] == "pending" and failed["http_status"] is None and failed["error"]
    hq.daemon.stop()
    hq.start_daemon("hub")
    receiver.answer(503)
    receiver.start()
    w.wait_until("another attempt", lambda: [g for g in receiver.got() if g["status"] == 503], 60)
    receiver.answer(200)
    w.wait_until("it to be delivered", lambda: [d for d in log(hq, "away") if d["status"] == "delivered"], 60)
    ids = {g["headers"]["Branchline-Delivery"] for g in receiver.got()}
    assert ids == {str(failed["id"])}


def test_a_worker_that_dies_is_back(office):
    hq, ns = office
    receiver = Receiver(hq, ns, 8003)
    add(hq, "phoenix", receiver.url, "group.*")
    os.kill(hq.worker_pid("webhooks"), signal.SIGKILL)
    hq.hub("group", "create", "gamma")
    receiver.wait("group.add")
    assert hq.hub("status").returncode == 0


def test_where_it_must_not_go(office):
    hq, ns = office
    for url in ("http://127.0.0.1:1/", "http://169.254.169.254/latest", "file:///etc/passwd", "http://u:p@203.0.113.200/"):
        got = hq.hub("webhook", "add", "bad", url, check=False)
        assert got.returncode == 4 and "url_invalid" in got.stderr
    # A name that leads to where it must not is found out when it is used.
    add(hq, "local", "http://localhost:1/", "none.such")
    hq.hub("webhook", "test", "local")
    found = w.wait_until("an attempt", lambda: [d for d in log(hq, "local") if d["attempts"]], 30)[0]
    assert "may not use" in found["error"]
    # A redirect is not followed, and is no success.
    receiver = Receiver(hq, ns, 8004)
    receiver.answer(302)
    add(hq, "moved", receiver.url, "none.such")
    hq.hub("webhook", "test", "moved")
    found = w.wait_until("an answer", lambda: [d for d in log(hq, "moved") if d["attempts"]], 30)[0]
    assert (found["http_status"], found["status"]) == (302, "pending")
    assert all(g["path"] == "/in" for g in receiver.got())
    # Gone is gone; and whoever is told of that is told.
    receiver.answer(410)
    hq.hub("webhook", "test", "moved")
    w.wait_until("it to be disabled", lambda: not [x for x in hq.json("hub", "webhook", "list")["items"]
                                                   if x["name"] == "moved"][0]["enabled"], 30)
    assert "webhook.disable" in hq.hub("audit", "list", "--action", "webhook.").stdout
    got = hq.hub("webhook", "test", "moved", check=False)
    assert got.returncode == 4 and "webhook_disabled" in got.stderr
    hq.hub("webhook", "edit", "moved", "--enable")
    hq.hub("webhook", "delete", "moved", "--yes")


def test_certificates_are_verified(office):
    """The hub's own page has a certificate that nobody has signed: no receiver."""
    hq, ns = office
    key, cert = (os.path.join(hq.dir, f"self.{x}") for x in ("key", "crt"))
    w.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
           "-subj", "/CN=203.0.113.200", "-addext", "subjectAltName=IP:203.0.113.200", "-keyout", key, "-out", cert])
    server = ns.start(["openssl", "s_server", "-accept", "203.0.113.200:8443", "-key", key, "-cert", cert, "-www"], name="tls")
    server.wait_line("ACCEPT")
    add(hq, "tls", "https://203.0.113.200:8443/", "none.such")
    hq.hub("webhook", "test", "tls")
    found = w.wait_until("an attempt", lambda: [d for d in log(hq, "tls") if d["attempts"]], 30)[0]
    assert found["http_status"] is None and "certificate" in found["error"].lower()
    server.stop(signal.SIGKILL)
