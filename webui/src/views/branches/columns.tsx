// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of the list of branches.
import { Badge, Chip, Spark } from "../../parts/bits";
import { KIND, loss, rate, rtt } from "../../parts/format";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { useCell } from "../../state/cell";
import { healthOf, pathText, pathTone } from "../../state/health";
import type { Branch } from "../../state/live";
import { recent } from "../../state/recent";
import { href } from "../../state/route";

/** What sorts first is what needs attention. */
const HEALTH_ORDER = ["down", "partly", "up", "invited", "disabled", "revoked"];

export function Status({ b }: { b: Branch }) {
	const { tone, text, why } = healthOf(b);
	return (
		<Badge tone={tone} title={why}>
			{text}
		</Badge>
	);
}

export function PathBadge({ b }: { b: Branch }) {
	return b.node.status === "active" && b.presence ? (
		<Badge tone={pathTone(b.presence.path)} title={b.presence.path_reason}>
			{pathText(b)}
		</Badge>
	) : (
		<span class="muted">–</span>
	);
}

export function Chips({ items, none = "–" }: { items: string[]; none?: string }) {
	if (!items.length) {
		return <span class="muted">{none}</span>;
	}
	const more = items.length - 1;
	return (
		<span title={items.join(", ")}>
			<Chip>{items[0]}</Chip>
			{more > 0 && <span class="muted small"> +{more}</span>}
		</span>
	);
}

function Rates({ b }: { b: Branch }) {
	const { rx, tx } = b.rates;
	const line = useCell(recent).get(b.id) ?? [];
	if (((rx === null || tx === null) && line.length < 2) || !b.presence?.handshake_at) {
		return <span class="muted">–</span>;
	}
	return (
		<span class="rates" title="What the hub gets from it (in) and sends to it (out) now; the line is the last hour">
			<Spark values={line} />
			<span class="num">
				{rate(rx)} in
				<br />
				{rate(tx)} out
			</span>
		</span>
	);
}

/** Addresses sort by their numbers. */
function addressKey(address: string | undefined): string | null {
	return address?.replace(/\d+/g, (n) => n.padStart(3, "0")) ?? null;
}

export const columns: Column<Branch>[] = [
	{ id: "status", title: "Status", width: "98px", sort: (b) => HEALTH_ORDER.indexOf(healthOf(b).health), cell: (b) => <Status b={b} /> },
	{ id: "name", title: "Name", width: "120px", sort: (b) => b.node.name, cell: (b) => <a title={b.node.name} href={href(["branches", b.node.name])}>{b.node.name}</a> },
	{ id: "kind", title: "Kind", width: "140px", sort: (b) => b.node.kind, cell: (b) => KIND[b.node.kind] },
	{ id: "group", title: "Group", width: "104px", sort: (b) => b.node.groups[0] ?? null, cell: (b) => <Chips items={b.node.groups} none="none" /> },
	{ id: "addresses", title: "Address", width: "112px", sort: (b) => addressKey(b.node.addresses[0]), cell: (b) => <span class="num">{b.node.addresses[0] ?? "–"}</span> },
	{ id: "subnets", title: "Subnets", width: "130px", sort: (b) => addressKey(b.node.subnets[0]?.prefix), cell: (b) => <Chips items={b.node.subnets.map((s) => s.prefix)} /> },
	{ id: "path", title: "Path", width: "112px", sort: (b) => (b.node.status === "active" ? (b.presence?.path ?? null) : null), cell: (b) => <PathBadge b={b} /> },
	{ id: "rtt", title: "RTT", width: "56px", align: "right", sort: (b) => b.presence?.rtt_us ?? null, cell: (b) => rtt(b.presence?.rtt_us) },
	{ id: "loss", title: "Loss", width: "50px", align: "right", sort: (b) => b.path?.loss_permille ?? null, cell: (b) => loss(b.path?.loss_permille) },
	{ id: "handshake", title: "Handshake", width: "92px", sort: (b) => b.presence?.handshake_at ?? null, cell: (b) => <Ago at={b.presence?.handshake_at} /> },
	{ id: "rates", title: "Traffic now", width: "136px", align: "right", sort: (b) => (b.rates.rx === null ? null : b.rates.rx + (b.rates.tx ?? 0)), cell: (b) => <Rates b={b} /> },
	{ id: "endpoint", title: "Public address", width: "200px", sort: (b) => addressKey(b.presence?.endpoint ?? undefined), cell: (b) => <span class="num">{b.presence?.endpoint ?? "–"}</span> },
	{ id: "version", title: "Version", width: "66px", sort: (b) => b.presence?.version ?? null, cell: (b) => b.presence?.version ?? "–" },
	{ id: "comment", title: "Comment", width: "180px", sort: (b) => b.node.comment || null, cell: (b) => <span title={b.node.comment}>{b.node.comment || "–"}</span> },
];

export const HIDDEN_AT_FIRST = ["kind", "endpoint", "comment"];

export function BranchCard({ b }: { b: Branch }) {
	return (
		<a class="row-card" href={href(["branches", b.node.name])}>
			<strong>{b.node.name}</strong>
			<Status b={b} />
			<span class="muted small">
				{b.node.addresses[0]} · {b.node.subnets[0]?.prefix ?? "no subnet"}
			</span>
			<span class="muted small">{healthOf(b).health === "up" ? [pathText(b), b.presence?.rtt_us == null ? "" : rtt(b.presence.rtt_us)].filter(Boolean).join(", ") : ""}</span>
		</a>
	);
}
