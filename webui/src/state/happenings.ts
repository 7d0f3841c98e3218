// SPDX-License-Identifier: GPL-3.0-or-later
// What happened last: entries of the audit log, and branches that came, went or got another path. The newest first.
import { call } from "../api/client";
import type { AuditEntry, PresenceEvent } from "../api/schema";
import { Cell } from "./cell";

export type Happening = { key: string; at: string } & (
	| { kind: "audit"; entry: AuditEntry }
	| { kind: "presence"; name: string; event: PresenceEvent }
);

export const happenings = new Cell<Happening[]>([]);

const HAPPENINGS_MAX = 100;
/** At first, from the audit log. */
const OLDER = 30;
let counter = 0;

function remember(h: Happening): void {
	happenings.set([h, ...happenings.get()].slice(0, HAPPENINGS_MAX));
}

export function rememberEntry(entry: AuditEntry): void {
	remember({ key: `a${entry.id}`, at: entry.at ?? "", kind: "audit", entry });
}

export function rememberPresence(name: string, event: PresenceEvent): void {
	remember({ key: `p${counter++}`, at: event.at ?? "", kind: "presence", name, event });
}

/** What was before this page was opened. */
export async function loadHappenings(): Promise<void> {
	const page = await call("GET /api/v1/audit", { query: { order: "desc", limit: OLDER } });
	const known = new Set(happenings.get().map((h) => h.key));
	const older = page.data.items
		.map((entry): Happening => ({ key: `a${entry.id}`, at: entry.at ?? "", kind: "audit", entry }))
		.filter((h) => !known.has(h.key));
	happenings.set([...happenings.get(), ...older].slice(0, HAPPENINGS_MAX));
}
