# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written about the programs is what they are: man pages, README, protocol pages, examples."""

import glob
import os
import re
import shutil

import pytest

import world as w

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MAN = os.path.join(ROOT, "deploy", "man")
PAGES = sorted(os.listdir(MAN))
MARKDOWN = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "schema/README.md"]


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def man(page):
    return text(f"deploy/man/{page}")


def program(kind, *args):
    """What a program prints when it is asked for help."""
    return w.run([os.path.join(w.BUILD, f"branchline-{kind}"), *args]).stdout


# --- configuration variables ---------------------------------------------------------------------

ROW = re.compile(r'\{\s*"(\w+)",\s*CONFIG_([A-Z]+),\s*([A-Z_ |\s]+?),\s*(\w+),\s*(\w+),\s*(?:NULL|"([^"]*)"),')


def table(kind):
    """A daemon's rows in the table of variables: name -> (type, flags, min, max, default)."""
    source = text("shared/conf/vars.c")
    source = source[source.index("config_var vars[]"):]
    source = source[:source.index("\n};")]
    rows = ROW.findall(source)
    assert len(rows) == len(re.findall(r'\{\s*"', source)) > 10
    return {r[0]: r[1:] for r in rows if f"CONFIG_{kind.upper()}" in r[2]}


def described(kind):
    """The variables of a man page: name -> the lines that head its descriptions."""
    found = {}
    for name, head in re.findall(r"^\.It Va (\w+)(.*)$", man(f"branchline-{kind}.conf.5"), re.M):
        found[name] = found.get(name, "") + head
    return found


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_variables(kind):
    """Table and man page have the same variables, with the same defaults, ranges and repetition."""
    rows, pages = table(kind), described(kind)
    assert set(rows) == set(pages)
    for name, (sort, flags, low, high, default) in rows.items():
        if default:
            assert re.search(rf"default {re.escape(default)}[);]", pages[name]), f"{name}: default {default}"
        if sort == "INT":
            high = high.replace("UINT32_MAX", "4294967295")
            assert f" {low} to {high}" in pages[name], f"{name}: {low} to {high}"
        assert ("may be repeated" in pages[name]) == ("CONFIG_MULTIPLE" in flags), name


# --- commands and options ------------------------------------------------------------------------


def commands(kind):
    """The commands that --help prints: "run", "node add"."""
    shown = program(kind, "--help")
    shown = shown[:re.search(r"^(Flags|options)", shown, re.M).start()]
    return set(re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?= )", shown, re.M))


def options(shown):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", shown))


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_commands(kind):
    page = man(f"branchline-{kind}.8")
    assert commands(kind) == set(re.findall(r"^\.It Cm ([a-z-]+(?: [a-z-]+)?)(?= [A-Z|]|$)", page, re.M))


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_options(kind):
    """Every option of every command is in the man page, and the man page has no other."""
    known = options(program(kind, "--help"))
    for command in commands(kind) - {"run"}:
        own = options(program(kind, "-n", "x", *command.split(), "--help"))
        assert own, command
        known |= own
    assert known == set(re.findall(r"\bFl -([a-z][a-z0-9-]*)", man(f"branchline-{kind}.8")))


@pytest.mark.parametrize("page", PAGES)
def test_man_page_is_clean(page):
    got = w.run(["mandoc", "-Tlint", os.path.join(MAN, page)], check=False)
    # Whether other pages are installed on this machine says nothing about this one.
    said = [line for line in (got.stdout + got.stderr).splitlines()
            if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
    assert not said, "\n".join(said)


# --- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", MARKDOWN)
def test_paths_exist(document):
    """Every path of the tree that a document names, also behind a link, is there."""
    body = text(document)
    paths = {m.group(0): body[m.end():m.end() + 1]
             for m in re.finditer(r"(?<![\w/.-])(?:shared|hub|spoke|schema|tests|deploy)/[\w./@*-]*", body)}
    paths.update({name: "" for name in re.findall(r"`((?:[A-Z]+\.md|LICENSE|Makefile))`", body)})
    paths.update({name: "" for name in re.findall(r"\]\(([^)#:]+)\)", body)})
    for path, behind in paths.items():
        path = path.rstrip(".-")
        if "NNNN" in path:
            continue
        if behind == "<":  # the rest of the name is up to the reader
            path = os.path.dirname(path)
        found = [d for d in (ROOT, os.path.dirname(os.path.join(ROOT, document))) if glob.glob(os.path.join(d, path))]
        assert found, f"{document} names {path}"


# --- numbers of the protocols --------------------------------------------------------------------

UNITS = {"": 1, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "KiB": 1 << 10, "MiB": 1 << 20}


def constants():
    """Every constant of every header: name -> number, or None when it is not a plain number."""
    found = {}
    for path in glob.glob(os.path.join(ROOT, "*", "**", "*.h"), recursive=True):
        if os.path.relpath(path, ROOT).split(os.sep)[0] not in ("shared", "hub", "spoke"):
            continue
        body = text(path)
        for name in re.findall(r"^\s+([A-Z][A-Z0-9_]+)(?: =|,$)", body, re.M):
            found.setdefault(name, None)
        for name, value in re.findall(r"^#define\s+([A-Z][A-Z0-9_]+)\s+([^\n/]+)", body, re.M):
            value = re.sub(r"(?<=[0-9])(?:ull|ll|u)\b", "", value.strip())
            found[name] = eval(value, {}) if re.fullmatch(r"[0-9x()<+* -]+", value) else None  # numbers and operators only
    return found


def says(body, name, value):
    """Whether a line that names a constant also says its number, in some unit."""
    scaled = {value} | {value // n for n in (1000, 10000, 60000, 3600, 3600000, 86400, 1 << 10, 1 << 20) if value % n == 0}
    power = value.bit_length() - 1 if value & (value - 1) == 0 else None
    for line in re.findall(rf"^.*\b{name}\b.*$", body, re.M):
        told = {int(n) for n in re.findall(r"(?<![\w^.])[0-9]+(?![\w.])", line)}
        if told & scaled or (power is not None and re.search(rf"2\^{power}\b", line)):
            return True
    return False


@pytest.mark.parametrize("page", ["PROTOCOL.md", "CONTROL.md"])
def test_constants(page):
    """Constants that a protocol page names exist, and the number behind the name is theirs."""
    known, body, compared = constants(), text(f"schema/{page}"), 0
    spans = re.findall(r"`([^`\n]+)`", body)
    named = {n for s in spans for n in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", s)} - {"TEST_TIMERS"}
    assert len(named) > 20
    assert not named - set(known), f"{page} names {sorted(named - set(known))}"
    silent = [n for n in sorted(named) if known[n] is not None and not says(body, n, known[n])]
    assert not silent, f"{page} names {silent} and does not say how much that is"
    stated = re.findall(r"`([A-Z][A-Z0-9_]+)` (?:\(|\| )([0-9]+)(?: (ms|s|min|h|KiB|MiB))?(?=[),;]| \|| a second)", body)
    for name, number, unit in stated:
        value = known[name]
        if value is None:
            continue
        scale = UNITS[unit] // (1000 if name.endswith("_S") and unit in ("s", "min", "h") else 1)
        assert value == int(number) * scale, f"{page}: {name} is {value}, not {number} {unit}"
        compared += 1
    assert compared >= 10


# --- examples ------------------------------------------------------------------------------------


def test_example_configurations(world):
    """hub.conf and spoke.conf of deploy/examples carry a network: headquarters and a branch reach each other."""
    examples = os.path.join(ROOT, "deploy", "examples")
    hq = world.site("linodeHQ", 0)
    hq.hub("init", "linodeHQ", "--address", hq.public4, "--pool", "192.168.100.0/24", "--subnet", hq.lan4)
    shutil.copy(os.path.join(examples, "hub.conf"), hq.etc)
    hq.start_daemon("hub")
    branch = world.branch(hq, "linode1", 1, start=False)
    shutil.copy(os.path.join(examples, "spoke.conf"), branch.etc)
    branch.start_daemon("spoke")
    branch.host.wait_ping(hq.host4)
    hq.host.wait_ping(branch.host4)


# --- events --------------------------------------------------------------------------------------

def test_events():
    """schema/EVENTS.md lists every action that is written into the audit log, and no other."""
    nouns = "api-token|backup|group|hub|key|node|policy|revocation|settings|store|subnet|token|user|webhook"
    action = re.compile(rf'"((?:{nouns})\.[a-z][a-z_.-]+)"')
    sources = glob.glob(os.path.join(ROOT, "hub", "change*.c")) + glob.glob(os.path.join(ROOT, "hub", "control", "*.c"))
    written = {a for path in sources for a in action.findall(text(os.path.relpath(path, ROOT)))}
    told = re.search(r"^## Of the audit log$(.*?)^## ", text("schema/EVENTS.md"), re.M | re.S).group(1)
    listed = {name for row in re.findall(r"^\| (`.*?) \|", told, re.M) for name in re.findall(r"`([^`]+)`", row)}
    assert written and written == listed
