# SPDX-License-Identifier: GPL-3.0-or-later
"""The library that seals packets is each node's own affair: every pair of choices gives the same tunnel.

    10.0.0.10 -- linodeHQ (Crypto = openssl) --+-- linode1 -- 10.1.0.10   (Crypto = ipsec-mb)
                                               +-- linode2 -- 10.2.0.10   (no AES, Crypto = ipsec-mb)
                                               +-- linode3 -- 10.3.0.10   (Crypto = openssl, no AES)
"""

import ctypes.util

import pytest

from world import wait_until

# Where it is missing, Crypto = ipsec-mb has to come down to OpenSSL with a warning.
INSTALLED = ctypes.util.find_library("IPSec_MB") is not None


def used(site):
    """What `status` says about sealing, once the engine has told it."""
    return wait_until("the engine in status", lambda: (site.json("spoke", "status")["engine"] or {}).get("crypto"))


def test_choices_understand_each_other(world):
    hq = world.headquarters(options=("-o", "Crypto=openssl"))
    branches = [
        world.branch(hq, f"linode{i + 1}", i + 1, options=options)
        for i, options in enumerate((
            ("-o", "Crypto=ipsec-mb"),
            ("-o", "Crypto=ipsec-mb", "-o", "Cipher=chacha20-poly1305"),
            ("-o", "Crypto=openssl", "-o", "Cipher=chacha20-poly1305"),
        ))
    ]
    sites = [hq, *branches]
    for a in sites:
        for b in sites:
            if a is not b:
                a.host.wait_ping(b.host4)
    # Of every size, and full ones.
    for size in (0, 1, 17, 300, 1372):
        assert branches[0].host.pings(branches[1].host4, count=5, size=size)
        assert branches[2].host.pings(hq.host4, count=5, size=size)

    library = used(branches[0]).split("/")[1]
    assert library in (("ipsec-mb", "openssl") if INSTALLED else ("openssl",))
    if library == "openssl":
        branches[0].daemon.wait_line("Crypto = ipsec-mb: .*; OpenSSL is used instead", start=0)
    assert used(branches[1]) == f"chacha20-poly1305/{library}"
    assert used(branches[2]) == "chacha20-poly1305/openssl"
    shown = branches[0].spoke("status", "--verbose").stdout
    assert f"data plane  {used(branches[0])}, tun" in shown and ", udp" in shown
    assert "data plane" not in branches[0].spoke("status").stdout


@pytest.mark.parametrize("kind", ["hub", "spoke"])
def test_unknown_choice_is_refused(world, kind):
    hq = world.headquarters()
    site = hq if kind == "hub" else world.branch(hq, "linode1", 1, start=False)
    if kind == "hub":
        hq.daemon.stop()
    refused = site.server.run(
        [site.program(kind), "-n", "linodeVPN", "-D", "-o", "Crypto=wolfssl", "run"], env=site.env(), check=False
    )
    assert refused.returncode == 1
    assert "auto, openssl, ipsec-mb" in refused.stderr
