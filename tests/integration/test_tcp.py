# SPDX-License-Identifier: GPL-3.0-or-later
"""Where UDP does not get through, the same tunnels ride TCP: through firewalls, at port 443, through proxies.

    linodeHQ ------- internet (a bridge) ------- linode1   its firewall (nft) takes UDP, or all but some TCP ports
       |                 |        |
     LAN host          linode2   proxy
"""

import os
import re
import sys

from wireguard import Device
from world import wait_until

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "proxy.py")


def firewall(site, rules):
    """What leaves and comes at the WAN side, in words of nft; "" takes the firewall away."""
    site.server.run(["nft", "add table inet fw; delete table inet fw"])
    if rules:
        chains = "".join(
            f"add chain inet fw {hook} {{ type filter hook {hook} priority 0; }}; "
            + "".join(f"add rule inet fw {hook} {dev} wan {rule}; " for rule in rules)
            for hook, dev in (("input", "iifname"), ("output", "oifname"))
        )
        site.server.run(["nft", "add table inet fw; " + chains])


def block_udp(site):
    firewall(site, ["meta l4proto udp drop"])


def only_tcp(site, *ports):
    """All that passes is TCP of these ports (the far end's, or the near end's for answers)."""
    wanted = ", ".join(map(str, ports))
    firewall(site, [f"tcp dport {{ {wanted} }} accept", f"tcp sport {{ {wanted} }} accept", "meta nfproto ipv4 drop"])


def peer(site, name):
    return {p["name"]: p for p in site.json("spoke", "status")["peers"]}[name]


def path_is(site, name, path, timeout=30):
    return wait_until(f"{site.name} reaches {name} by {path}",
                      lambda: (p := peer(site, name))["path"] == path and p, timeout)


def start_proxy(world, kind, *options):
    ns = world.namespace("proxy")
    world.attach(ns, "wan", "203.0.113.99", None)
    process = ns.start([sys.executable, PROXY, kind, "3128", *options], name="proxy")
    process.wait_line("^ready")
    return process


def configure(site, *lines, mode=0o640):
    path = os.path.join(site.etc, "spoke.conf")
    with open(path, "a", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))
    os.chmod(path, mode)


def carriers(hq):
    """TCP connections to the hub's link ports."""
    return len(hq.server.run("ss -Htn state established ( sport = :6655 or sport = :443 )").stdout.splitlines())


def test_udp_blocked_from_the_start(world):
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    two = world.branch(hq, "linode2", 2)
    block_udp(one)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 30)
    seen = path_is(one, "linodeHQ", "hub-tcp")
    assert seen["endpoint"] == f"{hq.public4}:6655"
    one.host.wait_ping(two.host4)
    two.host.wait_ping(one.host4)
    assert "tunnel packets can travel by TCP" in one.spoke("status").stdout

    def shown():
        nodes = {n["name"]: n for n in hq.json("hub", "status")["nodes"]}
        return nodes["linode1"]["path"] == "hub-tcp" and nodes["linode1"]["endpoint"].startswith(one.public4)

    wait_until("the hub shows it", shown)


def test_udp_blocked_and_back(world):
    """A session that is there survives both changes: the same handshake, no new one."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1)
    two = world.branch(hq, "linode2", 2)
    one.host.wait_ping(hq.host4)
    one.host.wait_ping(two.host4)
    path_is(one, "linodeHQ", "direct-udp")
    before = peer(one, "linodeHQ")["handshake"]
    block_udp(one)
    wait_until("traffic by TCP", lambda: one.host.pings(hq.host4) and peer(one, "linodeHQ")["path"] == "hub-tcp", 20)
    one.host.wait_ping(two.host4)
    two.host.wait_ping(one.host4)
    firewall(one, [])
    path_is(one, "linodeHQ", "direct-udp", 60)
    assert one.host.pings(hq.host4, count=5)
    assert peer(one, "linodeHQ")["handshake"] == before


def test_tcp_only(world):
    """Not one UDP packet leaves, and a stock WireGuard device is reached all the same."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    two = world.branch(hq, "linode2", 2)
    phone = Device(world, "phone", 9)  # last: its configuration names what there is
    phone.add_to(hq)
    phone.start()
    configure(one, "TCPOnly = yes", mode=0o644)
    firewall(one, ["meta l4proto udp counter drop"])
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4)
    two.host.wait_ping(one.host4)
    phone.host.wait_ping(one.host4, 30)
    assert "TCPOnly" in path_is(one, "linodeHQ", "hub-tcp")["reason"]
    counters = re.findall(r"counter packets (\d+)", one.server.run("nft list table inet fw").stdout)
    assert counters == ["0", "0"], counters


def test_port_443_only(world):
    """The branch's firewall lets nothing out but 443: join, link and tunnel use that."""
    hq = world.headquarters(options=("-o", "ListenTCP=443"))
    one = world.site("linode1", 1)
    only_tcp(one, 443)
    added = hq.hub("node", "add", "linode1", "--subnet", one.lan4)
    one.join(added.stdout.strip())
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 60)
    assert path_is(one, "linodeHQ", "hub-tcp")["endpoint"] == f"{hq.public4}:443"
    assert one.json("spoke", "status")["hub"]["address"] == f"{hq.public4}:443"


def behind_proxy(world, kind, line, *options, extra=()):
    """A branch that reaches nothing but the proxy, and names nobody but the proxy can resolve."""
    hq = world.headquarters(address="hub.example.net")
    one = world.site("linode1", 1)
    proxy = start_proxy(world, kind, "--hosts", f"hub.example.net={hq.public4}", *options)
    only_tcp(one, 3128)
    added = hq.hub("node", "add", "linode1", "--subnet", one.lan4)
    os.makedirs(one.etc, exist_ok=True)
    configure(one, line)
    joined = one.join(added.stdout.strip(), check=False, extra=extra)
    return hq, one, proxy, joined


def works_through_proxy(hq, one, proxy):
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 60)
    assert path_is(one, "linodeHQ", "hub-tcp")["endpoint"] == "203.0.113.99:3128"
    assert "connect hub.example.net 6655" in proxy.lines
    assert "through the proxy 203.0.113.99:3128" in one.json("spoke", "status")["hub"]["address"]


def test_http_proxy(world):
    hq, one, proxy, joined = behind_proxy(world, "http", "Proxy = http 203.0.113.99 3128")
    assert joined.returncode == 0, joined.stderr
    works_through_proxy(hq, one, proxy)


def test_http_proxy_with_login(world):
    """The password is nowhere but in the file; a file that everybody may read is refused."""
    secret = "open-sesame"
    hq, one, proxy, joined = behind_proxy(
        world, "http", f"Proxy = http 203.0.113.99 3128 aladdin {secret}", "--login", f"aladdin:{secret}")
    assert joined.returncode == 0, joined.stderr
    conf = os.path.join(one.etc, "spoke.conf")
    assert os.stat(conf).st_mode & 0o007 == 0
    works_through_proxy(hq, one, proxy)
    assert "login aladdin ok" in proxy.lines
    shown = "\n".join(one.daemon.lines) + one.spoke("status").stdout + one.spoke("status", "--json").stdout
    assert secret not in shown
    one.daemon.stop()
    os.chmod(conf, 0o644)
    refused = one.spoke("-D", "run", check=False)
    assert refused.returncode == 1 and "everybody can read" in refused.stderr + refused.stdout
    assert secret not in refused.stderr + refused.stdout


def test_http_proxy_refuses(world):
    """Why it does not work is said, by the proxy's own number."""
    _, _, proxy, joined = behind_proxy(world, "http", "Proxy = http 203.0.113.99 3128", "--refuse")
    assert joined.returncode == 3
    assert "the proxy refuses the connection (403)" in joined.stderr
    assert "connect hub.example.net 6655" in proxy.lines


def test_http_proxy_wants_login(world):
    _, _, _, joined = behind_proxy(world, "http", "Proxy = http 203.0.113.99 3128", "--login", "a:b")
    assert joined.returncode == 3
    assert "the proxy wants a user and a password (407)" in joined.stderr


def test_socks5_proxy(world):
    hq, one, proxy, joined = behind_proxy(
        world, "socks5", "Proxy = socks5 203.0.113.99 3128 user word", "--login", "user:word")
    assert joined.returncode == 0, joined.stderr
    works_through_proxy(hq, one, proxy)


def test_proxy_of_the_command_line(world):
    """join --proxy is written into spoke.conf; a password is not taken there."""
    hq = world.headquarters()
    one = world.site("linode1", 1)
    proxy = start_proxy(world, "socks4")
    only_tcp(one, 3128)
    line = hq.hub("node", "add", "linode1", "--subnet", one.lan4).stdout.strip()
    got = one.join(line, check=False, extra=("--proxy=http 203.0.113.99 3128 user word",))
    assert got.returncode == 2 and "does not belong on the command line" in got.stderr and "word;" not in got.stderr
    one.join(line, extra=("--proxy=socks4 203.0.113.99 3128",))
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 60)
    assert f"connect {hq.public4} 6655" in proxy.lines


def rtts(ping):
    return sorted(float(x) for line in ping.lines for x in re.findall(r"time=([\d.]+) ms", line))


def starved_ms(*sites):
    """For how long, so far, the workers that a packet passes through were ready to run while others had the processor."""
    total = 0
    for site in sites:
        for role in ("engine", "control"):
            with open(f"/proc/{site.worker_pid(role)}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[1]) / 1e6
    return total


def test_slow_tcp_stays_short(world):
    """
    A line of 4 Mbit/s under bulk: what does not fit is dropped, so that a ping waits for CARRIER_QUEUE_MS, for what the
    kernel holds unsent (24 KiB, 50 ms), and for the line's own queue (tbf, 50 ms) at most.
    """
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    configure(one, "TCPOnly = yes", mode=0o644)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4)
    one.server.run("tc qdisc add dev wan root tbf rate 4mbit burst 16kb latency 50ms")
    server = hq.host.start(["iperf3", "-s", "--forceflush"], name="iperf3")
    server.wait_line("Server listening")
    # Much more than fits, and nobody who slows down.
    bulk = one.host.start(["iperf3", "--forceflush", "-u", "-b", "40M", "-t", "10", "-c", hq.host4], name="bulk")
    bulk.wait_line(r"1\.\d\d-2\.")
    before = starved_ms(one, hq)
    # Nine of ten packets are dropped, of these as well.
    ping = one.host.start(["ping", "-n", "-i", "0.02", "-c", "250", hq.host4], name="ping")
    ping.wait_line("packets transmitted", 30)
    starved = starved_ms(one, hq) - before
    seen = rtts(ping)
    assert len(seen) >= 3, ping.tail()
    print(f"at most {seen[-1]} ms; the workers waited {starved:.0f} ms for a processor")
    assert seen[-1] < 500 + starved, (seen, starved)
    bulk.wait_line("receiver", 30)
    dropped = one.json("spoke", "status")["hub"]["carrier"]["tx_dropped"]
    assert dropped > 1000, dropped


def test_carrier_is_cut(world):
    """The connection dies without a word, as when a firewall forgets it: a new one within seconds."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    block_udp(one)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 30)
    path_is(one, "linodeHQ", "hub-tcp")
    ports = {line.split()[2].rsplit(":", 1)[1] for line in
             one.server.run("ss -Htn state established ( dport = :6655 )").stdout.splitlines()}
    assert len(ports) == 2
    wanted = ", ".join(ports)
    firewall(one, ["meta l4proto udp drop", f"tcp dport {{ {wanted} }} drop", f"tcp sport {{ {wanted} }} drop"])
    assert not one.host.pings(hq.host4)
    one.host.wait_ping(hq.host4, 40)


def test_revocation_closes_it(world):
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    block_udp(one)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 30)
    path_is(one, "linodeHQ", "hub-tcp")
    assert carriers(hq) == 2
    hq.hub("node", "revoke", "linode1")
    wait_until("both connections are closed", lambda: carriers(hq) == 0, 1.5)
    assert not one.host.pings(hq.host4)


def test_several_workers(world):
    """Movers hand what they seal for a carrier to the engine."""
    hq = world.headquarters(options=("-o", "Workers=2"))
    one = world.branch(hq, "linode1", 1, start=False)
    two = world.branch(hq, "linode2", 2)
    block_udp(one)
    one.start_daemon("spoke", "-o", "Workers=2")
    one.host.wait_ping(hq.host4, 30)
    one.host.wait_ping(two.host4)
    server = hq.host.start(["iperf3", "-s", "-1", "--forceflush"], name="iperf3")
    server.wait_line("Server listening")
    one.host.run(["iperf3", "-P", "4", "-c", hq.host4, "-n", "8M"])
    assert path_is(one, "linodeHQ", "hub-tcp")


def test_engine_and_control_come_again(world):
    """Either of the two processes at either end may die: the tunnel is back without a restart."""
    hq = world.headquarters()
    one = world.branch(hq, "linode1", 1, start=False)
    block_udp(one)
    one.start_daemon("spoke")
    one.host.wait_ping(hq.host4, 30)
    for site, role in ((one, "engine"), (one, "control"), (hq, "engine"), (hq, "control")):
        os.kill(site.worker_pid(role), 9)
        wait_until(f"{role} of {site.name} is back", lambda: one.host.pings(hq.host4), 60)
