# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of deploy/ are what those programs read, and speak of what the hub really has.

    linodeHQ (hub, /metrics over its UNIX socket) ---- linode1
"""

import glob
import json
import os
import re

import pytest
import yaml

import world as w

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEPLOY = os.path.join(ROOT, "deploy")
ALERTS = os.path.join(DEPLOY, "examples", "prometheus", "branchline.yml")
BOARD = os.path.join(DEPLOY, "examples", "grafana", "branchline.json")
ROLE = os.path.join(DEPLOY, "examples", "ansible", "roles", "branchline_spoke")


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rules():
    return [r for g in yaml.safe_load(text(ALERTS))["groups"] for r in g["rules"]]


def expressions():
    """Every PromQL expression of alerts and dashboard."""
    board = json.loads(text(BOARD))
    return [r["expr"] for r in rules()] + [t["expr"] for p in board["panels"] for t in p["targets"]]


@pytest.fixture(scope="module")
def office():
    with w.World() as world:
        hq = world.headquarters()
        one = world.branch(hq, "linode1", 1)
        one.host.wait_ping(hq.host4)
        world.one = one
        yield hq


def exposed(hq):
    """What /metrics has: name -> the names of its labels; the parts of a histogram under their own names."""
    body = hq.server.run(["curl", "-sS", "--fail", "--unix-socket", os.path.join(hq.dir, "run", w.NET, "api.sock"),
                          "http://hub/metrics?nodes=1"]).stdout
    found = {name: set() for name in re.findall(r"^# TYPE (\w+) (?!histogram)", body, re.M)}
    for name, labels in re.findall(r"^(branchline_\w+)(\{.*\})? ", body, re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_metrics_are_there(office):
    """Alerts and dashboard ask for metrics, and for labels of theirs, that the hub has."""
    have = exposed(office)
    asked = 0
    for expr in expressions():
        for name, labels in re.findall(r"\b(branchline_\w+)(\{[^}]*\})?", expr):
            assert name in have, f"{name} in {expr}"
            wanted = set(re.findall(r"(\w+)\s*=", labels)) - {"instance", "job"}
            assert wanted <= have[name], f"{wanted} of {name}"
            asked += 1
        assert expr.count("(") == expr.count(")") and expr.count("{") == expr.count("}"), expr
    assert asked > 20


def test_values_are_there(office):
    """A label value that an expression names is one that the hub shows."""
    body = office.server.run(["curl", "-sS", "--fail", "--unix-socket", os.path.join(office.dir, "run", w.NET, "api.sock"),
                              "http://hub/metrics"]).stdout
    named = {pair for e in expressions() for pair in re.findall(r'\b(status|online|path)="([\w-]+)"', e)}
    assert {("status", "active"), ("online", "false"), ("path", "down")} <= named
    for label, value in named:
        assert f'{label}="{value}"' in body, (label, value)


def test_alerts_say_what_to_do():
    names = [r["alert"] for r in rules()]
    assert len(names) == len(set(names)) >= 8
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def test_commands_are_there():
    """The commands that examples tell people or programs to use exist."""
    help_of = {k: w.run([os.path.join(w.BUILD, f"branchline-{k}"), "--help"]).stdout for k in ("hub", "spoke")}
    said = 0
    for path in [ALERTS, *glob.glob(os.path.join(DEPLOY, "container", "*")), os.path.join(DEPLOY, "README.md"),
                 os.path.join(DEPLOY, "examples", "README.md")]:
        for kind, command in re.findall(r"branchline-(hub|spoke) -n NET ([a-z]+)", text(path)):
            assert re.search(rf"^\s+{command}\b", help_of[kind], re.M), f"{path}: {kind} {command}"
            said += 1
    assert said >= 6


@pytest.mark.parametrize("name", ["hub", "spoke"])
def test_firewall(world, name):
    """The kernel takes the rules, twice; then only what they say comes in."""
    ns, outside = world.namespace("fw"), world.namespace("out")
    world.veth(ns, "eth0", outside, "eth0")
    ns.run("ip addr add 198.51.100.1/24 dev eth0")
    outside.run("ip addr add 198.51.100.2/24 dev eth0")
    rules_file = os.path.join(DEPLOY, "examples", "nftables", f"{name}.nft")
    for _ in range(2):
        ns.run(["nft", "-f", rules_file])
    outside.wait_ping("198.51.100.1")
    ports = [socket_on(ns, port) for port in (6655, 9999)]
    with outside.socket() as sender:
        for port in (9999, 6655):
            sender.sendto(b"hello", ("198.51.100.1", port))
    ports[0].settimeout(5)
    assert ports[0].recv(16) == b"hello"
    # Sent before the one that came.
    ports[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        ports[1].recv(16)


def socket_on(ns, port):
    s = ns.socket()
    s.bind(("198.51.100.1", port))
    return s


def test_container():
    """Both services have what their unit leaves them, and the entry points that the packages bring."""
    services = yaml.safe_load(text(os.path.join(DEPLOY, "container", "compose.yaml")))["services"]
    assert set(services) == {"hub", "spoke"}
    for kind, service in services.items():
        unit = text(os.path.join(DEPLOY, "systemd", f"branchline-{kind}@.service"))
        caps = {c[4:] for c in re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M).group(1).split()}
        assert caps <= set(service["cap_add"]) and service["cap_drop"] == ["ALL"]
        assert service["entrypoint"] == [f"/usr/sbin/branchline-{kind}"]
        assert service["command"] == ["-n", w.NET, "-D", "run"] and service["devices"] == ["/dev/net/tun"]
    # Every line begins with an instruction, a comment, or goes on with the one before.
    lines = re.sub(r"\\\n", " ", text(os.path.join(DEPLOY, "container", "Containerfile"))).splitlines()
    known = "FROM|COPY|RUN|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD"
    assert not [line for line in lines if not re.match(rf"(#|({known}) \S)", line)]
    for value in re.findall(r"^(?:VOLUME|ENTRYPOINT|CMD) (.*)$", "\n".join(lines), re.M):
        assert isinstance(json.loads(value), list)


def test_two_servers(office):
    """The commands for two servers of one branch: the node with the lower weight comes first."""
    page = text(os.path.join(DEPLOY, "examples", "README.md"))
    for words in re.findall(r"# branchline-hub -n NET ((?:node|subnet) add .*)$", page, re.M):
        office.hub(*words.split())
    weights = {n: office.json("hub", "node", "show", n)["subnets"][0]["weight"] for n in ("oslo1", "oslo2")}
    assert weights["oslo1"] < weights["oslo2"]
    check = re.search(r'script "(.*)"', text(os.path.join(DEPLOY, "examples", "ha", "keepalived.conf"))).group(1).split()
    assert check[0] == "/usr/sbin/branchline-spoke"
    assert office.world.one.spoke(*check[3:]).returncode == 0


def test_role():
    """Each task is named, does one thing, and uses only variables that are defined."""
    tasks = yaml.safe_load(text(os.path.join(ROLE, "tasks", "main.yml")))
    defined = set(yaml.safe_load(text(os.path.join(ROLE, "defaults", "main.yml"))))
    used = set(re.findall(r"\bbranchline_(?:net|hub\w*|name|subnets|deb)\b", text(os.path.join(ROLE, "tasks", "main.yml"))))
    assert used == defined
    for task in tasks:
        assert task["name"] and len([k for k in task if k.startswith("ansible.builtin.")]) == 1, task
    secret = [t for t in tasks if "argv" in str(t)]
    assert len(secret) == 2 and all(t["no_log"] for t in secret), "a join line must not come into a log"
