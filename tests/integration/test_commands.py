# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command that README, manual and examples show is one that the programs have, and does not end with "usage" where it is run:
headquarters, two branches, and the texts themselves.
"""

import os
import re
import shlex

import pytest

import world as w

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TEXTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "deploy/examples/README.md", "schema/BACKUP.md", "schema/CONTROL.md",
         "schema/PROTOCOL.md", "schema/EVENTS.md", *(f"deploy/man/branchline-{k}{s}" for k in ("hub", "spoke") for s in (".8", ".conf.5"))]
# What is looked up in the table of commands only, and why.
NOT_RUN = {
    "run": "a daemon: every test starts some", "init": "needs a place without a network: world.py", "join": "needs a token: world.py",
    "edit": "opens an editor: test_configure.py", "top": "draws until a key is pressed: test_dump.py", "events": "has no end: test_events.py",
    "log": "has no end: test_configure.py",
    "stop": "ends the daemon that the others ask: test_configure.py", "backup": "test_backup.py runs each of them",
    "import-tinc": "needs a folder of tinc's: test_import_tinc.py", "hosts": "writes /etc/hosts of this machine: test_dump.py",
    "restart": "starts a daemon that nobody would end: test_configure.py", "import": "reads standard input: test_dump.py",
}
# Last, since they take away what others ask about.
LAST = ["node delete", "node revoke", "key revoke", "policy default", "rotate-key", "node rotate"]
VALUES = {"NET": w.NET, "NAME": "linode1", "NODE": "linode1", "GROUP": "default", "ID": "1", "PREFIX": "10.66.0.0/24", "A": "linode1", "B": "linode2"}
GLOBAL = {"-n": 1, "-c": 1, "-o": 1, "-D": 0, "-K": 0, "-U": 1, "--pidfile": 1}


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def plain(page):
    """A manual page's literal blocks, and what it quotes with its words, as lines; a name alone ("node add") is none."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)
    quoted = re.findall(r"^\.Dq (branchline-\w+ -n .*)$", page, re.M)
    return "\n".join([*blocks, *quoted]).replace("\\-", "-").replace("\\e\n", "\\\n").replace("\\e", "\\")


def code(markdown):
    """Indented and fenced blocks, and what stands between backticks."""
    lines = re.findall(r"^    (.*)$", markdown, re.M)
    fenced = re.findall(r"^```.*?\n(.*?)^```", markdown, re.M | re.S)
    return "\n".join([*lines, *fenced, *re.findall(r"`(branchline-[^`]*)`", re.sub(r"\n(?! {4}|\n)", " ", markdown))])


def commands():
    """(text, program, words behind it), each once."""
    found = {}
    for path in TEXTS:
        source = plain(text(path)) if re.search(r"\.[58]$", path) else code(text(path))
        for line in source.replace("\\\n", " ").splitlines():
            m = re.search(r"(?:^|[$#] |sudo |: )branchline-(hub|spoke)((?: .*)?)$", line.strip())
            if not m or ".service" in line or re.match(r"branchline-(hub|spoke)@", line.strip()):
                continue
            rest = re.sub(r"\s+#.*$", "", m[2])
            rest = re.split(r"\s[|>;&]", rest)[0].rstrip(".,:;)")
            try:
                words = tuple(shlex.split(rest))
            except ValueError:
                continue  # prose with an apostrophe
            found.setdefault((m[1], words), path)
    return [(path, kind, list(words)) for (kind, words), path in found.items()]


def split(words):
    """Global flags, and the command with its words."""
    i = 0
    while i < len(words) and words[i].startswith("-"):
        i += 1 + (GLOBAL.get(words[i], 0))
    return words[:i], words[i:]


def is_cut(words):
    """Shortened for the reader, or a pattern: "bl1_...", "--key=VALUE..."."""
    return any("..." in x or "[" in x or "|" in x for x in words)


def helps(kind):
    """The table of commands as --help tells it: "node add" -> its help."""
    program = os.path.join(w.BUILD, f"branchline-{kind}")
    found = {}
    for line in w.run([program, "--help"]).stdout.splitlines():
        m = re.match(r"^ {2,}([a-z][a-z-]*)(?: ([a-z][a-z-]*))?\b", line)
        if m:
            found[m[1]] = True
            if m[2]:
                found[f"{m[1]} {m[2]}"] = True
    return found


ALL = commands()


def test_some_were_found():
    """The texts are understood: fewer would mean that this test has gone blind."""
    assert len(ALL) >= 40
    assert {path for path, _, _ in ALL} >= {"README.md", "deploy/examples/README.md", "deploy/man/branchline-hub.8", "deploy/man/branchline-spoke.8"}


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_they_exist(kind):
    known = helps(kind)
    for path, of, words in ALL:
        _, command = split(words)
        if of == kind and command and re.fullmatch(r"[a-z][a-z-]*", command[0]):
            shown = f"{path}: branchline-{kind} {shlex.join(words)}"
            assert command[0] in known, shown
            # A noun has a verb: "node add".
            if any(k.startswith(command[0] + " ") for k in known) and len(command) > 1 and re.fullmatch(r"[a-z][a-z-]*", command[1]):
                assert " ".join(command[:2]) in known or command[0] in ("info", "backup"), shown


def test_mentions():
    """Commands that the manual only names: "branchline-hub node edit"."""
    said = 0
    for path in TEXTS:
        for kind, one, two in re.findall(r"^\.(?:Dq|Li|Ql) branchline-(hub|spoke) ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text(path), re.M):
            known = helps(kind)
            assert one in known, f"{path}: branchline-{kind} {one}"
            if two and any(k.startswith(one + " ") for k in known):
                assert f"{one} {two}" in known, f"{path}: branchline-{kind} {one} {two}"
            said += 1
    assert said >= 3


@pytest.fixture(scope="module")
def network():
    with w.World() as world:
        hq = world.headquarters()
        branches = [world.branch(hq, f"linode{i}", i) for i in (1, 2)]
        for b in branches:
            b.server.wait_ping(w.address_of(hq.json("hub", "node", "show", "linodeHQ")), 60)
        hq.hub("node", "add", "linode3")
        hq.hub("group", "create", "warehouses")
        yield hq, branches[0]


def order(item):
    command = " ".join(split(item[2])[1][:2])
    return next((i + 1 for i, last in enumerate(LAST) if command.startswith(last)), 0)


def test_they_run(network):
    """None is a mistake in the words or options (2), and none crashes; whether it finds what it names depends on what the others did."""
    hq, one = network
    done = bad = 0
    for path, kind, words in sorted(ALL, key=order):
        _, command = split(words)
        if not command or is_cut(command) or command[0] in NOT_RUN or "--url" in command or "--profile" in command:
            continue  # another machine: test_profile.py
        site = hq if kind == "hub" else one
        command = [VALUES.get(x, x) for x in command]
        if command[0] == "ping" and "-c" not in command:
            command += ["-c", "1"]
        got = site.cli(kind, *command, check=False, timeout=120, user_input="")
        shown = f"{path}: branchline-{kind} {shlex.join(words)}: {got.returncode} {got.stderr}"
        print(shown)
        assert got.returncode in (0, 1, 3, 4), shown
        done += got.returncode == 0
        bad += got.returncode != 0
    assert done >= 12 and done > bad, f"{done} did what they say, {bad} did not"
