# SPDX-License-Identifier: GPL-3.0-or-later
"""make demo: headquarters linodeHQ and branches linode1..linode3, each with a LAN, doing real work.

Runs the real programs the way an admin would, in network namespaces that it makes and removes, and says what it does and
what it sees. Ends with 1 if anything is not as it should be. --keep leaves the network running and says how to try it.
"""

import argparse
import json
import os
import pwd
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import world as w  # noqa: E402  (the path above)

PG_PORT = "5432"


def say(text):
    print(text, flush=True)


def step(number, text):
    say(f"\n{number}. {text}")


def show(command, output=""):
    say(f"   $ {command}")
    for line in output.rstrip().splitlines():
        say(f"   {line}")


def build_network(world):
    step(1, "Headquarters: make the hub, start it")
    hq = world.site("linodeHQ", 0)
    args = ["init", "--name", "linodeHQ", "--address", hq.public4, "--pool", "192.168.100.0/24",
            "--subnet", hq.lan4, "--subnet", hq.lan6]
    made = hq.hub(*args)
    show(f"branchline-hub -n {w.NET} " + " ".join(args), made.stdout)
    show(f"branchline-hub -n {w.NET} -D run &")
    hq.start_daemon("hub")

    step(2, "Three branches: one command at headquarters, one pasted line at each branch")
    branches = []
    for i in (1, 2, 3):
        b = world.site(f"linode{i}", i)
        added = hq.hub("node", "add", b.name, "--subnet", b.lan4, "--subnet", b.lan6).stdout.strip()
        show(f"[linodeHQ] branchline-hub -n {w.NET} node add {b.name} --subnet {b.lan4} --subnet {b.lan6}",
             added[:90] + "...")
        b.join(added)
        show(f"[{b.name}] (the line above)")
        b.start_daemon("spoke")
        branches.append(b)
    for s in (hq, *branches):
        addresses = s.server.run("ip -br addr show dev linodeVPN").stdout.split()[2:]
        say(f"   {s.name:9} public {s.public4:14} LAN {s.lan4:12} in the network {' '.join(addresses)}")
    return hq, branches


def ping_matrix(sites):
    step(3, "Every LAN reaches every LAN (round trip of a ping between LAN hosts, milliseconds)")
    say("   from \\ to " + "".join(f"{s.name:>10}" for s in sites))
    for a in sites:
        row = f"   {a.name:9} "
        for b in sites:
            if a is b:
                row += f"{'-':>10}"
                continue
            a.host.wait_ping(b.host4)
            got = a.host.run(f"ping -n -q -c 5 -i 0.05 {b.host4}").stdout
            row += f"{got.rsplit('=', 1)[1].split('/')[1]:>10}"
        say(row)


def database(world, hq, branches):
    step(4, "PostgreSQL behind headquarters, asked by psql from a host in each branch LAN")
    data = os.path.join(world.dir, "pg")
    postgres = pwd.getpwnam("postgres")
    os.mkdir(data, 0o700)
    os.chown(data, postgres.pw_uid, postgres.pw_gid)
    bindir = sorted(os.listdir("/usr/lib/postgresql"), key=int)[-1]
    bindir = f"/usr/lib/postgresql/{bindir}/bin"
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    w.run([*as_postgres, f"{bindir}/initdb", "-D", data, "-A", "trust", "-U", "inventory"], timeout=120)
    with open(os.path.join(data, "pg_hba.conf"), "a", encoding="utf-8") as f:
        f.write("host all inventory 10.0.0.0/8 trust\n")
    server = hq.host.start(
        [*as_postgres, f"{bindir}/postgres", "-D", data, "-p", PG_PORT, "-c", f"listen_addresses={hq.host4}",
         "-c", f"unix_socket_directories={data}"], name="postgres")
    server.wait_line("ready to accept connections", 60)
    psql = ["psql", "-h", hq.host4, "-p", PG_PORT, "-U", "inventory", "-d", "postgres", "-At", "-v", "ON_ERROR_STOP=1"]
    hq.host.run([*psql, "-c", "create table stock (branch text, item text, pieces int)"])
    for b in branches:
        sql = (f"insert into stock select '{b.name}', 'item ' || i, i from generate_series(1, 20000) i; "
               f"select count(*) || ' rows, ' || sum(pieces) || ' pieces' from stock where branch = '{b.name}'")
        out = b.host.run([*psql, "-q", "-c", sql]).stdout
        show(f"[{b.name} LAN] psql -h {hq.host4} -c 'insert ... 20000 rows; select count(*), sum(pieces) ...'", out)
        if out.strip() != "20000 rows, 200010000 pieces":
            raise w.Failed(f"unexpected answer from PostgreSQL: {out!r}")


def web_page(world, branches):
    step(5, "A page of linode3's intranet, fetched from linode1's LAN (encrypted from end to end, straight where the networks allow it)")
    site = os.path.join(world.dir, "www")
    os.mkdir(site)
    page = "<h1>Warehouse 3</h1>\n" + "".join(f"<p>shelf {i}</p>\n" for i in range(20000))
    with open(os.path.join(site, "index.html"), "w", encoding="utf-8") as f:
        f.write(page)
    one, three = branches[0], branches[2]
    server = three.host.start(
        ["/usr/bin/python3", "-u", "-m", "http.server", "8080", "--bind", three.host4, "--directory", site], name="http")
    server.wait_line("Serving HTTP", 20)
    got = one.host.run(["curl", "-sS", "--max-time", "20", f"http://{three.host4}:8080/"]).stdout
    show(f"[linode1 LAN] curl http://{three.host4}:8080/", f"{got.splitlines()[0]} ... {len(got)} bytes")
    if got != page:
        raise w.Failed("the page came back changed")


def status(hq, branches):
    step(6, "What headquarters and a branch see")
    show(f"[linodeHQ] branchline-hub -n {w.NET} status", hq.hub("status").stdout)
    show(f"[linode1] branchline-spoke -n {w.NET} status", branches[0].spoke("status").stdout)


def revoke(hq, branches):
    step(7, "linode2 is stolen: revoke it, from headquarters only")
    one, two, three = branches
    began = time.monotonic()
    out = hq.hub("node", "revoke", "linode2", "--reason", "server stolen").stdout
    show(f"[linodeHQ] branchline-hub -n {w.NET} node revoke linode2 --reason 'server stolen'", out)
    if "applied on 2 of 2" not in out:
        raise w.Failed("not all connected branches have confirmed the revocation")
    for a, b in ((hq, two), (one, two), (two, hq), (two, three)):
        if a.host.pings(b.host4, count=2):
            raise w.Failed(f"{a.name} still reaches {b.name} after the revocation")
        say(f"   {a.name} -> {b.name}: cut")
    for a, b in ((hq, one), (one, three), (three, hq)):
        if not a.host.pings(b.host4, count=3):
            raise w.Failed(f"{a.name} no longer reaches {b.name}, which was not revoked")
        say(f"   {a.name} -> {b.name}: still connected")
    two.daemon.wait_line("revoked", 10)
    said = [line for line in two.daemon.lines if "revoked" in line][-1]
    say(f"   linode2's own log: {said}")
    say(f"   ({time.monotonic() - began:.1f} s with all the checks)")


def how_to_try(world, hq, made):
    say("\nThe network is still running. To try it:")
    env = hq.env()
    exports = " ".join(f"{k}={env[k]}" for k in env if k.startswith("BRANCHLINE"))
    say(f"   ip netns exec {hq.server.name} env {exports} {hq.program('hub')} -n {w.NET} status")
    say(f"   ip netns exec {world.prefix}-linode1lan ping {hq.host4}")
    say(f"   admin URL (from inside {hq.server.name}): {made['admin_url']}")
    say("   press Ctrl-C to end it and take everything away")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=w.BUILD)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make demo needs root, for network namespaces: sudo make demo")
    began = time.monotonic()
    try:
        with w.World(build=options.build) as world:
            hq, branches = build_network(world)
            ping_matrix([hq, *branches])
            database(world, hq, branches)
            web_page(world, branches)
            status(hq, branches)
            revoke(hq, branches)
            say(f"\nAll as it should be, in {time.monotonic() - began:.0f} s.")
            if options.keep:
                made = json.loads(hq.hub("status", "--json").stdout)
                how_to_try(world, hq, {"admin_url": made.get("admin_url", f"https://{hq.public4}:8655/")})
                hq.daemon.popen.wait()
    except w.Failed as e:
        say(f"\nFAILED: {e}")
        return 1
    except KeyboardInterrupt:
        say("\ntaken away")
    return 0


if __name__ == "__main__":
    sys.exit(main())
