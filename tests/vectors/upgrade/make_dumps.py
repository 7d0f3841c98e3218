#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes directory_vN.sql: the directory database as each migration left it, with rows in all tables, as text.

    python3 tests/vectors/upgrade/make_dumps.py 10      after a new migration: the dump of version 10

Dumps of versions that have been released are never made anew: they are what is out there. tests/unit/hub/store/test_upgrade.c brings
each to the newest version, and wants one of every version.
"""

import glob
import hashlib
import os
import sqlite3
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SQL = os.path.join(HERE, "../../../schema/sql")
T = 1700000000000


def blob(byte, n=32):
    return bytes([byte]) * n


def key(node, kind, status, byte, **more):
    return dict(node_id=node, kind=kind, status=status, public_key=blob(byte), fingerprint=hashlib.sha256(blob(byte)).digest(),
                created_ms=T + 1000, **more)


# What each version could say first, in an order that references allow. Nodes: 1 hq, 2 oslo, 3 sensor (WireGuard), 4 bergen (revoked), 5 moss (deleted).
ROWS = {
    1: [
        ("settings", dict(key="network", value="linodeVPN")),
        ("groups", dict(bit=5, name="masters", comment="sees all", created_ms=T)),
        ("policies", dict(from_group=5, to_group=0, created_ms=T)),
        *[("revisions", dict(at_ms=T + i, actor="unix:root", what=what)) for i, what in enumerate(
            ("init hq", "node.add oslo", "node.add sensor", "node.add bergen", "node.add moss", "node.delete moss", "node.revoke bergen"))],
        ("nodes", dict(name="hq", kind=1, status=2, revision=1, aes=1, address4=b"\x0a\x5b\0\1", created_ms=T, updated_ms=T)),
        ("nodes", dict(name="oslo", kind=2, status=2, revision=2, aes=1, compression=3, address4=b"\x0a\x5b\0\2",
                       address6=b"\xfd" + bytes(14) + b"\2", comment="Storgata 1", created_ms=T, updated_ms=T + 5)),
        ("nodes", dict(name="sensor", kind=3, status=2, revision=3, keepalive_s=25, address4=b"\x0a\x5b\0\3", created_ms=T, updated_ms=T)),
        ("nodes", dict(name="bergen", kind=2, status=4, revision=7, address4=b"\x0a\x5b\0\4", created_ms=T, updated_ms=T + 9,
                       revoked_ms=T + 9, revoked_why="stolen")),
        ("nodes", dict(name="moss", kind=2, status=5, revision=6, created_ms=T, updated_ms=T + 8)),
        ("node_groups", dict(node_id=2, group_bit=0)),
        ("node_groups", dict(node_id=2, group_bit=5)),
        ("node_endpoints", dict(node_id=2, position=0, endpoint="oslo.example.com 6655")),
        ("join_tokens", dict(node_id=2, hash=blob(0x71), created_ms=T, expires_ms=T + 86400000, used_ms=T + 1000, uses=1, created_by="unix:root")),
        ("keys", key(1, 1, 1, 0x11)),
        ("keys", key(2, 1, 2, 0x20)),
        ("keys", key(2, 1, 1, 0x21, signature=blob(0x91, 64))),
        ("keys", key(2, 2, 1, 0x22, signature=blob(0x92, 64), token_id=1)),
        ("keys", key(3, 2, 1, 0x32)),
        ("keys", key(4, 1, 3, 0x41, revoked_ms=T + 9, revoked_why="stolen")),
        ("subnets", dict(node_id=2, family=4, first=b"\x0a\x14\0\0", length=24, weight=7, status=2, created_ms=T)),
        ("subnets", dict(node_id=2, family=6, first=b"\xfd\1" + bytes(14), length=64, status=1, created_ms=T)),
        ("api_tokens", dict(name="ci", hash=blob(0x61), role="operator", scopes="nodes keys", created_ms=T, used_ms=T + 3)),
        ("audit", ("unix:root", "init", "hub:hq", "{}")),
        ("audit", ("unix:root", "node.add", "node:oslo", '{"kind":"spoke","comment":"Blåbærveien"}')),
        ("audit", ("unix:root", "node.revoke", "node:bergen", '{"why":"stolen"}')),
    ],
    2: [
        ("users", dict(name="anna", role="admin", password_hash="scrypt$x", created_ms=T, updated_ms=T, signed_in_ms=T + 4)),
        ("users", dict(name="bo", role="auditor", disabled=1, created_ms=T, updated_ms=T)),
        ("api_tokens", dict(name="annas", hash=blob(0x62), role="admin", created_ms=T, user_id=1)),
    ],
    3: [
        ("groups", dict(bit=6, name="inspected", created_ms=T)),
        ("policies", dict(from_group=6, to_group=5, created_ms=T, path_policy=1)),
        ("nodes", dict(name="drammen", kind=2, status=1, revision=7, path_policy=2, created_ms=T, updated_ms=T)),
    ],
    4: [
        ("users", dict(name="carl", role="operator", created_ms=T, updated_ms=T, totp_secret=blob(0x55, 20), totp_enabled=1, totp_step=9)),
        ("sessions", dict(hash=blob(0x63), user_id=1, created_ms=T, expires_ms=T + 3600000)),
    ],
    5: [
        ("webhooks", dict(name="pager", url="https://pager.example.com/in", secret="0123456789abcdef", events="node.* key.old",
                          created_ms=T, created_by="user:anna", failures=2, failing_ms=T + 6)),
        ("webhook_deliveries", dict(webhook_id=1, event="node.revoke", body='{"id":3}', status=1, created_ms=T, attempts=1, last_ms=T + 1,
                                    http_status=204, took_ms=12)),
        ("webhook_deliveries", dict(webhook_id=1, event="key.old", body="{}", created_ms=T, next_ms=T + 7)),
    ],
    6: [
        ("node_settings", dict(node_id=2, number=3, state=2, wished='{"mtu":1300}', held='{"mtu":1300}', held_number=3, confirm_s=60, asked_ms=T,
                               asked_by="user:anna", settled_ms=T + 2)),
    ],
    7: [
        ("key_rotations", dict(node_id=2, state=2, keys=3, requested_by="user:anna", requested_ms=T, proposed_ms=T + 1, identity_key=blob(0x23),
                               identity_sig=blob(0x93, 64), tunnel_key=blob(0x24), tunnel_sig=blob(0x94, 64))),
    ],
    9: [
        ("revisions", dict(at_ms=T + 20, actor="user:anna", what="node.revoke tromso")),
        ("nodes", dict(name="tromso", kind=2, status=4, revision=8, created_ms=T, updated_ms=T + 20, revoked_ms=T + 20, revoked_why="sold")),
        ("revocations", dict(revision=8, node_id=7, node="tromso", actor="user:anna", reason="sold", at_ms=T + 20, state=2, expected=2, applied=2,
                             settled_ms=T + 21)),
    ],
    11: [
        ("hub_identity", dict(one=1, state=2, overlap_s=604800, requested_by="user:anna", requested_ms=T + 30, public_key=blob(0xa1),
                              signature=blob(0xa2, 64), tunnel_sig=blob(0xa3, 64), announced_ms=T + 31, until_ms=T + 604800031)),
        ("hub_identity_known", dict(node_id=2, public_key=blob(0xa1), at_ms=T + 32)),
    ],
    12: [
        ("join_tokens", dict(group_bit=6, hash=blob(0x72), created_ms=T + 40, expires_ms=T + 86400040, uses=3, uses_max=100, used_ms=T + 41,
                             created_by="user:anna")),
    ],
    13: [
        ("hub_tunnel", dict(one=1, state=2, overlap_s=86400, requested_by="user:anna", requested_ms=T + 50, old_key=blob(0xa4),
                            in_force_ms=T + 51, until_ms=T + 86400051)),
        ("hub_tunnel_known", dict(node_id=2, at_ms=T + 52)),
    ],
}


def audit_row(db, words):
    """As hub/store/audit.c makes them: each hash covers the one before."""
    number, previous = db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone() or (0, bytes(32))
    number, at = number + 1, T + number
    text = b"".join(struct.pack("<I", len(w.encode())) + w.encode() for w in words)
    digest = hashlib.sha256(previous + b"branchline audit v1\0" + struct.pack("<QQ", number, at) + text).digest()
    return dict(id=number, at_ms=at, actor=words[0], action=words[1], object=words[2], detail=words[3], previous=previous, hash=digest)


def insert(db, table, row):
    if table == "audit":
        row = audit_row(db, row)
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def make(version):
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("PRAGMA foreign_keys = ON")
    for number in range(1, version + 1):
        (path,) = glob.glob(os.path.join(SQL, f"{number:04}_*.sql"))
        with open(path, encoding="utf-8") as f:
            db.executescript(f.read())
        for table, row in ROWS.get(number, []):
            insert(db, table, row)
    assert not db.execute("PRAGMA foreign_key_check").fetchall()
    empty = [t for (t,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
             if not db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]]
    assert not empty, f"no rows in {empty}"
    app = db.execute("PRAGMA application_id").fetchone()[0]
    text = ["-- SPDX-License-Identifier: GPL-3.0-or-later", f"-- The directory database as version {version} left it: make_dumps.py",
            f"PRAGMA application_id = {app};", f"PRAGMA user_version = {version};", *db.iterdump()]
    with open(os.path.join(HERE, f"directory_v{version}.sql"), "w", encoding="utf-8") as f:
        f.write("\n".join(text) + "\n")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        make(int(word))
