// SPDX-License-Identifier: GPL-3.0-or-later
// The networks behind one branch.
import { useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { Node, Subnet } from "../../api/schema";
import { Badge, Card } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { List } from "../../parts/list";
import { formatPrefix, hasHostBits, overlaps, parsePrefix, type Prefix, prefixOf } from "../../parts/prefix";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { At } from "../../parts/time";
import { tell } from "../../parts/toast";
import { subnets, useResource } from "../../state/resource";
import { may } from "../../state/session";

/** Others whose range overlaps; the same prefix behind another node is fail-over. */
export function conflictsOf(text: string, all: Subnet[], own: number | null): Subnet[] {
	const p = parsePrefix(text);
	return p ? all.filter((s) => s.node_id !== own && overlapsText(p, s.prefix)) : [];
}

function overlapsText(p: Prefix, text: string): boolean {
	const other = prefixOf(text);
	return !!other && overlaps(p, other);
}

/** What is wrong with a typed prefix, before the hub is asked. */
export function prefixError(text: string): string | undefined {
	const p = parsePrefix(text);
	if (!p) {
		return "This is no network: write it like 10.20.0.0/24.";
	}
	if (hasHostBits(p)) {
		const mask = p.length === 0 ? 0n : ((1n << BigInt(p.length)) - 1n) << BigInt((p.family === 4 ? 32 : 128) - p.length);
		return `Bits behind /${p.length} are set; did you mean ${formatPrefix({ ...p, base: p.base & mask })}?`;
	}
	return undefined;
}

function askRemove(s: Subnet): void {
	ask({
		title: s.status === "proposed" ? `Refuse ${s.prefix} behind ${s.node}` : `Remove ${s.prefix} from ${s.node}`,
		body: <p>{s.status === "proposed" ? `The proposal of ${s.node} is refused; it may propose again.` : `Nobody can reach ${s.prefix} behind ${s.node} any more, from this moment on.`}</p>,
		action: `${s.status === "proposed" ? "Refuse" : "Remove"} ${s.prefix}`,
		danger: true,
		async run() {
			await call("DELETE /api/v1/subnets/{id}", { id: s.id });
			tell(`${s.prefix} is no longer behind ${s.node}.`);
		},
	});
}

/** Another weight, without taking the subnet away meanwhile. */
function askWeight(s: Subnet, all: Subnet[]): void {
	const twins = all.filter((o) => o.prefix === s.prefix && o.id !== s.id);
	ask({
		title: `Weight of ${s.prefix} behind ${s.node}`,
		body: <p>{twins.length ? `It is also behind ${twins.map((t) => `${t.node} (weight ${t.weight})`).join(", ")}. The lowest weight that can be reached gets the packets.` : "It matters once the same network is behind another branch, too: the lower weight gets the packets."}</p>,
		action: "Set the weight",
		input: { label: "Weight (0 to 65535)", value: String(s.weight) },
		async run(input) {
			const { data } = await call("PATCH /api/v1/subnets/{id}", { id: s.id, body: { weight: Number(input.trim() || NaN) } });
			tell(`${s.prefix} behind ${s.node} has weight ${data.subnet.weight}.`);
		},
	});
}

/** The checks are those of adding it. */
function askApprove(s: Subnet, all: Subnet[]): void {
	const others = conflictsOf(s.prefix, all, s.node_id).filter((o) => o.status === "approved");
	const twins = others.filter((o) => o.prefix === s.prefix);
	const failover = twins.length > 0;
	ask({
		title: `Approve ${s.prefix} behind ${s.node}`,
		body: (
			<>
				<p>{`Every branch that may talk to ${s.node} sends packets for ${s.prefix} there, from this moment on.`}</p>
				{failover && <p class="warning">{`The same network is behind ${twins.map((t) => `${t.node} (weight ${t.weight})`).join(", ")}: ${s.node} becomes a second way to it, with weight ${s.weight}; the lower wins.`}</p>}
				{others.length > twins.length && <p class="warning">{`It overlaps with ${others.map((o) => `${o.prefix} behind ${o.node}`).join(", ")}: the hub refuses that.`}</p>}
			</>
		),
		action: `Approve ${s.prefix}`,
		async run() {
			await call("PATCH /api/v1/subnets/{id}", { id: s.id, body: { status: "approved", ...(failover ? { failover } : {}) } });
			tell(`${s.prefix} is now behind ${s.node}.`);
		},
	});
}

function Actions({ s, all }: { s: Subnet; all: Subnet[] }) {
	return (
		<span class="actions">
			{s.status === "proposed" && (
				<button type="button" aria-label={`Approve ${s.prefix} behind ${s.node}`} onClick={() => askApprove(s, all)}>
					Approve…
				</button>
			)}
			<button type="button" aria-label={`Weight of ${s.prefix} behind ${s.node}`} onClick={() => askWeight(s, all)}>
				Weight…
			</button>
			<button type="button" class="danger-soft" aria-label={`Remove ${s.prefix} from ${s.node}`} onClick={() => askRemove(s)}>
				{s.status === "proposed" ? "Refuse…" : "Remove…"}
			</button>
		</span>
	);
}

export function subnetColumns(withNode: boolean, all: Subnet[]): Column<Subnet>[] {
	const columns: Column<Subnet>[] = [
		{ id: "prefix", title: "Network", sort: (s) => s.prefix.replace(/\d+/g, (n) => n.padStart(3, "0")), cell: (s) => <code>{s.prefix}</code> },
		{ id: "weight", title: "Weight", align: "right", sort: (s) => s.weight, cell: (s) => <span title="Lower wins">{s.weight}</span> },
		{ id: "status", title: "Status", sort: (s) => s.status, cell: (s) => <Badge tone={s.status === "approved" ? "good" : "warn"}>{s.status}</Badge> },
		{
			id: "conflict",
			title: "Overlaps with",
			cell: (s) => {
				const others = conflictsOf(s.prefix, all, s.node_id);
				return others.length ? others.map((o) => `${o.prefix} behind ${o.node}${o.prefix === s.prefix ? " (fail-over)" : ""}`).join(", ") : <span class="muted">nothing</span>;
			},
		},
		{ id: "made", title: "Since", sort: (s) => s.created_at, cell: (s) => <At at={s.created_at} /> },
		{ id: "act", title: "", cell: (s) => may("operator") && <Actions s={s} all={all} /> },
	];
	return withNode ? [columns[0] as Column<Subnet>, { id: "node", title: "Behind", sort: (s) => s.node, cell: (s) => <a href={`#/branches/${encodeURIComponent(s.node)}?tab=subnets`}>{s.node}</a> }, ...columns.slice(1)] : columns;
}

export function AddSubnet({ node, all }: { node: Node; all: Subnet[] }) {
	const [prefix, setPrefix] = useState("");
	const [weight, setWeight] = useState("10");
	const [failover, setFailover] = useState(false);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const conflicts = conflictsOf(prefix, all, node.id);
	const twin = conflicts.some((c) => c.prefix === prefix.trim());
	const submit = (e: Event) => {
		e.preventDefault();
		const wrong = prefixError(prefix);
		if (wrong) {
			setError({ pointer: "/prefix", text: wrong });
			return;
		}
		call("POST /api/v1/subnets", { body: { node: node.id, prefix: prefix.trim(), weight: Number(weight), ...(twin && failover ? { failover } : {}) } })
			.then(() => {
				tell(`${prefix} is now behind ${node.name}.`);
				setPrefix("");
				setError(null);
			})
			.catch((e: unknown) => setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) }));
	};
	const warning = conflicts.length ? `Overlaps with ${conflicts.map((c) => `${c.prefix} behind ${c.node}`).join(", ")}.` : undefined;
	return (
		<form class="card-body inline-form" onSubmit={submit}>
			<Field label="Network" value={prefix} onInput={setPrefix} placeholder="10.20.0.0/24" required error={error && error.pointer !== "/weight" ? error.text : undefined} warning={warning} />
			<Field label="Weight" type="number" value={weight} onInput={setWeight} error={error?.pointer === "/weight" ? error.text : undefined} hint="Lower wins." />
			{twin && (
				<label class="check">
					<input type="checkbox" checked={failover} onChange={() => setFailover(!failover)} />
					The same network, reached a second way (fail-over)
				</label>
			)}
			<button type="submit" class="primary">
				Add network
			</button>
		</form>
	);
}

export function SubnetsTab({ node }: { node: Node }) {
	const loaded = useResource(subnets);
	return (
		<Card title="Networks behind it">
			<Content what="networks" loaded={loaded}>
				{(all) => {
					const own = all.filter((s) => s.node_id === node.id);
					return (
						<>
							{own.length ? (
								<List label="Networks" columns={subnetColumns(false, all)} rows={own} keyOf={(s) => s.id} by="prefix" />
							) : (
								<Empty icon="subnets" title="No network is behind it">
									<p>Only the branch's own addresses can be reached.</p>
								</Empty>
							)}
							{may("operator") && <AddSubnet node={node} all={all} />}
						</>
					);
				}}
			</Content>
		</Card>
	);
}
