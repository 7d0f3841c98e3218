// SPDX-License-Identifier: GPL-3.0-or-later
// The hub's own identity key: the one that every branch has pinned, and its replacement with overlap.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { HubIdentity } from "../../api/schema";
import { Card, Mono } from "../../parts/bits";
import { Dialog, ask } from "../../parts/dialog";
import { DurationField } from "../../parts/duration_field";
import { fingerprint, number } from "../../parts/format";
import { Content } from "../../parts/states";
import { At, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { happenings } from "../../state/happenings";
import { may } from "../../state/session";

/** As in the API's description. */
const OVERLAP_S = 604_800;
const OVERLAP_MAX_S = 31_536_000;
const NAMED_MAX = 10;
/** How often it is looked who knows the next key by now. */
const LOOK_MS = 3000;

interface Opened {
	identity: HubIdentity;
	etag: string | null;
}

async function fetchIdentity(): Promise<Opened> {
	const { data, etag } = await call("GET /api/v1/hub/identity");
	return { identity: data, etag };
}

/** Read again when the log has something new of it, and now and then while the key is being replaced: not every branch's word is in the log. */
function useIdentity() {
	const [loaded, setLoaded] = useState<{ items: Opened[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		fetchIdentity().then(
			(opened) => setLoaded({ items: [opened], error: null }),
			(error: unknown) => setLoaded({ items: null, error }),
		);
	}, []);
	const heard = useCell(happenings).find((h) => h.kind === "audit" && h.entry.action.startsWith("hub.identity_"))?.key;
	useEffect(reload, [reload, heard]);
	const changing = loaded.items?.[0]?.identity.state !== "stable";
	useEffect(() => {
		const timer = changing ? setInterval(reload, LOOK_MS) : undefined;
		return () => clearInterval(timer);
	}, [changing, reload]);
	return { ...loaded, reload };
}

function missing(x: HubIdentity): string {
	const names = x.missing.slice(0, NAMED_MAX).map((m) => (m.online ? m.name : `${m.name} (not connected)`));
	const more = x.spokes - x.known_by - names.length;
	return more > 0 ? `${names.join(", ")} and ${number(more)} more` : names.join(", ");
}

function Known({ x }: { x: HubIdentity }) {
	return (
		<>
			<dt>Known by</dt>
			<dd>
				{number(x.known_by)} of {number(x.spokes)}
				{x.missing.length > 0 && <p class="warning">Not by {missing(x)}</p>}
			</dd>
		</>
	);
}

function Facts({ x }: { x: HubIdentity }) {
	return (
		<dl class="facts card-body">
			<dt>Fingerprint</dt>
			<dd>
				<Mono text={x.fingerprint} shown={fingerprint(x.fingerprint)} what="the fingerprint of the hub's identity key" />
			</dd>
			<dt>Since</dt>
			<dd>
				<At at={x.created_at} />
			</dd>
			{x.state === "preparing" && (
				<>
					<dt>Next key</dt>
					<dd>being made</dd>
				</>
			)}
			{x.next_fingerprint && (
				<>
					<dt>Next key</dt>
					<dd>
						<Mono text={x.next_fingerprint} shown={fingerprint(x.next_fingerprint)} what="the next key's fingerprint" />
					</dd>
					<dt>In force in</dt>
					<dd>
						<Until at={x.overlap_until} over="a moment" />
					</dd>
				</>
			)}
			<Known x={x} />
		</dl>
	);
}

function ReplaceDialog({ onClose, reload }: { onClose(): void; reload(): void }) {
	const [overlap, setOverlap] = useState<number | null>(OVERLAP_S);
	const [error, setError] = useState("");
	const send = async (overlap_s: number) => {
		await call("POST /api/v1/hub/identity/rotate", { body: { overlap_s } });
		tell("The hub makes its next identity key and tells the branches.");
		reload();
		onClose();
	};
	const right = overlap !== null && overlap >= 1 && overlap <= OVERLAP_MAX_S;
	return (
		<Dialog title="Replace the hub's identity key" onClose={onClose}>
			<form
				onSubmit={(e) => {
					e.preventDefault();
					setError("");
					void send(overlap ?? OVERLAP_S).catch((e: unknown) => setError(messageOf(e)));
				}}
			>
				<div class="dialog-body">
					<p>
						The hub makes a new key and announces it, signed by the present one, to every branch, now or when it comes back. Tunnels go on. A branch that is
						away for all of the time below loses the hub, and its admin has to give it the new fingerprint.
					</p>
					<DurationField label="The present key stays in force for" value={overlap} onInput={setOverlap} min={1} max={OVERLAP_MAX_S} hint="Longer than any branch may be away." />
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
					<button type="submit" class="primary" disabled={!right}>
						Replace the key
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

function askToFinish(x: HubIdentity, reload: () => void) {
	const lost = x.spokes - x.known_by;
	ask({
		title: "Put the next key in force now?",
		body: lost ? (
			<p>
				{missing(x)} {lost === 1 ? "does" : "do"} not know it yet and will not take this hub any more, until the new fingerprint is given to each by hand:{" "}
				<code>branchline-spoke pin</code>
			</p>
		) : (
			<p>All {number(x.spokes)} branches know it. Links and tunnels stay; join lines that were made before do not work any more.</p>
		),
		action: lost ? "Put in force all the same" : "Put in force",
		danger: lost > 0,
		run: async () => {
			await call("POST /api/v1/hub/identity/finish", { body: { force: lost > 0 } });
			tell("The hub has a new identity key.");
			reload();
		},
	});
}

function askToCancel(opened: Opened, reload: () => void) {
	ask({
		title: "Keep the present key?",
		body: <p>The next key is taken back from the branches that know it. Nothing else changes.</p>,
		action: "Keep the present key",
		run: async () => {
			await call("DELETE /api/v1/hub/identity", { ifMatch: opened.etag });
			tell("The hub keeps its identity key.");
			reload();
		},
	});
}

function Actions({ opened, reload, onReplace }: { opened: Opened; reload(): void; onReplace(): void }) {
	const x = opened.identity;
	if (!may("admin")) {
		return null;
	}
	return x.state === "stable" ? (
		<button type="button" onClick={onReplace}>
			Replace…
		</button>
	) : (
		<>
			<button type="button" onClick={() => askToCancel(opened, reload)}>
				Take it back…
			</button>
			<button type="button" disabled={x.state !== "overlap"} onClick={() => askToFinish(x, reload)}>
				Put in force…
			</button>
		</>
	);
}

export function IdentityCard() {
	const loaded = useIdentity();
	const [replacing, setReplacing] = useState(false);
	const opened = loaded.items?.[0];
	return (
		<Card title="Identity key" actions={opened && <Actions opened={opened} reload={loaded.reload} onReplace={() => setReplacing(true)} />}>
			<Content what="the hub's identity key" loaded={loaded}>
				{([o]) => (o ? <Facts x={o.identity} /> : null)}
			</Content>
			{replacing && <ReplaceDialog onClose={() => setReplacing(false)} reload={loaded.reload} />}
		</Card>
	);
}
