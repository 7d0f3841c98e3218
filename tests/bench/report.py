# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown out of the raw numbers of a benchmark: medians over the rounds, ratios within them, and how noisy it was."""

import statistics

BASE, CEILING = "tinc", "veth"
NOISY = 0.15
# Processors busy with the work of others, from which on no figure is to be trusted.
QUIET = 0.2


class Numbers:
    """Looks values up: a key is a path like "tcp1.mbit"."""

    def __init__(self, result):
        self.rounds = result["rounds"]
        self.peers = list(result["peers"])

    def one(self, values, key):
        for part in key.split("."):
            values = values.get(part) if isinstance(values, dict) else None
        return values

    def all(self, peer, key):
        found = (self.one(r.get(peer, {}), key) for r in self.rounds)
        return [v for v in found if v is not None]

    def median(self, peer, key):
        values = self.all(peer, key)
        return statistics.median(values) if values else None

    def spread(self, peer, key):
        """(largest - smallest) / median."""
        values = self.all(peer, key)
        return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 and any(values) else None

    def ratio(self, peer, key, to, to_key=None):
        """The median of the rounds' ratios: what drifts from round to round cancels out."""
        pairs = ((self.one(r.get(peer, {}), key), self.one(r.get(to, {}), to_key or key)) for r in self.rounds)
        ratios = [a / b for a, b in pairs if a is not None and b]
        return statistics.median(ratios) if ratios else None


def show(value, form=".2f"):
    return "-" if value is None else format(value, form)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def with_range(n, peer, key):
    values = n.all(peer, key)
    if not values:
        return "-"
    text = f"{statistics.median(values):.0f}"
    return text + (f" ({min(values):.0f}-{max(values):.0f})" if len(values) > 1 else "")


def by_end(n, peer, key):
    """Each end's share, as spoke / hub / far."""
    ends = [e for e in ("spoke", "hub", "far") if n.all(peer, f"{key}.{e}")]
    return " / ".join(show(n.median(peer, f"{key}.{e}")) for e in ends) or "-"


def throughput(n):
    heads = ["peer", "TCP x1, Mbit/s", "TCP x4, Mbit/s", f"x1 / {BASE}", f"x4 / {BASE}", f"x1 / {CEILING}",
             "daemons' CPU s/GB, x1", "spoke / hub / far", "x4", "whole machine's CPU s/GB", "retransmits x1", "x4"]
    rows = [[
        p, with_range(n, p, "tcp1.mbit"), with_range(n, p, "tcp4.mbit"),
        show(n.ratio(p, "tcp1.mbit", BASE)), show(n.ratio(p, "tcp4.mbit", BASE)), show(n.ratio(p, "tcp1.mbit", CEILING), ".3f"),
        show(n.median(p, "tcp1.cpu_s_per_gb")), by_end(n, p, "tcp1.cpu_s_per_gb_by_end"),
        show(n.median(p, "tcp4.cpu_s_per_gb")), show(n.median(p, "tcp1.all_cpu_s_per_gb")),
        show(n.median(p, "tcp1.retransmits"), ".0f"), show(n.median(p, "tcp4.retransmits"), ".0f"),
    ] for p in n.peers]
    return table(heads, rows)


def packets(n):
    heads = ["peer", "UDP 64 B, kpps delivered", "loss %", f"/ {BASE}", "UDP 1200 B, kpps delivered", "loss %", f"/ {BASE}",
             "with usual buffers", f"/ {BASE}", "idle ping, us: median", "p99", "beside one TCP stream: median", "p99", "lost"]

    def udp(p, size):
        pps = n.median(p, f"udp{size}.pps")
        return [show(pps and pps / 1000, ".1f"), show(n.median(p, f"udp{size}.loss_percent"), ".1f"),
                show(n.ratio(p, f"udp{size}.pps", BASE))]

    def usual(p):
        pps = n.median(p, "udp1200_usual.pps")
        return [show(pps and pps / 1000, ".1f"), show(n.ratio(p, "udp1200_usual.pps", BASE))]

    rows = [[
        p, *udp(p, 64), *udp(p, 1200), *usual(p),
        show(n.median(p, "ping_idle.median_us"), ".0f"), show(n.median(p, "ping_idle.p99_us"), ".0f"),
        show(n.median(p, "ping_loaded.median_us"), ".0f"), show(n.median(p, "ping_loaded.p99_us"), ".0f"),
        show(n.median(p, "ping_loaded.lost"), ".0f"),
    ] for p in n.peers]
    return table(heads, rows)


def calls(n, prefix="", more=()):
    """One-way delays of a call's packets, in microseconds: median / p99 / max, and what was lost; and `more` columns (head, key)."""
    heads = ["peer"]
    for beside in ("alone", "beside one TCP stream", "beside 4"):
        heads += [f"{beside}, their direction", "the other", "lost %"]

    def cells(p, key):
        ways = [" / ".join(show(n.median(p, f"{key}.{way}.{q}"), ".0f") for q in ("median_us", "p99_us", "max_us"))
                for way in ("with", "against")]
        lost = [v for way in ("with", "against") if (v := n.median(p, f"{key}.{way}.lost_percent")) is not None]
        return [*ways, show(max(lost) if lost else None, ".1f")]

    heads += [head for head, _ in more]
    return table(heads, [[p, *(c for streams in (0, 1, 4) for c in cells(p, f"{prefix}voice{streams}")),
                          *(show(n.median(p, key)) for _, key in more)] for p in n.peers])


def start_and_memory(n):
    heads = ["peer", "spoke's start to first reply, ms", "resident MiB idle, hub", "spoke", "after load, hub", "spoke",
             "proportional MiB after load, hub", "spoke"]
    keys = [f"memory_{when}.{end}.{kind}" for when, kind in (("idle", "rss_mib"), ("after", "rss_mib"), ("after", "pss_mib"))
            for end in ("hub", "spoke")]
    rows = [[p, show(n.median(p, "first_reply_ms"), ".0f"), *(show(n.median(p, k), ".1f") for k in keys)] for p in n.peers]
    return table(heads, rows)


def wire_and_loss(n):
    heads = ["peer", "wire-like, Mbit/s", f"/ {BASE}", "of the plain cable", "through the bridge, no loss", "0.1 % loss",
             "share kept", "1 % loss", "share kept", "retransmits at 1 %"]
    rows = [[
        p, with_range(n, p, "wire1.mbit"), show(n.ratio(p, "wire1.mbit", BASE)), show(n.ratio(p, "wire1.mbit", p, "tcp1.mbit")),
        with_range(n, p, "loss0.mbit"), with_range(n, p, "loss1.mbit"), show(n.ratio(p, "loss1.mbit", p, "loss0.mbit"), ".3f"),
        with_range(n, p, "loss10.mbit"), show(n.ratio(p, "loss10.mbit", p, "loss0.mbit"), ".3f"),
        show(n.median(p, "loss10.retransmits"), ".0f"),
    ] for p in n.peers if n.all(p, "wire1.mbit") or n.all(p, "loss0.mbit")]
    return table(heads, rows)


def aims(n):
    """(what, measured, wanted, whether at least or at most)."""
    evp = next((p for p in ("ours-openssl", "ours") if p in n.peers), None)
    mb = "ours-ipsec-mb" if "ours-ipsec-mb" in n.peers else None
    direct = mb or evp or "ours"
    found = []
    for backend, peer, times, cpu in (("EVP", evp, 10, 7), ("ipsec-mb", mb, 16, 13)):
        found.append((f"TCP x1, {backend}, / {BASE}", n.ratio(peer, "tcp1.mbit", BASE), times, "least"))
        found.append((f"TCP x4, {backend}, / {BASE}", n.ratio(peer, "tcp4.mbit", BASE), times, "least"))
        found.append((f"daemons' CPU s/GB, {backend}, / {BASE}", n.ratio(peer, "tcp1.cpu_s_per_gb", BASE), 1 / cpu, "most"))
    found += [
        (f"TCP x1, relayed / {direct}", n.ratio("ours-relayed", "tcp1.mbit", direct), 0.6, "least"),
        (f"UDP 1200 B delivered, {direct} / {BASE}", n.ratio(direct, "udp1200.pps", BASE), 5, "least"),
        (f"idle ping (median), {direct} / {BASE}", n.ratio(direct, "ping_idle.median_us", BASE), 1, "most"),
        (f"TCP x1 at 1 % loss, {direct} / {CEILING}", n.ratio(direct, "loss10.mbit", CEILING), 0.9, "least"),
        (f"share of its own speed kept at 1 % loss, {direct} / {CEILING}", kept_ratio(n, direct, "loss10"), 0.9, "least"),
        (f"share of its own speed kept at 0.1 % loss, {direct} / {CEILING}", kept_ratio(n, direct, "loss1"), 0.9, "least"),
        (f"median delay of a call beside 4 TCP on 10 Mbit/s, {direct} / {BASE}",
         n.ratio(direct, "slow_voice4.with.median_us", BASE), 1, "most"),
    ]
    return found


def kept_ratio(n, peer, loss):
    """How much of its own speed without loss a peer keeps with some, compared with the bare cable doing the same."""
    own, bare = (n.ratio(p, f"{loss}.mbit", p, "loss0.mbit") for p in (peer, CEILING))
    return own / bare if own and bare else None


def checks(n, result):
    """A verdict of too few rounds, or of a machine that others used, says so."""
    unsure = " (too few rounds)" if len(result["rounds"]) < 3 else " (noisy)" if warning(result) else ""
    rows = []
    for what, value, wanted, side in aims(n):
        reached = value is not None and (value >= wanted if side == "least" else value <= wanted)
        rows.append([what, show(value, ".3g"), f"{'>=' if side == 'least' else '<='} {wanted:.3g}",
                     "not measured" if value is None else ("reached" if reached else "not reached") + unsure])
    return table(["aim", "measured ratio", "wanted", ""], rows)


def noise(n, result):
    rows = []
    for key, what in (("tcp1.mbit", "TCP x1"), ("tcp4.mbit", "TCP x4"), ("tcp1.cpu_s_per_gb", "CPU s/GB"),
                      ("udp64.pps", "UDP 64 B"), ("udp1200.pps", "UDP 1200 B"), ("ping_idle.median_us", "idle ping"),
                      ("wire1.mbit", "wire-like"), ("loss10.mbit", "1 % loss")):
        spreads = {p: s for p in n.peers if (s := n.spread(p, key)) is not None}
        if spreads:
            worst = max(spreads, key=spreads.get)
            rows.append([what, f"{statistics.median(spreads.values()):.0%}", f"{spreads[worst]:.0%} ({worst})",
                         ", ".join(p for p in spreads if spreads[p] > NOISY) or "none"])
    foreign = foreign_loads(result)
    stolen = sum(v.get(k, {}).get("stolen_s", 0) for r in result["rounds"] for v in r.values() for k in v if isinstance(v[k], dict))
    lines = [
        f"Spread is (largest - smallest) / median over the rounds; with {len(result['rounds'])} of them, differences below it are ties.",
        "", table(["measure", "median spread of the peers", "largest", f"above {NOISY:.0%}"], rows) if rows else
        "One round: no spread is known, so no figure here stands on its own.",
        "", f"Processors kept busy by others just before the visits: median {statistics.median(foreign):.2f}, "
        f"worst {max(foreign):.2f} of {result['machine']['cpus']}. Taken by the host during TCP streams: {stolen:.1f} s.",
    ]
    return "\n".join(lines)


def foreign_loads(result):
    return [v["foreign_load"] for r in result["rounds"] for v in r.values()]


def warning(result):
    """Said above everything else when the machine was not ours alone."""
    busy = statistics.median(foreign_loads(result))
    if busy <= QUIET:
        return []
    return [f"**Others kept {busy:.1f} of {result['machine']['cpus']} processors busy: the figures are too low, and the ratios rough.**"]


def settings(n, result):
    rows = [[p, result["peers"][p]["version"], result["peers"][p]["settings"], show(n.median(p, "mtu"), ".0f"),
             len(n.all(p, "tcp1.mbit"))] for p in n.peers]
    return table(["peer", "version", "settings", "MTU inside", "rounds"], rows)


def remarks(result):
    lines = [f"- without {name}: {why}" for name, why in result["skipped"].items()]
    for number, values in enumerate(result["rounds"], 1):
        lines += [f"- round {number}, {name}: {error.splitlines()[0]}" for name in values for error in values[name].get("errors", ())]
    return "\n".join(lines) or "- none"


def markdown(result):
    n = Numbers(result)
    machine = result["machine"]
    parts = [
        f"# Benchmark of {result['began']}",
        f"{machine['cpus']} processors ({machine['model']}) hold both ends and both iperf3; Linux {machine['kernel']}, "
        f"{machine['iperf3']}, {machine['openssl']}. {len(result['rounds'])} rounds, {result['seconds']:g} s a stream, TCP with cubic. "
        "Medians (smallest-largest); ratios are medians of the rounds' own ratios.",
        *warning(result),
        "## Aims", checks(n, result),
        "## TCP", throughput(n),
        "## Packets and latency", packets(n),
        "UDP is sent as fast as iperf3 can: it and the daemons fight for the same processors, so the loss is no property of the tunnel. "
        "iperf3 has socket buffers of 2 MiB, but in the column \"usual buffers\": there it loses most of what it does not read at once.",
        "## A call", calls(n),
        "50 packets a second of 200 bytes each way; one-way delay in microseconds, median / p99 / max of a round.",
        "## A call on a line of 10 Mbit/s", calls(n, "slow_", [("TCP x4, Mbit/s", "slow_tcp4.mbit")]),
        "The line's queue is at the sender and holds 1.2 s.",
        "## Start and memory", start_and_memory(n),
        "## A wire, and loss", wire_and_loss(n),
        "Wire-like: the sender's segmentation (TSO, USO) is off, the receiver's GRO on. Loss: the same through a bridge that drops each "
        "packet at random, in both directions. Share kept: of the same peer's speed through the bridge without loss.",
        "## Noise", noise(n, result),
        "## Peers", settings(n, result),
        "## Left out or failed", remarks(result),
    ]
    return "\n\n".join(parts)
