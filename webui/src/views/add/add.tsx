// SPDX-License-Identifier: GPL-3.0-or-later
// Adding a branch: its name and networks, then the command or the file that brings it in.
import { useMemo, useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { Node, NodeAdd } from "../../api/schema";
import { Card, Head } from "../../parts/bits";
import { Field } from "../../parts/field";
import { prefixOf, suggest } from "../../parts/prefix";
import { Empty } from "../../parts/states";
import { subnets, useResource } from "../../state/resource";
import { may } from "../../state/session";
import { conflictsOf, prefixError } from "../branch/subnets";
import { GroupBoxes } from "../branch/settings_form";
import { Command, EXPIRIES, makeToken, type Token } from "./invite";
import { type KeyPair, makeKeys } from "./wireguard";
import { WireGuardResult } from "./wireguard_result";

interface Draft {
	name: string;
	kind: "spoke" | "wireguard";
	groups: string[];
	subnets: string;
	comment: string;
	expiry: string;
	/** Of a WireGuard device that has one; empty: the page makes one. */
	publicKey: string;
}

const FIRST: Draft = { name: "", kind: "spoke", groups: ["default"], subnets: "", comment: "", expiry: "86400", publicKey: "" };
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const KEEPALIVE_S = 25;

interface Done {
	node: Node;
	token?: Token;
	keys?: KeyPair | null;
}

function words(text: string): string[] {
	return text.split(/[\s,]+/).filter(Boolean);
}

async function add(d: Draft): Promise<Done> {
	const body: NodeAdd = { name: d.name, kind: d.kind, groups: d.groups, subnets: words(d.subnets).map((prefix) => ({ prefix })) };
	if (d.comment) {
		body.comment = d.comment;
	}
	if (d.kind === "spoke") {
		const { node } = (await call("POST /api/v1/nodes", { body })).data;
		return { node, token: await makeToken(node.id, Number(d.expiry)) };
	}
	const keys = d.publicKey ? null : await makeKeys();
	if (!d.publicKey && !keys) {
		throw new Error("This browser cannot make WireGuard keys; make one on the device (wg genkey), and paste its public key here.");
	}
	body.tunnel_key = d.publicKey || keys?.publicKey;
	body.keepalive_s = KEEPALIVE_S;
	return { node: (await call("POST /api/v1/nodes", { body })).data.node, keys };
}

function SubnetsField({ draft, set, error }: { draft: Draft; set(text: string): void; error?: string }) {
	const all = useResource(subnets).items ?? [];
	const free = useMemo(() => suggest(all.map((s) => prefixOf(s.prefix)).filter((p) => p !== null), 3), [all]);
	const typed = words(draft.subnets);
	const overlap = typed.flatMap((t) => conflictsOf(t, all, null).map((s) => `${t} overlaps with ${s.prefix} behind ${s.node}`));
	const wrong = typed.map((t) => prefixError(t) && `${t}: ${prefixError(t)}`).find(Boolean);
	return (
		<div class="form tight">
			<Field label="Networks behind it" value={draft.subnets} onInput={set} lines={2} placeholder={free[0]} error={error ?? wrong ?? undefined} warning={overlap.length ? `${overlap.join("; ")}.` : undefined} hint="Prefixes, one a line. More can be added later." />
			{free.length > 0 && (
				<p class="small muted">
					Free:{" "}
					{free.map((f) => (
						<button key={f} type="button" class="link suggestion" onClick={() => set([...words(draft.subnets), f].join("\n"))}>
							{f}
						</button>
					))}
				</p>
			)}
		</div>
	);
}

function AddForm({ done }: { done(d: Done): void }) {
	const [draft, setDraft] = useState(FIRST);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const [busy, setBusy] = useState(false);
	const set = (name: keyof Draft) => (value: string) => setDraft({ ...draft, [name]: value });
	const errorAt = (pointer: string) => (error?.pointer?.startsWith(pointer) ? error.text : undefined);
	const submit = (e: Event) => {
		e.preventDefault();
		setBusy(true);
		setError(null);
		add(draft)
			.then(done)
			.catch((e: unknown) => setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) }))
			.finally(() => setBusy(false));
	};
	const nameError = draft.name && !NAME.test(draft.name) ? "Letters, digits, “_”, “-” and “.”; it begins with a letter, a digit or “_”." : undefined;
	const placed = ["/name", "/subnets", "/tunnel_key"].some((p) => error?.pointer?.startsWith(p));
	return (
		<Card>
			<form class="form card-body narrow-form" onSubmit={submit}>
				<Field label="Name" value={draft.name} onInput={set("name")} required maxLength={63} autofocus placeholder="oslo" error={errorAt("/name") ?? nameError} />
				<Field
					label="Kind"
					value={draft.kind}
					onInput={set("kind")}
					options={[
						{ value: "spoke", label: "A branch: a server with branchline-spoke" },
						{ value: "wireguard", label: "A WireGuard device: router, phone, laptop" },
					]}
				/>
				<GroupBoxes chosen={draft.groups} change={(groups) => setDraft({ ...draft, groups })} />
				<SubnetsField draft={draft} set={set("subnets")} error={errorAt("/subnets")} />
				<Field label="Comment" value={draft.comment} onInput={set("comment")} maxLength={255} placeholder="Storgata 1, phone 555 0100" />
				{draft.kind === "spoke" ? (
					<Field label="The command is good for" value={draft.expiry} onInput={set("expiry")} options={EXPIRIES} />
				) : (
					<Field label="Public key of the device" value={draft.publicKey} onInput={set("publicKey")} maxLength={44} placeholder="left empty: made here" hint="Left empty, a key pair is made in this browser for a file and a QR code; the hub never sees the private key." error={errorAt("/tunnel_key")} />
				)}
				{error && !placed && (
					<p class="error" role="alert">
						{error.text}
					</p>
				)}
				<div class="actions">
					<button type="submit" class="primary" disabled={busy || !!nameError}>
						{busy ? "Adding…" : draft.kind === "spoke" ? "Add the branch" : "Add the device"}
					</button>
					<a class="button" href="#/branches">
						Cancel
					</a>
				</div>
			</form>
		</Card>
	);
}

export function AddView() {
	const [done, setDone] = useState<Done | null>(null);
	if (!may("operator")) {
		return (
			<>
				<Head title="Add a branch" />
				<Empty icon="policies" title="Your role may look, but not add branches">
					<p>Ask an operator or admin of this network.</p>
				</Empty>
			</>
		);
	}
	return (
		<>
			<Head title={done ? `${done.node.name} is added` : "Add a branch"}>
				{done && (
					<button type="button" onClick={() => setDone(null)}>
						Add another
					</button>
				)}
			</Head>
			{!done ? (
				<AddForm done={setDone} />
			) : done.token ? (
				<Card>
					<div class="form card-body">
						<Command token={done.token} node={done.node} />
					</div>
				</Card>
			) : (
				<WireGuardResult node={done.node} keys={done.keys ?? null} />
			)}
		</>
	);
}
