# SPDX-License-Identifier: GPL-3.0-or-later
"""Compression per node: what goes to a node that asks for it is smaller on its line, and the same behind it.

    linodeHQ (web server in its LAN) --- line of linode1 --- host in linode1's LAN
"""

import hashlib
import os
import random

import pytest

from world import wait_until


# A web server behind a slow line: it sends so many bytes a second, evenly (pacing by the kernel), and not all at once as a client that
# only reads slowly would make it. There is time to compress every packet.
SLOW_SERVER = """
import functools, http.server, socket, sys
SO_MAX_PACING_RATE = 47
class Server(http.server.ThreadingHTTPServer):
    def get_request(self):
        connection, client = super().get_request()
        connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, int(sys.argv[3]))
        return connection, client
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])
server = Server((sys.argv[1], 8080), handler)
print("ready", flush=True)
server.serve_forever()
"""
BYTES_PER_S = 1000000


def received_bytes(site):
    """What the line of a site has brought in."""
    with_counters = site.server.run("cat /sys/class/net/wan/statistics/rx_bytes").stdout
    return int(with_counters)


@pytest.mark.parametrize("level", [6, 10])
def test_text_is_smaller_on_the_line_and_random_is_not_larger(world, level):
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1)
    hq.hub("node", "edit", "linode1", "--compression", str(level))
    revision = hq.json("hub", "revision")["revision"]
    wait_until("the spoke has the new revision", lambda: one.json("spoke", "status")["revision"] >= revision)
    site = os.path.join(world.dir, "www")
    os.mkdir(site)
    dice = random.Random(11)
    words = ["invoice", "warehouse", "pallet", "delivery", "branch", "total", "amount", "2026-11-22"]
    files = {
        "text": "\n".join(f"{i};{dice.choice(words)};{dice.choice(words)};{dice.randrange(10000)}"
                          for i in range(60000)).encode(),
        "random": dice.randbytes(1500000),
    }
    for name, content in files.items():
        with open(os.path.join(site, name), "wb") as f:
            f.write(content)
    server = hq.host.start(["/usr/bin/python3", "-u", "-c", SLOW_SERVER, hq.host4, site, str(BYTES_PER_S)], name="http")
    server.wait_line("ready")
    one.host.wait_ping(hq.host4)
    share = {}
    for name, content in files.items():
        before = received_bytes(one)
        got = os.path.join(world.dir, f"got-{name}")
        one.host.run(["curl", "-sS", "--max-time", "40", "-o", got, f"http://{hq.host4}:8080/{name}"])
        with open(got, "rb") as f:
            assert hashlib.sha256(f.read()).digest() == hashlib.sha256(content).digest()
        share[name] = (received_bytes(one) - before) / len(content)
    assert share["text"] < 0.7, share
    assert share["random"] < 1.15, share
