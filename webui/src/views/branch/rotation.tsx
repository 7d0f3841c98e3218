// SPDX-License-Identifier: GPL-3.0-or-later
// New keys for a branch: asking it for them, and approving or refusing those that it proposes.
import { useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { KeyRotation, Node } from "../../api/schema";
import { Badge, Card } from "../../parts/bits";
import { ask, Dialog } from "../../parts/dialog";
import { fingerprint } from "../../parts/format";
import { List } from "../../parts/list";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { tell } from "../../parts/toast";
import { keyRotations } from "../../state/resource";
import { may } from "../../state/session";

type Kind = KeyRotation["keys"][number];

const LABELS: Record<Kind, { label: string; hint: string }> = {
	tunnel: { label: "Tunnel key", hint: "What packets are encrypted with. Its sessions go on." },
	identity: { label: "Identity key", hint: "By which the hub and other branches know it. The old one signs the new one, so nobody is warned." },
};

function words(keys: Kind[]): string {
	return `${keys.join(" and ")} ${keys.length > 1 ? "keys" : "key"}`;
}

export function RotateDialog({ node, away, onClose }: { node: Node; away: boolean; onClose(): void }) {
	const [kinds, setKinds] = useState<Kind[]>(["tunnel"]);
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		call("POST /api/v1/nodes/{id}/rotate-keys", { id: `id:${node.id}`, body: { keys: kinds } }).then(
			() => {
				tell(`${node.name} is asked for its new ${words(kinds)}.`);
				void keyRotations.load();
				onClose();
			},
			(e: unknown) => setError(messageOf(e)),
		);
	};
	const turn = (kind: Kind) => setKinds(kinds.includes(kind) ? kinds.filter((k) => k !== kind) : [...kinds, kind]);
	return (
		<Dialog title={`Rotate the keys of ${node.name}`} onClose={onClose}>
			<form onSubmit={submit}>
				<div class="dialog-body">
					<p>{`${node.name} makes the new keys itself; private keys never leave it. Traffic goes on, and the old keys still count until their overlap ends.`}</p>
					{away && <p class="warning">{`${node.name} is not connected: it is asked when it comes back.`}</p>}
					<fieldset class="field group-boxes">
						<legend>Replace</legend>
						{(Object.keys(LABELS) as Kind[]).map((kind) => (
							<label key={kind} class="check">
								<input type="checkbox" checked={kinds.includes(kind)} onChange={() => turn(kind)} />
								<span>
									{LABELS[kind].label} <span class="muted small">{LABELS[kind].hint}</span>
								</span>
							</label>
						))}
					</fieldset>
					{error && (
						<p class="error" role="alert">
							{error}
						</p>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="primary" disabled={kinds.length === 0}>
						Rotate
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

function Fingerprints({ r }: { r: KeyRotation }) {
	const made: [Kind, string | null][] = [["tunnel", r.tunnel_fingerprint], ["identity", r.identity_fingerprint]];
	const shown = made.filter(([, hex]) => hex !== null);
	return shown.length ? (
		<>
			{shown.map(([kind, hex]) => (
				<div key={kind}>
					{kind} <code title={fingerprint(hex ?? "")}>{(hex ?? "").slice(0, 16)}…</code>
				</div>
			))}
		</>
	) : (
		<span class="muted">not made yet</span>
	);
}

/** Takes what was shown, and nothing that the branch has proposed since. */
async function approveShown(r: KeyRotation): Promise<void> {
	const { data, etag } = await call("GET /api/v1/key-rotations/{id}", { id: `id:${r.node_id}` });
	if (data.tunnel_fingerprint !== r.tunnel_fingerprint || data.identity_fingerprint !== r.identity_fingerprint) {
		await keyRotations.load();
		throw new ApiError(412, "changed", `${r.node} has proposed other keys meanwhile. Close this, and look at them first.`, undefined);
	}
	await call("POST /api/v1/key-rotations/{id}/approve", { id: `id:${r.node_id}`, body: {}, ifMatch: etag });
}

function askApprove(r: KeyRotation): void {
	ask({
		title: `Approve the new ${words(r.keys)} of ${r.node}`,
		body: (
			<>
				<p>{`${r.node} has made them and signed them with the identity key that it has. To be sure, compare with what its own server shows:`}</p>
				<Fingerprints r={r} />
				<p>Traffic goes on; the old keys still count until their overlap ends.</p>
			</>
		),
		action: "Approve",
		async run() {
			await approveShown(r);
			await keyRotations.load();
			tell(`The new ${words(r.keys)} of ${r.node} ${r.keys.length > 1 ? "count" : "counts"} now.`);
		},
	});
}

function askRefuse(r: KeyRotation): void {
	const proposed = r.state === "proposed";
	ask({
		title: proposed ? `Refuse the new ${words(r.keys)} of ${r.node}` : `Take back the request to ${r.node}`,
		body: <p>{proposed ? `${r.node} goes on with the keys that it has, and may propose again.` : `${r.node} is not asked for new keys any more; it goes on with those that it has.`}</p>,
		action: proposed ? "Refuse" : "Take it back",
		danger: proposed,
		async run() {
			await call("DELETE /api/v1/key-rotations/{id}", { id: `id:${r.node_id}` });
			await keyRotations.load();
		},
	});
}

function Actions({ r }: { r: KeyRotation }) {
	const what = `the new ${words(r.keys)} of ${r.node}`;
	return (
		<span class="actions">
			{r.state === "proposed" && may("admin") && (
				<button type="button" aria-label={`Approve ${what}`} onClick={() => askApprove(r)}>
					Approve…
				</button>
			)}
			<button type="button" class="danger-soft" aria-label={r.state === "proposed" ? `Refuse ${what}` : `Take back the request to ${r.node}`} onClick={() => askRefuse(r)}>
				{r.state === "proposed" ? "Refuse…" : "Take back…"}
			</button>
		</span>
	);
}

const columns: Column<KeyRotation>[] = [
	{ id: "node", title: "Branch", sort: (r) => r.node, cell: (r) => <a href={`#/branches/${encodeURIComponent(r.node)}?tab=keys`}>{r.node}</a> },
	{ id: "keys", title: "Keys", cell: (r) => r.keys.join(", ") },
	{ id: "state", title: "State", sort: (r) => r.state, cell: (r) => <Badge tone={r.state === "proposed" ? "warn" : "info"}>{r.state === "proposed" ? "waits for approval" : "asked for"}</Badge> },
	{ id: "new", title: "New fingerprints", cell: (r) => <Fingerprints r={r} /> },
	{ id: "by", title: "Asked for", sort: (r) => r.requested_at, cell: (r) => <><Ago at={r.requested_at} /> by {r.requested_by}</> },
	{ id: "act", title: "", cell: (r) => may("operator") && <Actions r={r} /> },
];

/** Nothing, when nothing is under way. */
export function RotationsCard({ rows }: { rows: KeyRotation[] }) {
	return rows.length ? (
		<Card title="New keys under way">
			<List label="New keys under way" columns={columns} rows={rows} keyOf={(r) => r.node_id} by="node" />
		</Card>
	) : null;
}
