// SPDX-License-Identifier: GPL-3.0-or-later
// The live store: all branches with what is known of them now. One stream of events says what changed; the counters that
// no event tells (bytes, RTT, loss) are asked for every few seconds while somebody looks at the page.
import { ApiError, call, callAll } from "../api/client";
import type { AuditEntry, Node, Path, Presence, PresenceEvent, Status } from "../api/schema";
import { EventStream, type StreamEvent } from "../api/stream";
import { Cell } from "./cell";
import { collator } from "./collator";
import { loadHappenings, rememberEntry, rememberPresence } from "./happenings";
import { resourcesHeard } from "./resource";
import { sessionOver } from "./session";

export interface Rates {
	/** Bytes a second that the hub gets from it, and sends to it; null before two samples. */
	rx: number | null;
	tx: number | null;
}

export interface Branch {
	id: number;
	node: Node;
	presence: Presence | null;
	/** How the hub reaches it. */
	path: Path | null;
	rates: Rates;
}

export type NetworkStatus = Omit<Status, "nodes" | "next_after">;

export const network = new Cell<NetworkStatus | null>(null);
/** By name; the hub itself is not among them. */
export const branches = new Cell<Branch[] | null>(null);
export const loadError = new Cell<unknown>(null);
export const streamState = new Cell<"connecting" | "live" | "lost">("connecting");
export const applied = new Cell<{ revision: number; applied: number; online: number } | null>(null);

const SETTLE_MS = 150;
/** News that come together are shown together: a thousand branches may go down at once. */
const SHOW_MS = 50;
/** Up to so many changed nodes are asked for one by one; beyond it the whole list is. */
const SINGLE_MAX = 20;

const nodes = new Map<number, Node>();
const presences = new Map<number, Presence>();
const hubPaths = new Map<number, Path>();
const rates = new Map<number, Rates>();
const samples = new Map<number, { at: number; rx: number; tx: number }>();
/** In the order of their names. */
let order: Node[] | null = null;
const changed = new Set<string>();
let presenceChanged = false;
let catchUp: number | undefined;
let catchingUp = false;
let showing: number | undefined;
let poll: number | undefined;

const NO_RATES: Rates = { rx: null, tx: null };

/** Between two looks at the counters: the more branches, the longer. */
function pollMs(): number {
	return 5000 + nodes.size * 5;
}

function ordered(): Node[] {
	const hub = network.get()?.hub.id;
	order ??= [...nodes.values()].filter((n) => n.id !== hub && n.kind !== "hub").sort((a, b) => collator.compare(a.name, b.name));
	return order;
}

function publish(): void {
	clearTimeout(showing);
	showing = undefined;
	branches.set(
		ordered().map((node) => ({
			id: node.id,
			node,
			presence: presences.get(node.id) ?? null,
			path: hubPaths.get(node.id) ?? null,
			rates: rates.get(node.id) ?? NO_RATES,
		})),
	);
}

function publishSoon(): void {
	showing ??= setTimeout(publish, SHOW_MS);
}

function takeSample(p: Presence, at: number): void {
	const before = samples.get(p.id);
	samples.set(p.id, { at, rx: p.rx_bytes, tx: p.tx_bytes });
	const seconds = before ? (at - before.at) / 1000 : 0;
	// Counters begin at 0 again with a new session.
	if (!before || seconds < 0.5 || p.rx_bytes < before.rx || p.tx_bytes < before.tx) {
		return;
	}
	const rx = (p.rx_bytes - before.rx) / seconds;
	const tx = (p.tx_bytes - before.tx) / seconds;
	rates.set(p.id, { rx, tx });
}

async function loadStatus(): Promise<void> {
	let after: number | null = 0;
	const seen = new Map<number, Presence>();
	while (after !== null) {
		const { nodes: page, next_after, ...rest }: Status = (await call("GET /api/v1/status", { query: { limit: 1000, after } })).data;
		const at = performance.now();
		for (const p of page) {
			seen.set(p.id, p);
			takeSample(p, at);
		}
		network.set(rest);
		after = next_after;
	}
	presences.clear();
	for (const [id, p] of seen) {
		presences.set(id, p);
	}
}

async function loadHubPaths(): Promise<void> {
	const hub = network.get()?.hub.id;
	if (hub === undefined) {
		return;
	}
	const items = await callAll("GET /api/v1/nodes/{id}/paths", { id: `id:${hub}` });
	hubPaths.clear();
	for (const p of items) {
		if (p.node_id === hub) {
			hubPaths.set(p.peer_id, p);
		}
	}
}

async function loadNodes(): Promise<void> {
	const list = await callAll("GET /api/v1/nodes");
	order = null;
	nodes.clear();
	for (const node of list) {
		nodes.set(node.id, node);
	}
}

async function loadNode(name: string): Promise<void> {
	try {
		const node = (await call("GET /api/v1/nodes/{id}", { id: `name:${name}` })).data;
		order = null;
		nodes.set(node.id, node);
	} catch (e) {
		if (!(e instanceof ApiError) || e.status !== 404) {
			throw e;
		}
		for (const [id, node] of nodes) {
			if (node.name === name) {
				order = null;
				nodes.delete(id);
			}
		}
	}
}

/** Everything anew; also the way out of an error. */
export async function loadAll(): Promise<void> {
	try {
		await Promise.all([loadNodes(), loadStatus().then(loadHubPaths)]);
		loadError.set(null);
		publish();
	} catch (e) {
		loadError.set(e);
	}
}

async function loadChanged(): Promise<void> {
	const names = [...changed];
	changed.clear();
	presenceChanged = false;
	try {
		await (names.length > SINGLE_MAX || names.includes("*") ? loadNodes() : Promise.all(names.map(loadNode)));
		await loadStatus().then(loadHubPaths);
		publish();
	} catch (e) {
		loadError.set(e);
	}
}

/** One at a time, and with a rest in between that is the longer, the more there is to load. */
async function runCatchUp(): Promise<void> {
	catchUp = undefined;
	catchingUp = true;
	await loadChanged();
	catchingUp = false;
	if (changed.size || presenceChanged) {
		catchUp = setTimeout(() => void runCatchUp(), SETTLE_MS + nodes.size);
	}
}

function catchUpSoon(): void {
	if (!catchingUp) {
		catchUp ??= setTimeout(() => void runCatchUp(), SETTLE_MS);
	}
}

function changeHeard(name: string): void {
	changed.add(name);
	catchUpSoon();
}

function presenceHeard(name: string, event: PresenceEvent): void {
	const before = presences.get(event.node_id);
	if (before) {
		presences.set(event.node_id, { ...before, online: event.online, path: event.path });
		publishSoon();
	}
	rememberPresence(name, event);
	if (nodes.has(event.node_id)) {
		presenceChanged = true;
		catchUpSoon();
	} else {
		changeHeard(event.node);
	}
}

function auditHeard(entry: AuditEntry): void {
	rememberEntry(entry);
	const [kind, name] = entry.object.split(":") as [string, string | undefined];
	if (kind === "node" && name) {
		changeHeard(name);
	} else if (/^(subnet|group|policy|key)\./.test(entry.action)) {
		changeHeard("*");
	}
}

function heard({ event, data }: StreamEvent): void {
	const value: unknown = JSON.parse(data);
	if (event === "revision.applied") {
		applied.set(value as { revision: number; applied: number; online: number });
		return;
	}
	if (event === "lost") {
		void loadAll();
	} else if (event.startsWith("presence.")) {
		presenceHeard(event, value as PresenceEvent);
	} else {
		auditHeard(value as AuditEntry);
	}
	resourcesHeard(event);
}

async function look(): Promise<void> {
	if (document.visibilityState === "visible" && !sessionOver.get()) {
		if (loadError.get() || branches.get() === null) {
			await loadAll();
		} else {
			await loadStatus()
				.then(loadHubPaths)
				.then(publish)
				.catch((e: unknown) => loadError.set(e));
		}
	}
	poll = setTimeout(() => void look(), pollMs());
}

let stream: EventStream | undefined;

/** The browser has its network back, or its window is looked at again: no need to wait for the next turn. */
function lookNow(): void {
	if (stream && document.visibilityState === "visible") {
		clearTimeout(poll);
		stream.hurry();
		void look();
	}
}
window.addEventListener("online", lookNow);
document.addEventListener("visibilitychange", lookNow);

/** Begins with a session, and once more when somebody has signed in again. */
export function startLive(): void {
	stream?.stop();
	clearTimeout(poll);
	stream = new EventStream({
		open() {
			streamState.set("live");
			void loadAll();
		},
		event: heard,
		closed(error, retryMs) {
			streamState.set("lost");
			if (retryMs === null && error.status === 401) {
				sessionOver.set(true);
			}
		},
	});
	stream.start();
	void look();
	loadHappenings().catch(() => undefined);
}
