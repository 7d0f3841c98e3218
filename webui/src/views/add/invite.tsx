// SPDX-License-Identifier: GPL-3.0-or-later
// The one-line command for a branch's server, how long it is good for, and what has come of it.
import { useEffect, useState } from "preact/hooks";
import { call, messageOf, type Reply } from "../../api/client";
import type { Node } from "../../api/schema";
import { Badge, CopyButton, type Tone } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { rtt } from "../../parts/format";
import { Until } from "../../parts/time";
import { useCell } from "../../state/cell";
import { type Branch, branches, network } from "../../state/live";
import { ReachTest } from "../branch/reach";
import { href } from "../../state/route";

export const EXPIRIES = [
	{ value: "3600", label: "1 hour" },
	{ value: "86400", label: "1 day" },
	{ value: "604800", label: "7 days" },
	{ value: "2592000", label: "30 days" },
];

export type Token = Reply<"POST /api/v1/tokens">;

export async function makeToken(node: number, expires_s: number): Promise<Token> {
	return (await call("POST /api/v1/tokens", { body: { node, expires_s } })).data;
}

interface Step {
	text: string;
	done: boolean;
	more?: string;
}

/** From the token to traffic; each step is what the hub has seen. `since`: the branch may have joined before. */
function steps(b: Branch | undefined, since: number): Step[] {
	const p = b?.presence;
	const joined = b?.node.status === "active" && Date.parse(b.node.updated_at ?? "") >= since;
	const online = joined && !!p?.online;
	const tunnel = online && p.path !== "down";
	return [
		{ text: "has joined with the command", done: joined },
		{ text: "is connected to the hub", done: online, more: p?.link ? `from ${p.link}` : undefined },
		{ text: "its tunnel carries packets", done: tunnel, more: tunnel ? p.path_reason : undefined },
		{ text: "answers probes of the hub", done: tunnel && (p.rtt_us !== null || !!p.handshake_at), more: tunnel && p.rtt_us !== null ? rtt(p.rtt_us) : undefined },
	];
}

function tone(s: Step): Tone {
	return s.done ? "good" : "off";
}

export function Progress({ id, since }: { id: number; since: number }) {
	const b = useCell(branches)?.find((one) => one.id === id);
	const all = steps(b, since);
	const up = all.every((s) => s.done);
	return (
		<div class="form">
			<ul class="plain checks" role="status">
				{all.map((s) => (
					<li key={s.text}>
						<Badge tone={tone(s)}>{s.done ? "yes" : "not yet"}</Badge>
						<span>
							{s.text} {s.more && <span class="muted small">{s.more}</span>}
						</span>
					</li>
				))}
			</ul>
			{up && b && (
				<>
					<p class="good-news">
						<strong>{b.node.name} is up.</strong> <a href={href(["branches", b.node.name])}>Look at it</a>
					</p>
					<ReachTest node={b.node} auto />
				</>
			)}
		</div>
	);
}

export function Command({ token, node }: { token: Token; node: Node }) {
	const net = useCell(network)?.network;
	const [since] = useState(() => Date.parse(token.join_token.created_at ?? "") || Date.now());
	return (
		<>
			<p>
				Paste this on the server of <strong>{node.name}</strong>, as root; it is shown only now:
			</p>
			<div class="command">
				<pre>
					<code>{token.command}</code>
				</pre>
				<CopyButton text={token.command ?? ""} what="the command" />
			</div>
			<p class="muted small">
				Good for one branch, for <Until at={token.join_token.expires_at} over="no longer: it has expired" />. Then start it: <code>systemctl enable --now branchline-spoke@{net}</code>
			</p>
			<Progress id={node.id} since={since} />
		</>
	);
}

/** A new command for a branch that is there already. */
export function InviteDialog({ node, onClose }: { node: Node; onClose(): void }) {
	const [token, setToken] = useState<Token | null>(null);
	const [expiry, setExpiry] = useState("86400");
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		makeToken(node.id, Number(expiry)).then(setToken, (e: unknown) => setError(messageOf(e)));
	};
	useEffect(() => setError(""), [expiry]);
	return (
		<Dialog title={`Join command for ${node.name}`} onClose={onClose} wide>
			{token ? (
				<div class="dialog-body">
					<Command token={token} node={node} />
				</div>
			) : (
				<form onSubmit={submit}>
					<div class="dialog-body">
						{node.status === "active" && <p class="warning">{`${node.name} has joined already: whoever uses the new command takes its place, with new keys. Other branches are told that the key changed.`}</p>}
						<Field label="Good for" value={expiry} onInput={setExpiry} options={EXPIRIES} error={error || undefined} />
					</div>
					<footer class="dialog-foot">
						<button type="button" onClick={onClose}>
							Cancel
						</button>
						<button type="submit" class="primary">
							Make the command
						</button>
					</footer>
				</form>
			)}
		</Dialog>
	);
}
