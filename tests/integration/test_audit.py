# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: what stands in it, what filters find, and that nobody alters it unnoticed.

    linodeHQ (hub), without branches
"""

import json
import os
import sqlite3

import pytest

import evidence
import world as w


@pytest.fixture(scope="module")
def hq():
    with w.World() as world:
        site = world.headquarters(lan_host=False)
        for name in ("oslo", "bergen"):
            site.hub("node", "add", name)
        site.hub("node", "edit", "oslo", "--keepalive", "25", "--comment", "Storgata 1")
        site.hub("node", "revoke", "bergen", "--reason", "stolen", "--timeout", "0")
        yield site


def entries(hq, *filters):
    return hq.json("hub", "audit", "list", "--limit", "1000", *filters)["items"]


def test_who_did_what(hq):
    edit, = entries(hq, "--action", "node.edit")
    assert edit["actor"] == "unix:root" and edit["object"] == "node:oslo"
    assert edit["detail"]["before"]["keepalive"] == 0 and edit["detail"]["after"]["keepalive"] == 25
    revoke, = entries(hq, "--action", "node.revoke", "--object", "node:bergen")
    assert revoke["detail"]["why"] == "stolen"
    assert {e["action"] for e in entries(hq, "--action", "node.")} == {"node.add", "node.edit", "node.revoke"}
    assert {e["object"] for e in entries(hq, "--object", "node:oslo")} == {"node:oslo"}
    assert {e["actor"] for e in entries(hq, "--actor", "init")} == {"init"}
    assert entries(hq, "--until", "2020-01-01") == [] and entries(hq, "--since", "2020-01-01")
    # Newest first in the API, and last on a terminal, where the end is what one sees.
    ids = [e["id"] for e in entries(hq)]
    assert ids == sorted(ids, reverse=True) and ids[-1] == 1
    assert hq.hub("audit", "list").stdout.splitlines()[-1].split()[0] == str(ids[0])
    assert hq.hub("audit", "list", "--since", "x", check=False).returncode == 4


def test_export(hq):
    lines = [json.loads(line) for line in hq.hub("audit", "export").stdout.splitlines()]
    assert [e["id"] for e in lines] == list(range(1, len(lines) + 1))
    assert lines == entries(hq)[::-1]
    url = "http://hub/api/v1/audit/export?after=2&limit=3&action=node."
    text = hq.server.run(["curl", "-sS", "--unix-socket", os.path.join(hq.dir, "run", w.NET, "api.sock"), url]).stdout
    assert [json.loads(x) for x in text.splitlines()] == [e for e in lines if e["id"] > 2 and "node." in e["action"]][:3]


def test_nobody_alters_it_unnoticed(hq):
    total = len(entries(hq))
    assert hq.hub("audit", "verify").stdout == f"the audit log is unbroken: {total} entries\n"
    db = sqlite3.connect(evidence.database(hq), timeout=10)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        db.execute("DELETE FROM audit WHERE id = 3")
    db.rollback()
    trigger, = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'audit_no_update'").fetchone()
    before, = db.execute("SELECT actor FROM audit WHERE id = 3").fetchone()
    for actor in ("user:nobody", before):
        with db:
            db.execute("DROP TRIGGER audit_no_update")
            db.execute("UPDATE audit SET actor = ? WHERE id = 3", (actor,))
            db.execute(trigger)
        got = hq.hub("audit", "verify", check=False)
        assert got.returncode == (0 if actor == before else 1)
        assert ("entry 3 is not what was written" in got.stdout) == (actor != before)
    db.close()
