// SPDX-License-Identifier: GPL-3.0-or-later
// What was done to one branch, from the audit log, with what the stream has told since.
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { AuditEntry } from "../../api/schema";
import { Card } from "../../parts/bits";
import { HappeningList } from "../../parts/happening";
import { Content, Empty } from "../../parts/states";
import { useCell } from "../../state/cell";
import { type Happening, happenings } from "../../state/happenings";
import { href } from "../../state/route";

const SHOWN_MAX = 50;

export function EventsTab({ name }: { name: string }) {
	const live = useCell(happenings).filter((h) => (h.kind === "audit" ? h.entry.object === `node:${name}` : h.event.node === name));
	const [loaded, setLoaded] = useState<{ items: AuditEntry[] | null; error: unknown }>({ items: null, error: null });
	const reload = () => {
		call("GET /api/v1/audit", { query: { object: `node:${name}`, order: "desc", limit: SHOWN_MAX } })
			.then(({ data }) => setLoaded({ items: data.items, error: null }))
			.catch((error: unknown) => setLoaded({ items: null, error }));
	};
	useEffect(reload, [name]);
	return (
		<Card title="Events" actions={<a href={href(["audit"], { object: `node:${name}` })}>In the audit log</a>}>
			<Content what="events" loaded={{ ...loaded, reload }}>
				{(items) => {
					const known = new Set(live.map((h) => h.key));
					const older = items.map((entry): Happening => ({ key: `a${entry.id}`, at: entry.at ?? "", kind: "audit", entry })).filter((h) => !known.has(h.key));
					const all = [...live, ...older].sort((a, b) => b.at.localeCompare(a.at));
					return all.length ? <HappeningList items={all} /> : <Empty icon="audit" title="Nothing has happened yet" />;
				}}
			</Content>
		</Card>
	);
}
