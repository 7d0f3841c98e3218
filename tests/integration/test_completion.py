# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion, asked of a real shell: commands, verbs, options, variables and networks, all that the programs' own help knows."""

import os
import re
import subprocess

import pytest

import world as w

ASK = r"""
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_branchline_{kind} branchline-{kind}
printf '%s\n' "${{COMPREPLY[@]}}"
"""


def program(kind):
    return os.path.join(w.BUILD, f"branchline-{kind}")


def script(kind, shell):
    return w.run([program(kind), "-n", "x", "completion", shell]).stdout


def complete(kind, *words, env=None):
    """What bash offers for the last of these words."""
    text = script(kind, "bash") + ASK.format(kind=kind, words=" ".join(f"'{word}'" for word in (f"branchline-{kind}", *words)))
    got = subprocess.run(["bash", "--norc", "-u"], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                         env={**os.environ, **(env or {})})
    assert got.returncode == 0 and not got.stderr, got.stderr
    return set(got.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_shell_takes_it(kind, shell):
    got = subprocess.run([shell, "-n"], input=script(kind, shell), text=True, stderr=subprocess.PIPE, check=False)
    assert got.returncode == 0 and not got.stderr, got.stderr
    assert w.run([program(kind), "-n", "x", "completion", "fish"], check=False).returncode == 2


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_every_command(kind):
    """All that --help lists is offered, with the options that the command's own --help lists."""
    shown = w.run([program(kind), "--help"]).stdout
    shown = shown[:re.search(r"^(Flags|options)", shown, re.M).start()]
    names = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?= )", shown, re.M)
    assert len(names) > 15
    first = complete(kind, "-n", "net", "")
    assert {name.split()[0] for name in names} <= first and {"-n", "-k", "--help"} <= first
    for name in names:
        words = name.split()
        if len(words) == 2:
            assert words[1] in complete(kind, "-n", "net", words[0], "")
        if words[0] in ("run", "init", "backup"):
            continue
        text = w.run([program(kind), "-n", "x", *words, "--help"]).stdout
        assert set(re.findall(r"^  (--?[a-z][a-z0-9-]*)", text, re.M)) == complete(kind, "-n", "net", *words, "-"), name


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_variables(kind):
    assert "AddressFamily" in complete(kind, "get", "") and complete(kind, "set", "LogL") == {"LogLevel"}
    assert not complete(kind, "set", "LogLevel", "Log")


def test_networks(tmp_path):
    (tmp_path / "linodeVPN").mkdir()
    (tmp_path / "other").mkdir()
    assert complete("hub", "-n", "lin", env={"BRANCHLINE_ETC": str(tmp_path)}) == {"linodeVPN"}
    assert complete("spoke", "-n", "", env={"BRANCHLINE_ETC": str(tmp_path)}) == {"linodeVPN", "other"}
