// SPDX-License-Identifier: GPL-3.0-or-later
// What the hub steers on a branch: each change is on trial until the branch has reached the hub with it, and is taken back
// by the branch itself when it has not.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { Node, NodeSettings, Settings } from "../../api/schema";
import { Badge, Card } from "../../parts/bits";
import { ask, Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Content } from "../../parts/states";
import { Ago, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { happenings } from "../../state/happenings";
import { may } from "../../state/session";

type Key = keyof Settings & string;

const SETTINGS: { key: Key; label: string; hint: string; type: "number" | "bool" }[] = [
	{ key: "port", label: "UDP port of its tunnels", hint: "1 to 65535.", type: "number" },
	{ key: "mtu", label: "MTU inside (bytes)", hint: "576 to 9000.", type: "number" },
	{ key: "pmtu", label: "Path MTU, at most (bytes)", hint: "576 to 9000.", type: "number" },
	{ key: "pmtu_discovery", label: "Path MTU discovery", hint: "", type: "bool" },
	{ key: "clamp_mss", label: "Clamp the MSS of TCP", hint: "", type: "bool" },
	{ key: "priority_inheritance", label: "Keep priorities (DSCP)", hint: "", type: "bool" },
	{ key: "local_discovery", label: "Find neighbours in its LAN", hint: "", type: "bool" },
	{ key: "direct_idle", label: "Direct paths end when idle for (s)", hint: "", type: "number" },
	{ key: "direct_max", label: "Direct paths, at most", hint: "", type: "number" },
	{ key: "log_level", label: "Log level", hint: "0 to 5.", type: "number" },
];

const SOURCE = { default: "default", hub: "set here", local: "its own file, which wins" } as const;
const STATES = {
	none: ["off", "no change yet"],
	pending: ["warn", "on trial"],
	confirmed: ["good", "confirmed"],
	rolled_back: ["bad", "taken back by the branch"],
	cancelled: ["off", "cancelled"],
} as const;
const TRIAL_S = 60;

function text(value: unknown): string {
	return value === undefined ? "–" : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

function useSettings(node: Node) {
	const [loaded, setLoaded] = useState<{ items: NodeSettings[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		call("GET /api/v1/nodes/{id}/settings", { id: `id:${node.id}` }).then(
			({ data }) => setLoaded({ items: [data], error: null }),
			(error: unknown) => setLoaded({ items: null, error }),
		);
	}, [node.id]);
	// The trial's end is an event.
	const heard = useCell(happenings).find((h) => h.kind === "audit" && h.entry.object === `node:${node.name}`)?.key;
	useEffect(reload, [reload, heard]);
	return { ...loaded, reload };
}

function Change({ s }: { s: NodeSettings }) {
	const { change } = s;
	const [tone, words] = STATES[change.state];
	if (change.state === "none") {
		return null;
	}
	const end = change.asked_at ? new Date(Date.parse(change.asked_at) + change.confirm_within_s * 1000).toISOString() : null;
	return (
		<div class="card-body" role="status">
			<Badge tone={tone}>{words}</Badge> <span class="muted">asked for by {change.by}, <Ago at={change.asked_at} />. </span>
			{change.state === "pending" && <span>The branch confirms within <Until at={end} over="a moment" />, or puts back what held.</span>}
			{change.reason && <p>{change.reason}</p>}
		</div>
	);
}

function EditDialog({ node, s, onClose, done }: { node: Node; s: NodeSettings; onClose(): void; done(): void }) {
	const first = Object.fromEntries(SETTINGS.map(({ key }) => [key, s.settings[key] === undefined ? "" : String(s.settings[key])]));
	const [draft, setDraft] = useState<Record<string, string>>(first);
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		const changed = SETTINGS.filter(({ key }) => draft[key] !== first[key]);
		const set = changed.filter(({ key }) => draft[key] !== "");
		const settings = Object.fromEntries(set.map(({ key, type }) => [key, type === "bool" ? draft[key] === "true" : Number(draft[key])])) as Settings;
		const reset = changed.filter(({ key }) => draft[key] === "").map(({ key }) => key);
		const body = { confirm_within_s: TRIAL_S, ...(set.length ? { settings } : {}), ...(reset.length ? { reset } : {}) };
		call("PATCH /api/v1/nodes/{id}/settings", { id: `id:${node.id}`, body }).then(
			() => {
				tell(`${node.name} tries its new settings.`);
				done();
				onClose();
			},
			(e: unknown) => setError(messageOf(e)),
		);
	};
	const same = SETTINGS.every(({ key }) => draft[key] === first[key]);
	return (
		<Dialog title={`Steer ${node.name}`} onClose={onClose} wide>
			<form onSubmit={submit}>
				<div class="dialog-body">
					<p>{`${node.name} tries what you set, and keeps it only if it reaches the hub with it within ${TRIAL_S} s. Otherwise it puts back what held by itself: a wrong port or MTU cannot lose you the branch.`}</p>
					<div class="two-columns">
						{SETTINGS.map(({ key, label, hint, type }) => (
							<Field
								key={key}
								label={label}
								value={draft[key] ?? ""}
								onInput={(v) => setDraft({ ...draft, [key]: v })}
								type={type === "number" ? "number" : "text"}
								placeholder={text(s.effective?.[key]?.value)}
								hint={s.effective?.[key]?.source === "local" ? "Its own spoke.conf sets this, and wins." : hint || undefined}
								options={type === "bool" ? [{ value: "", label: "default" }, { value: "true", label: "yes" }, { value: "false", label: "no" }] : undefined}
							/>
						))}
					</div>
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
					<button type="submit" class="primary" disabled={same}>
						Try it
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

function askCancel(node: Node, done: () => void): void {
	ask({
		title: `Cancel the change on ${node.name}`,
		body: <p>{`${node.name} keeps, or puts back, what held before.`}</p>,
		action: "Cancel the change",
		async run() {
			await call("POST /api/v1/nodes/{id}/settings/cancel", { id: `id:${node.id}`, body: {} });
			done();
		},
	});
}

function Values({ s }: { s: NodeSettings }) {
	return (
		<dl class="facts card-body">
			{SETTINGS.map(({ key, label }) => {
				const now = s.effective?.[key];
				return (
					<div key={key} class="fact">
						<dt>{label}</dt>
						<dd>
							{text(now?.value ?? s.settings[key])} <span class="muted small">{now ? SOURCE[now.source] : ""}</span>
						</dd>
					</div>
				);
			})}
		</dl>
	);
}

export function SteeredCard({ node }: { node: Node }) {
	const loaded = useSettings(node);
	const [editing, setEditing] = useState(false);
	const s = loaded.items?.[0];
	return (
		<Card
			title="On the branch itself"
			actions={
				may("operator") &&
				s &&
				(s.change.state === "pending" ? (
					<button type="button" onClick={() => askCancel(node, loaded.reload)}>
						Cancel the change…
					</button>
				) : (
					<button type="button" disabled={node.status !== "active"} onClick={() => setEditing(true)}>
						Change…
					</button>
				))
			}
		>
			<Content what="settings" loaded={loaded}>
				{() =>
					s && (
						<>
							<Change s={s} />
							{!s.effective && <p class="card-body muted">What holds on the branch is not known yet: it tells when it is connected.</p>}
							<Values s={s} />
							{editing && <EditDialog node={node} s={s} onClose={() => setEditing(false)} done={loaded.reload} />}
						</>
					)
				}
			</Content>
		</Card>
	);
}
