// SPDX-License-Identifier: GPL-3.0-or-later
// The fields of a branch's settings, as texts while they are typed.
import type { Node, NodeEdit, PathPolicy } from "../../api/schema";
import { Field } from "../../parts/field";
import { groups, useResource } from "../../state/resource";

export interface Draft {
	name: string;
	comment: string;
	groups: string[];
	addresses: string;
	endpoints: string;
	keepalive_s: string;
	compression: string;
	path_policy: PathPolicy;
}

export function draftOf(n: Node): Draft {
	return {
		name: n.name,
		comment: n.comment,
		groups: [...n.groups].sort(),
		addresses: n.addresses.join("\n"),
		endpoints: n.endpoints.join("\n"),
		keepalive_s: String(n.keepalive_s),
		compression: String(n.compression),
		path_policy: n.path_policy,
	};
}

function lines(text: string): string[] {
	return text.split("\n").map((l) => l.trim()).filter(Boolean);
}

/** Only what differs, as the API wants it. */
export function editOf(before: Draft, now: Draft): NodeEdit {
	const all: NodeEdit = {
		name: now.name,
		comment: now.comment,
		groups: now.groups,
		addresses: lines(now.addresses),
		endpoints: lines(now.endpoints),
		keepalive_s: Number(now.keepalive_s),
		compression: Number(now.compression),
		path_policy: now.path_policy,
	};
	const same = (name: keyof Draft) => JSON.stringify(before[name]) === JSON.stringify(now[name]);
	return Object.fromEntries(Object.entries(all).filter(([name]) => !same(name as keyof Draft)));
}

const COMPRESSION = Array.from({ length: 12 }, (_, level) => ({
	value: String(level),
	label: level === 0 ? "off" : level < 10 ? `zlib ${level}${level === 1 ? " (quickest)" : level === 9 ? " (smallest)" : ""}` : level === 10 ? "LZO (quick)" : "LZO 999 (smaller)",
}));

const POLICIES = [
	{ value: "auto", label: "as it works best" },
	{ value: "hub-only", label: "always through the hub" },
	{ value: "direct-only", label: "never through the hub" },
];

export function GroupBoxes({ chosen, change, disabled }: { chosen: string[]; change(groups: string[]): void; disabled?: boolean }) {
	const all = useResource(groups).items ?? [];
	return (
		<fieldset class="field group-boxes" disabled={disabled}>
			<legend>Groups</legend>
			{all.map((g) => (
				<label key={g.id} class="check">
					<input type="checkbox" checked={chosen.includes(g.name)} onChange={() => change((chosen.includes(g.name) ? chosen.filter((c) => c !== g.name) : [...chosen, g.name]).sort())} />
					{g.name}
				</label>
			))}
			{chosen.length === 0 && <p class="warning small">In no group it can reach the hub only.</p>}
		</fieldset>
	);
}

export function SettingsForm(p: { node: Node; draft: Draft; setDraft(d: Draft): void; error: { pointer?: string; text: string } | null; disabled: boolean }) {
	const { draft, disabled } = p;
	const set = (name: keyof Draft) => (value: string) => p.setDraft({ ...draft, [name]: value });
	const errorOf = (name: string) => (p.error?.pointer?.startsWith(`/${name}`) ? p.error.text : undefined);
	const of = (name: keyof Draft) => ({ value: draft[name] as string, onInput: set(name), error: errorOf(name), disabled });
	return (
		<>
			<Field label="Name" {...of("name")} required maxLength={63} hint="Letters, digits, “_”, “-” and “.”." />
			<Field label="Comment" {...of("comment")} maxLength={255} />
			<GroupBoxes chosen={draft.groups} change={(groups) => p.setDraft({ ...draft, groups })} disabled={disabled} />
			<Field label="Addresses" {...of("addresses")} lines={2} hint="One IPv4 and one IPv6 address of the network, one a line." />
			<Field label="Fixed public addresses" {...of("endpoints")} lines={2} placeholder="branch.example.com 6655" hint="Where others may reach it directly: host, a blank, port; one a line. Usually none." />
			<Field label="Keepalive (s)" type="number" {...of("keepalive_s")} hint="For a WireGuard device behind NAT: 25. 0 is off; branches need none." />
			<Field label="Compression towards it" {...of("compression")} options={COMPRESSION} hint="Worth its CPU only on slow lines; what does not get smaller is sent as it is." />
			{p.node.kind === "spoke" && <Field label="Paths to other branches" {...of("path_policy")} options={POLICIES} />}
		</>
	);
}
