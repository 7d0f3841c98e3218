# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic over time: what went to and from a branch can be seen by the second, of the hub and of many nodes at once.

    linodeHQ (hub) --- internet --- linode1
"""

import json

import pytest

import world as w


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        hq = world.headquarters()
        one = world.branch(hq, "linode1", 1)
        one.host.wait_ping(hq.host4)
        yield hq, one


def points(hq, *args):
    return hq.json("hub", "history", *args, "--resolution", "1s")["points"]


def test_of_a_node(office):
    hq, one = office
    # The first look at a node is where its sums begin.
    w.wait_until("the node to be seen", lambda: [p for p in points(hq, "linode1") if p["up_s"]], 30)
    one.host.run(["ping", "-q", "-c", "10", "-i", "0.05", "-s", "1000", hq.host4])
    seen = w.wait_until("ten packets each way", lambda: (
        lambda p: p if sum(x["rx_packets"] for x in p) >= 10 <= sum(x["tx_packets"] for x in p) else None)(points(hq, "linode1")), 30)
    assert sum(x["rx_bytes"] for x in seen) >= 10 * 1028
    assert [x["at"] for x in seen] == sorted({x["at"] for x in seen})
    last = [x for x in seen if x["up_s"]][-1]
    assert last["path"] == "direct-udp" and last["loss_permille"] is not None and last["spokes_rx_bytes"] is None
    table = hq.hub("history", "linode1", "--resolution", "1s").stdout
    assert "RECEIVED" in table and "#" in table and "=" in table


def test_of_the_hub(office):
    hq, _ = office
    seen = w.wait_until("the node to be counted", lambda: [p for p in points(hq) if p["nodes_up"]], 30)
    assert seen[-1]["nodes_up"] == 1 and "NODES" in hq.hub("history", "--resolution", "1s").stdout
    for resolution in ("1m", "1h"):
        assert hq.json("hub", "history", "--resolution", resolution)["resolution"] == resolution


def test_of_many(office):
    """One call for the small charts of a list."""
    hq, _ = office
    socket = f'{hq.env()["BRANCHLINE_RUN"]}/{w.NET}/api.sock'

    def ask(query):
        return json.loads(hq.server.run(["curl", "-sS", "--max-time", "20", "--unix-socket", socket,
                                         f"http://hub/api/v1/history/nodes?{query}"]).stdout)
    got = ask("resolution=1s&points=20")
    assert (got["step_s"], got["points"], got["next_after"]) == (1, 20, None)
    (item,) = got["items"]
    assert item["node"] == "linode1" and {len(item[x]) for x in ("rx_bytes", "tx_bytes", "rtt_us", "up_s")} == {20}
    assert any(item["up_s"])
    assert ask("resolution=1s&node=linode1")["items"][0]["node_id"] == item["node_id"]
    for query in ("resolution=2s", "points=0", "points=241", "points=x", "node=nobody", "limit=0"):
        assert ask(query)["status"] in (400, 404), query
    for option in (["--resolution", "5s"], ["--from", "tomorrow"], ["--from", "2026-11-22", "--to", "2026-11-21"]):
        assert hq.hub("history", *option, check=False).returncode == 4
