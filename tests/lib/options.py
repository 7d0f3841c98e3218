# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration variables the programs of a build know: tests of what can be switched use them only if they are there."""

import os
import tempfile

import world as w


def accepts(setting, build=None):
    """Whether the spoke of a build takes KEY=VALUE. There are no keys, so that it ends right after its configuration was read."""
    program = os.path.join(build or w.BUILD, "branchline-spoke")
    if not os.path.exists(program):
        raise w.Failed(f"there is no {program}")
    with tempfile.TemporaryDirectory(prefix="branchline-") as top:
        folder = os.path.join(top, w.NET)
        os.mkdir(folder)
        with open(os.path.join(folder, "spoke.conf"), "w", encoding="utf-8") as f:
            f.write("Name = nobody\nConnectTo = nowhere\n")
        env = {**os.environ, **{f"BRANCHLINE_{k}": top for k in ("ETC", "STATE", "RUN")}}
        # In a network of its own: it makes its device before it looks for the keys.
        got = w.run(["unshare", "--net", program, "-n", w.NET, "-D", "-o", setting, "run"], check=False, env=env)
        return not any(line.startswith("branchline-spoke: -o:") for line in got.stderr.splitlines())


__all__ = ["accepts"]
