// SPDX-License-Identifier: GPL-3.0-or-later
// Is the chain of the audit log unbroken; and the log as a file.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { AuditEntry } from "../../api/schema";
import { csv, download } from "../../parts/csv";
import { Icon } from "../../parts/icons";
import { tell } from "../../parts/toast";
import { network } from "../../state/live";
import type { AuditFilter } from "./audit";

/** Piece by piece, as the hub wants it; the number of the last entry that was looked at. */
async function verify(said: (to: number) => void): Promise<{ to: number; broken: number | null }> {
	let after: number | null = 0;
	let to = 0;
	while (after !== null) {
		const { data }: { data: { verified_to: number; first_broken: number | null; next_after: number | null } } = await call("GET /api/v1/audit/verify", { query: { after } });
		to = Math.max(to, data.verified_to);
		if (data.first_broken !== null) {
			return { to, broken: data.first_broken };
		}
		said(to);
		after = data.next_after;
	}
	return { to, broken: null };
}

export function VerifyButton() {
	const [at, setAt] = useState<number | null>(null);
	const run = async () => {
		setAt(0);
		try {
			const { to, broken } = await verify(setAt);
			tell(broken === null ? `The chain is unbroken up to entry ${to}.` : `The chain is broken at entry ${broken}: it was altered, inserted or taken out. Compare with a backup or an export.`, broken !== null);
		} catch (e) {
			tell(messageOf(e), true);
		}
		setAt(null);
	};
	return (
		<button type="button" disabled={at !== null} onClick={() => void run()}>
			<Icon name="check" /> {at === null ? "Verify the chain" : `Verified to ${at}…`}
		</button>
	);
}

async function allLines(filter: AuditFilter): Promise<string> {
	let text = "";
	let after = 0;
	for (;;) {
		const { data } = await call("GET /api/v1/audit/export", { query: { ...filter, after } });
		const last = data.trimEnd().split("\n").at(-1);
		if (!last) {
			return text;
		}
		text += data;
		after = (JSON.parse(last) as AuditEntry).id;
	}
}

export async function exportAudit(filter: AuditFilter, kind: "csv" | "jsonl"): Promise<void> {
	try {
		const text = await allLines(filter);
		const name = `${network.get()?.network ?? "network"}-audit.${kind}`;
		if (kind === "jsonl") {
			download(name, "application/x-ndjson", text);
			return;
		}
		const rows = text
			.split("\n")
			.filter(Boolean)
			.map((line) => JSON.parse(line) as AuditEntry)
			.map((e) => [e.id, e.at ?? "", e.actor, e.action, e.object, typeof e.detail === "string" ? e.detail : JSON.stringify(e.detail), e.hash]);
		download(name, "text/csv;charset=utf-8", csv(["id", "at", "actor", "action", "object", "detail", "hash"], rows));
	} catch (e) {
		tell(messageOf(e), true);
	}
}
