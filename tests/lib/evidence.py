# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests look at besides answers: files on a disk, the hub's audit log, and echoes that run in the background."""

import json
import os
import re
import signal
import sqlite3
import time

import world as w


def tree(top):
    """Everything below a folder: path -> (kind and mode, owner, content). Equal trees mean that nothing was written."""
    found = {}
    for folder, _, files in os.walk(top):
        for path in [folder, *(os.path.join(folder, f) for f in files)]:
            st = os.lstat(path)
            content = b""
            if path != folder and os.path.isfile(path):
                with open(path, "rb") as f:
                    content = f.read()
            found[path] = (oct(st.st_mode), st.st_uid, content)
    return found


def bytes_below(top):
    """The contents of all files below a folder, in one piece."""
    return b"\n".join(content for _, _, content in tree(top).values())


def database(hq):
    return os.path.join(hq.state, "directory.db")


def ask(hq, sql, *values):
    """Rows of the hub's database, read beside the running hub."""
    db = sqlite3.connect(f"file:{database(hq)}?mode=ro", uri=True, timeout=5)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


def audit(hq, action, name):
    """The details of the audit entries of one action about one node, oldest first."""
    rows = ask(hq, "SELECT detail FROM audit WHERE action = ? AND object = ? ORDER BY id", action, f"node:{name}")
    return [json.loads(detail) for (detail,) in rows]


def changed_at(hq, action):
    """When the hub made the newest change of this kind, in seconds since 1970."""
    [(at_ms,)] = ask(hq, "SELECT at_ms FROM audit WHERE action = ? ORDER BY id DESC LIMIT 1", action)
    return at_ms / 1000


class Echoes:
    """Echo requests, 20 a second, from a namespace to an address until stop(). Each answer has the time of its arrival."""

    ANSWER = r"^\[(\d+\.\d+)\] .*icmp_seq=(\d+) ttl"
    MISSING = r"no answer yet for icmp_seq"

    def __init__(self, source, address):
        self.process = source.start(["ping", "-n", "-D", "-O", "-i", "0.05", "-W", "1", str(address)], name="echoes")
        self.process.wait_line(self.ANSWER)

    def wait_more(self, count=5, timeout=20.0, pattern=ANSWER):
        for _ in range(count):
            self.process.wait_line(pattern, timeout, start=self.process.mark())

    def wait_silence(self, count=10, timeout=20.0):
        """Until `count` requests in a row were not answered."""
        def silent():
            lines = [x for x in self.process.lines if re.search(f"{self.ANSWER}|{self.MISSING}", x)][-count:]
            return len(lines) == count and all(re.search(self.MISSING, x) for x in lines)
        w.wait_until("silence", silent, timeout)

    def lived_on(self, changed):
        """For how many seconds answers came after a change that ended them. That takes from when the hub made it: how long a program
        needs to be started, and to ask for it, is the machine's business."""
        return self.last_answer() - changed

    def last_answer(self):
        """Seconds since 1970."""
        return max(float(m.group(1)) for line in self.process.lines if (m := re.search(self.ANSWER, line)))

    def stop(self):
        """The longest gap of sequence numbers between two answers: 1 when nothing was lost."""
        self.process.stop(signal.SIGINT)
        got = [int(m.group(2)) for line in self.process.lines if (m := re.search(self.ANSWER, line))]
        return max((b - a for a, b in zip(got, got[1:])), default=0)


def beat(namespace, seconds):
    """Lets time pass in which something must *not* happen: so long do the echoes of the loopback take."""
    began = time.monotonic()
    namespace.run(["ping", "-n", "-q", "-i", "0.1", "-c", str(int(seconds * 10) + 1), "127.0.0.1"])
    assert time.monotonic() - began >= seconds - 0.2
