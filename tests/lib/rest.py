# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's REST API for programs: one kept connection, over the UNIX socket (as root, who is admin) or over HTTPS from a namespace.

Much quicker than a curl for each call, and shows what came as it came: `Answer` has the header fields as a list.
"""

import http.client
import json
import os
import socket
import ssl

import world as w

PROBLEM = "application/problem+json"


class Answer:
    def __init__(self, got):
        self.status = got.status
        self.fields = [(k.lower(), v) for k, v in got.getheaders()]
        self.head = dict(self.fields)
        self.body = got.read()
        self.kind = self.head.get("content-type", "").split(";")[0]
        self.json = json.loads(self.body) if self.kind in ("application/json", PROBLEM) and self.body else None

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:400]!r}"


class _Connection(http.client.HTTPConnection):
    """http.client on a socket that somebody else opens."""

    def __init__(self, host, dial, timeout):
        super().__init__(host, timeout=timeout)
        self.dial = dial

    def connect(self):
        self.sock = self.dial()
        self.sock.settimeout(self.timeout)


def api_socket(site):
    return os.path.join(site.dir, "run", w.NET, "api.sock")


class Rest:
    """`namespace` None: the UNIX socket. `token`: sent with each call, unless the call has its own header fields for that."""

    def __init__(self, hq, namespace=None, token=None, timeout=30):
        self.hq, self.namespace, self.token = hq, namespace, token
        url = hq.init_output["admin_url"].split("/")[2]
        self.host, self.port = url.rsplit(":", 1)
        self.connection = _Connection(url if namespace else "hub", self.dial, timeout)

    def dial(self):
        """A new connection; TLS is checked against the hub's own certificate."""
        if not self.namespace:
            s = socket.socket(socket.AF_UNIX)
            s.connect(api_socket(self.hq))
            return s
        tls = ssl.create_default_context(cafile=os.path.join(self.hq.etc, "https.crt"))
        s = self.namespace.socket(socket.SOCK_STREAM)
        s.settimeout(30)
        s.connect((self.host, int(self.port)))
        return tls.wrap_socket(s, server_hostname=self.host)

    def call(self, method, path, body=None, raw=None, headers=(), kind="application/json"):
        """`raw` is sent as it is; a header field whose value is None is left out."""
        fields = {"Authorization": f"Bearer {self.token}" if self.token else None, **dict(headers)}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            fields.setdefault("Content-Type", kind)
        fields = {k: v for k, v in fields.items() if v is not None}
        for again in (True, False):
            try:
                self.connection.request(method, path, data, fields)
                return Answer(self.connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionError):
                # The hub has closed the kept connection, as it may at any time between two calls.
                self.connection.close()
                if not again:
                    raise
        return None

    def get(self, path, **kw):
        got = self.call("GET", path, **kw)
        assert got.status == 200, (path, got)
        return got.json

    def all(self, path):
        """Every item of a list, page by page."""
        items, after = [], 0
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=1000&after={after}")
            items += page["items"]
            after = page["next_after"]
        return items

    def close(self):
        self.connection.close()
