# SPDX-License-Identifier: GPL-3.0-or-later
"""The network explains itself: netcheck, ping with the path of each answer, the hub's view of every pair.

    linodeHQ (hub) --+-- open
                     +-- NAT that keeps ports ------------------ easy
                     +-- NAT with a random port a destination -- hard
"""

import json
import re

import pytest

import nat
import world as w
from rest import Rest
from world import NET, wait_until

NARROW = 120


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        hq = world.headquarters(options=("-o", "ListenTCP=443"))
        sites = {"open": world.branch(hq, "open", 1), "easy": world.branch(hq, "easy", 2, nat=nat.Nat(world, nat.PORT_RESTRICTED, 2))}
        sites["hard"] = world.branch(hq, "hard", 3, nat=nat.Nat(world, nat.SYMMETRIC, 3))
        for s in sites.values():
            s.host.wait_ping(hq.host4)
        yield hq, sites


def netcheck(site):
    """The answer, whatever its exit code is."""
    return json.loads(site.spoke("netcheck", "--json", check=False).stdout)


def known(site):
    """netcheck once the kind of NAT is known."""
    return wait_until(f"the NAT of {site.name}", lambda: (lambda n: n["nat"] != "unknown" and n)(netcheck(site)), 30)


def test_netcheck_without_nat(office):
    hq, sites = office
    n = known(sites["open"])
    assert n["nat"] == "easy"
    assert n["udp"]["ok"] and n["udp"]["rtt_us"] > 0 and n["udp"]["address"] == f"{hq.public4}:6655"
    assert [(t["ok"], t["address"]) for t in n["tcp"]] == [(True, f"{hq.public4}:{port}") for port in (6655, 443)]
    assert n["observed_udp"] == n["observed_udp_second"] == f"{sites['open'].public4}:6655"
    assert n["observed_tcp"].startswith(sites["open"].public4 + ":")
    assert f"{sites['open'].public4}:6655" in n["local"]
    assert abs(n["clock_skew_ms"]) < 10000
    assert n["advice"] == []
    shown = sites["open"].spoke("netcheck").stdout
    assert "easy: direct paths work with most nodes" in shown and "Nothing is wrong." in shown


def test_netcheck_behind_nats(office):
    _, sites = office
    easy, hard = known(sites["easy"]), known(sites["hard"])
    assert easy["nat"] == "easy"
    assert easy["observed_udp"] == easy["observed_udp_second"]
    assert easy["observed_udp"].startswith(sites["easy"].public4 + ":")
    assert hard["nat"] == "hard"
    assert hard["observed_udp"] != hard["observed_udp_second"]
    got = sites["hard"].spoke("netcheck", check=False)
    assert got.returncode == 1 and "forward the UDP port" in got.stdout


def test_the_hub_knows_the_nats(office):
    hq, sites = office
    for s in sites.values():
        known(s)

    def kinds():
        return {n["name"]: n["nat"] for n in hq.json("hub", "status")["nodes"] if n["kind"] == "spoke"}

    wait_until("what the hub knows of NATs", lambda: kinds() == {"open": "easy", "easy": "easy", "hard": "hard"})
    assert "hard: another port" in hq.hub("node", "show", "hard").stdout
    shown = hq.hub("status", "--verbose").stdout
    assert re.search(r"^hard .* hard ", shown, re.M) and re.search(r"^NAME .*NAT +WHY$", shown, re.M)


def test_kinds_with_workers(world):
    """The same when other processes than the engine open the packets."""
    hq = world.headquarters(options=("-o", "Workers=3"))
    hard = world.branch(hq, "hard", 1, nat=nat.Nat(world, nat.SYMMETRIC, 1), options=("-o", "Workers=2"))
    easy = world.branch(hq, "easy", 2, options=("-o", "Workers=2"))
    assert known(hard)["nat"] == "hard"
    assert known(easy)["nat"] == "easy"
    # Traffic goes on where it went.
    hard.host.wait_ping(easy.host4)
    assert {p["name"]: p for p in hard.json("spoke", "status")["peers"]}["linodeHQ"]["endpoint"] == f"{hq.public4}:6655"


def test_no_second_port(world):
    """NATPort = 0: nothing is known of NATs, and nothing else is missing."""
    hq = world.headquarters(options=("-o", "NATPort=0"))
    b = world.branch(hq, "linode1", 1)
    b.host.wait_ping(hq.host4)
    n = netcheck(b)
    assert n["nat"] == "unknown" and "NATPort" in n["nat_text"] and n["udp"]["ok"]
    assert ":6656 " not in hq.server.run("ss -lnu").stdout


def test_netcheck_needs_the_daemon(world):
    hq = world.headquarters()
    b = world.branch(hq, "linode1", 1, start=False)
    got = b.spoke("netcheck", check=False)
    assert got.returncode == 3 and f"network {NET}: the daemon does not run" in got.stderr


def test_netcheck_finds_blocked_udp(world):
    """UDP does not get out: netcheck says so, and what to do; everything else of it works."""
    hq = world.headquarters()
    b = world.branch(hq, "linode1", 1, start=False)
    b.server.run(["nft", "add table inet f; add chain inet f out { type filter hook output priority 0; }; "
                         "add rule inet f out udp dport 6655-6656 drop"])
    b.start_daemon("spoke")
    b.daemon.wait_line(r"link to hub \S+ is up")
    n = netcheck(b)
    assert n["link_up"] and not n["udp"]["ok"] and n["tcp"][0]["ok"] and n["nat"] == "unknown"
    assert any("Let UDP to the hub's port out" in line for line in n["advice"])


def test_ping_shows_the_path(office):
    hq, sites = office
    out = sites["open"].spoke("ping", "linodeHQ", "-c", "2").stdout
    assert len(re.findall(rf"^linodeHQ: direct {hq.public4}:6655 \d+\.\d ms$", out, re.M)) == 2
    assert re.search(r"^linodeHQ: 2 of 2 answered, least/mean/most [\d./]+ ms, direct ", out, re.M)
    sites["hard"].host.wait_ping(sites["easy"].host4)
    out = sites["hard"].spoke("ping", "easy", "-c", "2").stdout
    assert re.search(r"^easy: (via hub|direct [\d.:]+) \d+\.\d ms", out, re.M)
    got = sites["open"].json("spoke", "ping", "linodeHQ", "-c", "1")
    assert got["answered"] == 1 and got["direct"] and got["pings"][0]["path"] == "direct-udp"
    assert got["pings"][0]["reason_id"] == "validated"


def test_ping_until_direct(office):
    _, sites = office
    got = sites["open"].json("spoke", "ping", "linodeHQ", "--until-direct")
    assert got["direct"] and got["sent"] < 30


def test_ping_says_what_is_wrong(world):
    """A node that the hub has cut off is told so, not that the other one is not there."""
    hq = world.headquarters()
    one, two = (world.branch(hq, f"linode{i}", i) for i in (1, 2))
    one.host.wait_ping(two.host4)
    hq.hub("node", "revoke", "linode1", "--reason", "stolen")
    one.daemon.wait_line("the hub has refused|is refused|refuses this node", 20)
    got = wait_until("a refusal", lambda: (lambda g: g.returncode == 4 and g)(
        one.spoke("ping", "linode2", "-c", "1", check=False)))
    assert "the hub refuses this node" in got.stderr and "not found" not in got.stdout + got.stderr


def pairs(hq, *node):
    return {(p["node"], p["peer"]): p for p in hq.json("hub", "path", "list", *node)["items"]}


def test_the_hub_shows_every_pair(office):
    hq, sites = office
    sites["open"].host.wait_ping(sites["hard"].host4)

    def told():
        found = pairs(hq)
        wanted = [(n, "linodeHQ") for n in sites] + [("linodeHQ", n) for n in sites] + [("open", "hard"), ("hard", "open")]
        return all(p in found and found[p]["path"] != "down" for p in wanted) and found

    found = wait_until("both directions of each pair", told, 40)
    up = found[("open", "linodeHQ")]
    assert up["path"] == "direct-udp" and up["reason_id"] == "validated" and up["advice"] is None
    assert up["endpoint"] == f"{hq.public4}:6655" and up["rx_bytes"] > 0 and up["loss_permille"] == 0
    assert found[("open", "hard")]["reason"] and found[("open", "hard")]["reason_id"] != "unknown"
    assert all("open" in p for p in pairs(hq, "open"))
    shown = hq.hub("path", "list").stdout
    assert re.search(r"^NODE +PEER +PATH +SINCE ", shown)
    # Two ends that agree are one line.
    agreed = [k for k in found if (k[1], k[0]) in found and all(
        found[k][m] == found[(k[1], k[0])][m] for m in ("path", "reason_id"))]
    assert len(shown.splitlines()) - 1 == len(pairs(hq)) - len(agreed) // 2
    assert hq.hub("path", "list", "nobody", check=False).returncode == 4


def reach(hq, name):
    """The answer of POST /nodes/NAME/reach; (status, JSON)."""
    hub = Rest(hq)
    got = hub.call("POST", f"/api/v1/nodes/{name}/reach", {})
    hub.close()
    return got.status, got.json


def test_the_hub_tests_a_branch(office):
    """Echoes of the hub's own engine, and where packets for the branch's networks go."""
    hq, sites = office
    status, got = reach(hq, "open")
    assert status == 200 and got["result"] == "reached" and got["answered"] == got["sent"] == 5, got
    assert 0 < got["rtt_min_us"] <= got["rtt_avg_us"] <= got["rtt_max_us"]
    assert got["path"] == "direct-udp" and got["endpoint"] == f"{sites['open'].public4}:6655" and got["advice"] == ""
    assert {s["prefix"]: (s["routed"], s["via"]) for s in got["subnets"]}["10.1.0.0/24"] == (True, "open")
    assert reach(hq, hq.name)[0] == 409 and reach(hq, "nobody")[0] == 404
    shown = hq.hub("node", "reach", "open").stdout
    assert re.search(r"(?m)^loss +0 % \(5 of 5 ", shown) and re.search(r"(?m)^path +direct-udp$", shown), shown
    assert re.search(r"(?m)^10\.1\.0\.0/24 +\d+ +open +\S", shown), shown
    assert hq.hub("node", "reach", hq.name, check=False).returncode == 4


def test_the_hub_says_why_a_branch_is_not_reached(world):
    """One that has not joined, one that another stands in for, one that is away, one that was disabled."""
    hq = world.headquarters()
    hq.hub("node", "add", "invited", "--subnet", "10.9.0.0/24")
    status, got = reach(hq, "invited")
    assert status == 200 and got["result"] == "not_joined" and "join command" in got["advice"] and got["sent"] == 0
    assert got["subnets"][0]["routed"] is False and got["subnets"][0]["via"] is None
    told = hq.hub("node", "reach", "invited", "--json", check=False)
    assert told.returncode == 1 and json.loads(told.stdout)["result"] == "not_joined", told
    one, two = (world.branch(hq, f"linode{i}", i) for i in (1, 2))
    one.host.wait_ping(two.host4)
    hq.hub("subnet", "add", "linode2", "10.1.0.0/24", "--weight", "50", "--failover")
    shared = {s["prefix"]: s for s in reach(hq, "linode2")[1]["subnets"]}["10.1.0.0/24"]
    assert not shared["routed"] and shared["via"] == "linode1" and "weight 10" in shared["reason"]
    assert one.daemon.stop() == 0
    # It has said good-bye: the tunnel is down as soon as the hub's engine knows, whoever asks first.
    status, got = reach(hq, "linode1")
    assert status == 200 and got["result"] == "no_answer" and got["answered"] == 0 and got["sent"] == 5, got
    assert got["advice"] and got["rtt_avg_us"] is None and got["path"] is None
    hq.hub("node", "disable", "linode1")
    assert reach(hq, "linode1")[1]["result"] == "disabled"


def test_pairs_go_with_the_link(world):
    hq = world.headquarters()
    b = world.branch(hq, "linode1", 1)
    b.host.wait_ping(hq.host4)
    wait_until("the branch's word", lambda: ("linode1", "linodeHQ") in pairs(hq), 30)
    assert b.daemon.stop() == 0
    wait_until("no word of a branch that is away", lambda: ("linode1", "linodeHQ") not in pairs(hq))


def test_status_is_readable(office):
    _, sites = office
    sites["open"].host.wait_ping(sites["easy"].host4)
    shown = sites["open"].spoke("status").stdout
    table = shown[shown.index("PEER"):].split("\n\n")[0].splitlines()
    assert all(len(line) <= NARROW for line in table)
    assert len({line.index("direct-udp") for line in table if "direct-udp" in line}) == 1
    verbose = sites["open"].spoke("status", "--verbose").stdout
    assert "behind it: 10.2.0.0/24" in verbose and "loss 0.0 %" in verbose
    wait_until("the path MTU", lambda: re.search(r"^linodeHQ: direct-udp: .*\n.*, MTU 1400$", sites["open"].spoke("status", "--verbose").stdout, re.M))
    j = sites["open"].json("spoke", "status")
    assert j["nat"] in ("easy", "unknown")
    peer = {p["name"]: p for p in j["peers"]}["linodeHQ"]
    assert peer["reason_id"] == "validated" and peer["advice"] == "" and peer["loss_permille"] == 0
