// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of one branch, with their age; revoking one, and asking the branch for new ones.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Key, Node } from "../../api/schema";
import { Badge, Card, Mono } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { absolute } from "../../parts/format";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { network } from "../../state/live";
import { keyRotations, keys, useResource } from "../../state/resource";
import { may } from "../../state/session";
import { RotateDialog, RotationsCard } from "./rotation";

/** Its age, and whether that is more than the rules for keys allow. */
function Age({ k }: { k: Key }) {
	return (
		<span class="nowrap">
			<Ago at={k.created_at} />{" "}
			{k.due === "overdue" && <Badge tone="bad" title={`Older than the rules for keys allow, since ${absolute(k.due_at)}`}>too old</Badge>}
			{k.due === "soon" && <Badge tone="warn" title={`Older than the rules for keys allow from ${absolute(k.due_at)} on`}>too old soon</Badge>}
		</span>
	);
}

const TONE = { current: "good", retired: "off", revoked: "bad" } as const;

function askRevoke(k: Key): void {
	const end = k.status === "current" ? `${k.node} is cut off until it joins anew with a new token.` : "It is an old key that no longer counts; it is only marked.";
	ask({
		title: `Revoke the ${k.kind} key of ${k.node}`,
		body: <p>{`The key ${k.fingerprint.slice(0, 16)}… stops working everywhere within a second. ${end}`}</p>,
		action: "Revoke key",
		danger: true,
		input: { label: "Reason (for the audit log)", placeholder: "leaked" },
		async run(reason) {
			await call("POST /api/v1/keys/{id}/revoke", { id: k.id, body: reason ? { reason } : {} });
			tell(`The ${k.kind} key of ${k.node} is revoked.`);
		},
	});
}

export function keyColumns(withNode: boolean): Column<Key>[] {
	const columns: Column<Key>[] = [
		{ id: "kind", title: "Kind", sort: (k) => k.kind, cell: (k) => k.kind },
		{ id: "status", title: "Status", sort: (k) => k.status, cell: (k) => <Badge tone={TONE[k.status]}>{k.status}</Badge> },
		{ id: "fingerprint", title: "Fingerprint", cell: (k) => <Mono text={k.fingerprint} shown={`${k.fingerprint.slice(0, 16)}…`} what={`the fingerprint of key ${k.id}`} /> },
		{ id: "age", title: "Made", sort: (k) => k.created_at, cell: (k) => <Age k={k} /> },
		{ id: "unbroken", title: "Vouched for", sort: (k) => (k.unbroken ? 1 : 0), cell: (k) => (k.unbroken ? "yes" : <Badge tone="warn" title="Not signed by the key before: the branch was joined anew">no</Badge>) },
		{ id: "why", title: "Ended", sort: (k) => k.revoked_at, cell: (k) => <Ended k={k} /> },
		{
			id: "act",
			title: "",
			cell: (k) => may("operator") && k.status === "current" && k.node_id !== network.get()?.hub.id && <button type="button" class="danger-soft" aria-label={`Revoke the ${k.kind} key of ${k.node}`} onClick={() => askRevoke(k)}>Revoke…</button>,
		},
	];
	return withNode ? [{ id: "node", title: "Node", sort: (k) => k.node, cell: (k) => <a href={`#/branches/${encodeURIComponent(k.node)}`}>{k.node}</a> }, ...columns] : columns;
}

function Ended({ k }: { k: Key }) {
	if (k.revoked_at) {
		return <><Ago at={k.revoked_at} />{k.revoked_why ? `: ${k.revoked_why}` : ""}</>;
	}
	if (k.status === "retired" && k.expires_at) {
		return Date.parse(k.expires_at) > Date.now() ? <>counts for <Until at={k.expires_at} over="no longer" /></> : <Ago at={k.expires_at} />;
	}
	return "–";
}

const columns = keyColumns(false);

export function KeysTab({ node, online }: { node: Node; online: boolean }) {
	const loaded = useResource(keys);
	const under = (useResource(keyRotations).items ?? []).filter((r) => r.node_id === node.id);
	const [rotating, setRotating] = useState(false);
	const rotate = may("operator") && node.kind === "spoke" && node.status === "active" && (
		<button type="button" onClick={() => setRotating(true)}>
			Rotate keys…
		</button>
	);
	return (
		<>
			<RotationsCard rows={under} />
			<Card title="Keys" actions={rotate}>
				<Content what="keys" loaded={loaded}>
					{(all) => {
						const own = all.filter((k) => k.node_id === node.id);
						return own.length ? (
							<List label="Keys" columns={columns} rows={own} keyOf={(k) => k.id} by="age" down />
						) : (
							<Empty icon="keys" title="No key yet">
								<p>The branch makes its keys when it joins; private keys never leave it.</p>
							</Empty>
						);
					}}
				</Content>
			</Card>
			{rotating && <RotateDialog node={node} away={!online} onClose={() => setRotating(false)} />}
		</>
	);
}
