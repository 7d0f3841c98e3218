# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining: what a good token leaves on the spoke, and what every bad one gets.

A refusal says what is wrong in its own words, ends with exit code 4 (3 when the hub cannot be reached), writes nothing
on the spoke, and where the hub was asked leaves an entry in its audit log. The token's secret is seen nowhere.

    linodeHQ (hub) ----+
    otherHQ  (hub) ----+---- linode1, linode2   (machines on which tokens are tried)
"""

import base64
import hashlib
import json
import os
import shutil
import struct

import pytest

import evidence
import world as w

SECRET_AT = 1  # of a token's bytes: version, secret, hub key, network, addresses, sum


@pytest.fixture(scope="module")
def place():
    with w.World() as world:
        yield world


@pytest.fixture(scope="module")
def hq(place):
    site = place.site("linodeHQ", 0, lan_host=False)
    site.init_output = site.json("hub", "init", "--name", "linodeHQ", "--address", site.public4, "--pool", "192.168.100.0/24")
    site.start_daemon("hub", "-d5")
    return site


@pytest.fixture(scope="module")
def other_hq(place):
    site = place.site("otherHQ", 9, lan_host=False)
    site.init_output = site.json("hub", "init", "--name", "otherHQ", "--address", site.public4, "--pool", "192.168.101.0/24")
    site.start_daemon("hub", "-d5")
    return site


@pytest.fixture(scope="module")
def machines(place):
    return [place.site(f"linode{i}", i, lan_host=False) for i in (1, 2)]


@pytest.fixture
def box(machines):
    """A machine that has never joined anything."""
    for site in machines:
        shutil.rmtree(site.dir, ignore_errors=True)
    yield machines[0]
    if machines[0].daemon:
        machines[0].daemon.stop()


def start(box, *options):
    """Runs the spoke, whose name is not the machine's here."""
    box.start_daemon("spoke", *options, wait=False)
    box.daemon.wait_line(rf"on network {w.NET} is ready")


def invite(hq, name, *options):
    """Adds a node; its join token."""
    return hq.json("hub", "node", "add", name, *options)["token"]


def token_id(hq, name):
    return [t["id"] for t in hq.json("hub", "token", "list")["items"] if t["node"] == name][-1]


def take_apart(token):
    body = token.removeprefix("bl1_")
    return bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))[:-4])


def put_together(body):
    """A token with a right sum."""
    whole = bytes(body) + hashlib.sha256(body).digest()[:4]
    return "bl1_" + base64.urlsafe_b64encode(whole).decode().rstrip("=")


def with_secret(token, secret):
    body = take_apart(token)
    body[SECRET_AT:SECRET_AT + 16] = secret
    return put_together(body)


def with_address(token, address):
    body = take_apart(token)
    network = struct.unpack_from("<H", body, 49)[0]
    return put_together(body[:51 + network] + struct.pack("<BH", 1, len(address)) + address.encode())


def refused(box, token, code=4, net=None, extra=(), user_input=None):
    """Tries to join; nothing may be written. What it printed."""
    before = evidence.tree(box.dir)
    words = ["-n", net] if net else []
    got = box.server.run([box.program("spoke"), *words, "join", *extra, token], env=box.env(), check=False,
                         user_input=user_input)
    assert got.returncode == code, got
    assert got.stdout == ""
    assert evidence.tree(box.dir) == before
    assert got.stderr.count("\n") == 1, got.stderr
    assert token == "-" or len(token) < 12 or token not in got.stderr
    return got.stderr


def join(box, token, *extra):
    return box.server.run([box.program("spoke"), "join", *extra, token], env=box.env())


# --- it works ------------------------------------------------------------------------------------


def test_join_leaves_what_the_spoke_needs(hq, box):
    line = hq.hub("node", "add", "good", "--subnet", "10.21.0.0/24").stdout
    assert line.startswith(f"branchline-spoke -n {w.NET} join bl1_") and line.count("\n") == 1
    token = line.split()[-1]
    said = box.join(line).stdout
    assert f"joined network {w.NET} as good" in said and "10.21.0.0/24" in said

    modes = {os.path.relpath(p, box.dir): v[0] for p, v in evidence.tree(box.dir).items() if os.path.isfile(p)}
    assert modes == {
        f"etc/{w.NET}/spoke.conf": "0o100644",
        f"etc/{w.NET}/hosts/linodeHQ": "0o100644",
        f"etc/{w.NET}/hub.pin": "0o100644",
        f"etc/{w.NET}/identity.key": "0o100600",
        f"etc/{w.NET}/tunnel.key": "0o100600",
        f"state/{w.NET}/directory.json": "0o100600",
    }
    with open(os.path.join(box.etc, "spoke.conf"), encoding="utf-8") as f:
        assert f.read().splitlines() == ["Name = good", "ConnectTo = linodeHQ"]
    with open(os.path.join(box.etc, "hosts", "linodeHQ"), encoding="utf-8") as f:
        assert f.read() == f"Address = {hq.public4} 6655\n"
    with open(os.path.join(box.etc, "hub.pin"), encoding="utf-8") as f:
        assert f.read().strip() == hq.init_output["identity_key"]

    # Private keys never leave the machine, and the token is kept nowhere.
    hub_has, spoke_has = evidence.bytes_below(hq.dir), evidence.bytes_below(box.dir)
    for key in ("identity.key", "tunnel.key"):
        with open(os.path.join(box.etc, key), "rb") as f:
            text = f.read().strip()
        assert text not in hub_has and base64.b64decode(text) not in hub_has
    secret = bytes(take_apart(token)[SECRET_AT:SECRET_AT + 16])
    for kept in (hub_has, spoke_has):
        assert token.encode() not in kept and secret not in kept and base64.b64encode(secret) not in kept

    entry = evidence.audit(hq, "node.join", "good")
    assert len(entry) == 1 and entry[0]["token_id"] == token_id(hq, "good")
    start(box)
    assert box.daemon.stop() == 0


def test_join_json(hq, box):
    token = invite(hq, "json", "--subnet", "10.22.0.0/24")
    got = json.loads(join(box, token, "--json").stdout)
    node = hq.json("hub", "node", "show", "json")
    node = node.get("node", node)
    assert got["network"] == w.NET and got["name"] == "json" and got["id"] == node["id"]
    assert got["addresses"] == node["addresses"] and got["subnets"] == ["10.22.0.0/24"]
    assert got["hub"] == "linodeHQ" and got["hub_address"] == f"{hq.public4}:6655"
    assert got["config"] == box.etc and got["revision"] == node["revision"]


def test_join_with_the_token_from_standard_input(hq, box):
    token = invite(hq, "stdin")
    got = box.server.run([box.program("spoke"), "join", "-"], env=box.env(), user_input=f"  {token}\n")
    assert f"joined network {w.NET} as stdin" in got.stdout


def test_uses_left_do_not_let_a_second_machine_take_the_name(hq, machines, box):
    hq.hub("node", "add", "twice")
    made = hq.json("hub", "token", "create", "twice", "--uses", "2")
    join(box, made["token"])
    # The name is the first one's now; a token from before that must not replace its identity.
    assert "joined already" in refused(machines[1], made["token"])
    assert hq.json("hub", "token", "list")["items"][-1]["uses"] == 1


# --- tokens that never reach a hub -----------------------------------------------------------------


def test_cut_short_by_any_number_of_characters(hq, box):
    token = invite(hq, "cut")
    for n in range(len(token)):
        said = refused(box, token[:n])
        wanted = "cut short or mistyped" if n >= len("bl1_") else "not a join token"
        assert wanted in said, (n, said)
    # Without its beginning it cannot even be told to be a token.
    assert "not a join token" in refused(box, token[1:])
    assert hq.json("hub", "token", "list")["items"][-1]["uses"] == 0
    join(box, token)


def test_mistyped(hq, box):
    token = invite(hq, "typo")
    for at in range(4, len(token), 17):
        wrong = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]
        assert "cut short or mistyped" in refused(box, wrong), at
    for wrong in (token + "A", token[:40] + token[41:], token[:40] + "!" + token[41:]):
        assert "cut short or mistyped" in refused(box, wrong)
    for nonsense in ("hello", "blt_" + token[4:], token[:20] + " " + token[20:], "x" * 5000):
        assert "not a join token" in refused(box, nonsense)


def test_of_a_later_version(hq, box):
    token = invite(hq, "later")
    body = take_apart(token)
    body[0] = 2
    for later in (put_together(body), "bl2_" + token[4:], "bl17_x"):
        assert "later version" in refused(box, later)


def test_for_another_network(hq, box):
    token = invite(hq, "network")
    said = refused(box, token, net="otherVPN")
    assert f"the token is for network {w.NET}, not for otherVPN" in said


# --- tokens that the hub refuses -------------------------------------------------------------------


def last_refusal(hq, name, code):
    """The one audit entry about the refusal."""
    entries = evidence.audit(hq, "node.join_refused", name)
    assert [e["code"] for e in entries] == [code]
    return entries[0]


def test_never_made(hq, box):
    token = with_secret(invite(hq, "guess"), os.urandom(16))
    before = len(evidence.audit(hq, "node.join_refused", "?"))
    assert "does not know the join token" in refused(box, token)
    entries = evidence.audit(hq, "node.join_refused", "?")
    assert len(entries) == before + 1 and entries[-1]["code"] == "token_unknown"


def test_used_twice(hq, machines, box):
    token = invite(hq, "used")
    join(box, token)
    said = refused(machines[1], token)
    assert "was used at 20" in said and "Ask for a new one" in said
    assert last_refusal(hq, "used", "token_used")["token_id"] == token_id(hq, "used")
    # The first one is not disturbed by it.
    start(box)
    assert box.daemon.stop() == 0


def test_expired(hq, box):
    token = invite(hq, "late", "--expires", "1")
    number = token_id(hq, "late")

    def expired():
        return [t for t in hq.json("hub", "token", "list")["items"] if t["id"] == number][0]["state"] == "expired"

    w.wait_until("the token has expired", expired, 5)
    assert "expired at 20" in refused(box, token)
    last_refusal(hq, "late", "token_expired")
    # A new one for the same node works.
    join(box, hq.json("hub", "token", "create", "late")["token"])


def test_revoked_token(hq, box):
    token = invite(hq, "taken")
    assert "is revoked" in hq.hub("token", "revoke", str(token_id(hq, "taken"))).stdout
    assert "token was revoked at 20" in refused(box, token)
    last_refusal(hq, "taken", "token_revoked")


def test_token_of_a_deleted_node(hq, box):
    token = invite(hq, "gone")
    hq.hub("node", "delete", "gone", "--yes")
    assert "was revoked" in refused(box, token)
    last_refusal(hq, "gone", "token_revoked")


def test_for_another_hub(hq, other_hq, box):
    """The machine at the token's address has another key than the token's hub: it is told nothing."""
    token = with_address(invite(hq, "wronghub"), f"{other_hq.public4} 6655")
    said = refused(box, token)
    assert "this is not the hub that made the token" in said
    assert other_hq.init_output["identity_key"] in said and hq.init_output["identity_key"] in said
    # The right hub was not asked, and the token can still be used there.
    assert evidence.audit(hq, "node.join_refused", "wronghub") == []
    secret = bytes(take_apart(token)[SECRET_AT:SECRET_AT + 16])
    mixed = with_secret(invite(other_hq, "mixed"), secret)
    assert "does not know the join token" in refused(box, mixed)
    join(box, with_address(token, f"{hq.public4} 6655"))


def test_name_joined_already(hq, machines, box):
    first = invite(hq, "name")
    second = hq.json("hub", "token", "create", "name")["token"]
    join(box, first)
    said = refused(machines[1], second)
    assert "name has joined already" in said and "new token" in said
    last_refusal(hq, "name", "name_joined")


# --- the machine -----------------------------------------------------------------------------------


def test_joined_already_on_this_machine(hq, box):
    join(box, invite(hq, "here"))
    token = invite(hq, "again")
    said = refused(box, token)
    assert f"has joined network {w.NET} already" in said and "--force" in said
    # Forced, the old files are kept aside.
    join(box, token, "--force")
    kept = [f for f in os.listdir(box.etc) if ".old-" in f]
    assert sorted(f.split(".old-")[0] for f in kept) == ["hub.pin", "identity.key", "spoke.conf", "tunnel.key"]
    assert evidence.tree(box.etc)[os.path.join(box.etc, [f for f in kept if f.startswith("identity")][0])][0] == "0o100600"


def test_hub_not_reachable(hq, box):
    token = invite(hq, "unreachable")
    nobody = f"{box.public4} 6655"  # this machine itself: nothing listens there
    assert "cannot be reached" in refused(box, with_address(token, nobody), code=3)
    assert "cannot be reached" in refused(box, with_address(token, "no-such-host.invalid 6655"), code=3)


def test_hub_does_not_answer(hq, box):
    """Packets to the hub are swallowed: --timeout ends it."""
    token = invite(hq, "silent")
    box.server.run(["nft", "add table ip f; add chain ip f out { type filter hook output priority 0; }; "
                    "add rule ip f out tcp dport 6655 drop"])
    try:
        assert "has not answered within 1 s" in refused(box, token, code=3, extra=("--timeout", "1"))
    finally:
        box.server.run("nft delete table ip f")
    join(box, token)


def test_usage(box):
    wrong_time = '--timeout must be a whole number from 1 to 3600, not "0"'
    for words, said in (([], "usage:"), (["--timeout", "0", "x"], wrong_time), (["--nonsense", "x"], "unknown option: --nonsense (see --help)"), (["one", "two"], "usage:")):
        got = box.server.run([box.program("spoke"), "join", *words], env=box.env(), check=False)
        assert got.returncode == 2 and said in got.stderr, words
    assert evidence.tree(box.dir) == {}


# --- the secret ------------------------------------------------------------------------------------


def test_secret_is_not_in_the_process_list(hq, box):
    """While it waits for a hub that does not answer, the token cannot be read from the process list."""
    token = invite(hq, "ps")
    box.server.run(["nft", "add table ip f; add chain ip f out { type filter hook output priority 0; }; "
                    "add rule ip f out tcp dport 6655 counter drop"])
    try:
        running = box.server.start([box.program("spoke"), "join", "--timeout", "60", token], env=box.env())
        w.wait_until("it has dialled", lambda: "packets 0 " not in box.server.run("nft list chain ip f out").stdout)
        with open(f"/proc/{running.popen.pid}/cmdline", "rb") as f:
            words = f.read()
        assert b"join" in words and token.encode() not in words
        assert running.stop() != 0
    finally:
        box.server.run("nft delete table ip f")
    assert evidence.tree(box.dir) == {}


def test_secret_is_in_no_log(hq, other_hq, box):
    """Everything that both hubs have logged at the highest level, and all that they hold on disk."""
    token = invite(hq, "logged")
    join(box, token)
    secret = bytes(take_apart(token)[SECRET_AT:SECRET_AT + 16])
    forms = [token, secret.hex(), base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode().rstrip("=")]
    start(box, "-d5")
    assert box.daemon.stop() == 0
    for site in (hq, other_hq, box):
        logged = "\n".join(site.daemon.lines)
        assert logged and not [f for f in forms if f in logged]
        assert "bl1_" not in logged
        assert not [f for f in (*forms, secret) if (f if isinstance(f, bytes) else f.encode()) in evidence.bytes_below(site.dir)]


def test_a_revoked_node_comes_back_with_a_new_token(hq, box):
    join(box, invite(hq, "phoenix"))
    start(box)
    hub4 = hq.init_output["address4"]
    box.server.wait_ping(hub4)
    old_keys = evidence.tree(box.etc)
    hq.hub("node", "revoke", "phoenix", "--reason", "stolen")
    w.wait_until("it is cut off", lambda: not box.server.pings(hub4))
    assert box.daemon.stop() == 0

    token = hq.json("hub", "token", "create", "phoenix")["token"]
    join(box, token, "--force")
    for key in ("identity.key", "tunnel.key"):
        path = os.path.join(box.etc, key)
        assert evidence.tree(box.etc)[path] != old_keys[path]
    start(box)
    box.server.wait_ping(hub4)
    keys = [k for k in hq.json("hub", "key", "list", "phoenix")["items"] if k["kind"] == "identity"]
    assert [(k["status"], k["unbroken"]) for k in keys] == [("revoked", True), ("current", False)]
    assert box.daemon.stop() == 0


def test_two_machines_join_with_one_token_of_a_group(hq, box, machines):
    """Each becomes a node of its own; a name that is there is not taken, and uses are counted."""
    hq.hub("group", "create", "shops")
    both = hq.hub("token", "create", "x", "--group", "shops", check=False)
    assert both.returncode == 2 and "--group" in both.stderr
    token = hq.json("hub", "token", "create", "--group", "shops", "--uses", "2")["token"]
    invite(hq, "ski")
    assert "There is a node ski already. Choose another name: join --name" in refused(box, token, extra=("--name", "ski"))
    refused(box, token, code=2, extra=("--name", "a/b"))
    join(box, token, "--name", "drammen")
    start(box)
    box.server.wait_ping(hq.init_output["address4"])
    assert "There is a node drammen already" in refused(machines[1], token, extra=("--name", "drammen"))
    join(machines[1], token, "--name", "lier")
    shutil.rmtree(machines[1].dir)
    assert "used up" in refused(machines[1], token, extra=("--name", "moss"))
    nodes = {n["name"]: n for n in hq.json("hub", "node", "list")["items"]}
    assert nodes["drammen"]["groups"] == nodes["lier"]["groups"] == ["shops"] and "moss" not in nodes
    [listed] = [t for t in hq.json("hub", "token", "list")["items"] if t["group"] == "shops"]
    assert (listed["node"], listed["state"], listed["uses"]) == (None, "used", 2)
    for name in ("drammen", "lier"):
        assert len(evidence.audit(hq, "node.add", name)) == len(evidence.audit(hq, "node.join", name)) == 1
