// SPDX-License-Identifier: GPL-3.0-or-later
// The audit log: filters, what changed, is the chain unbroken, export.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { AuditEntry } from "../../api/schema";
import { Card, Head } from "../../parts/bits";
import { AuditSentence } from "../../parts/happening";
import { Icon } from "../../parts/icons";
import { Content, Empty } from "../../parts/states";
import { At } from "../../parts/time";
import { useCell } from "../../state/cell";
import { happenings } from "../../state/happenings";
import { route, setQuery } from "../../state/route";
import { Detail } from "./detail";
import { exportAudit, VerifyButton } from "./verify";

export interface AuditFilter {
	actor?: string;
	action?: string;
	object?: string;
	since?: string;
	until?: string;
}

const PAGE = 100;

const FIELDS: { name: keyof AuditFilter; label: string; placeholder: string; type?: string }[] = [
	{ name: "actor", label: "Who", placeholder: "user:anna" },
	{ name: "action", label: "Did what", placeholder: "node. or node.revoke" },
	{ name: "object", label: "To what", placeholder: "node:oslo" },
	{ name: "since", label: "From", placeholder: "", type: "date" },
	{ name: "until", label: "Before", placeholder: "", type: "date" },
];

function filterOf(query: URLSearchParams): AuditFilter {
	return Object.fromEntries(FIELDS.map((f) => [f.name, query.get(f.name)]).filter(([, v]) => v)) as AuditFilter;
}

/** What is typed is kept while the list below is drawn anew; it counts when one is done. */
function FilterField({ field, value }: { field: (typeof FIELDS)[number]; value: string }) {
	const [text, setText] = useState(value);
	useEffect(() => setText(value), [value]);
	return (
		<label class="field">
			<span>{field.label}</span>
			<input type={(field.type ?? "text") as "text"} value={text} placeholder={field.placeholder} spellcheck={false} onInput={(e) => setText(e.currentTarget.value)} onChange={(e) => setQuery({ [field.name]: e.currentTarget.value.trim() })} />
		</label>
	);
}

function Filters({ filter }: { filter: AuditFilter }) {
	return (
		<div class="filters audit-filters" role="search">
			{FIELDS.map((f) => (
				<FilterField key={f.name} field={f} value={filter[f.name] ?? ""} />
			))}
		</div>
	);
}

/** One page after the other, the newest first; what the stream tells meanwhile comes on top. */
function useAudit(filter: AuditFilter) {
	const [loaded, setLoaded] = useState<{ items: AuditEntry[] | null; error: unknown }>({ items: null, error: null });
	const [next, setNext] = useState<number | null>(null);
	const key = JSON.stringify(filter);
	const load = useCallback(
		(after: number | null, before: AuditEntry[]) =>
			call("GET /api/v1/audit", { query: { ...filter, order: "desc", limit: PAGE, ...(after ? { after } : {}) } })
				.then(({ data }) => {
					setLoaded({ items: [...before, ...data.items], error: null });
					setNext(data.next_after);
				})
				.catch((error: unknown) => setLoaded({ items: null, error })),
		[key],
	);
	const newest = useCell(happenings).find((h) => h.kind === "audit")?.key;
	useEffect(() => void load(null, []), [load, newest]);
	return { ...loaded, reload: () => void load(null, []), more: next === null ? null : () => void load(next, loaded.items ?? []) };
}

function Entry({ entry }: { entry: AuditEntry }) {
	const [open, setOpen] = useState(false);
	const id = `entry-${entry.id}`;
	return (
		<li>
			<button type="button" class="ghost entry" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
				<span class="muted small nowrap num">
					<At at={entry.at} />
				</span>
				<span class="what">
					<AuditSentence entry={entry} plain />
				</span>
				<code class="muted only-wide">{entry.action}</code>
				<Icon name={open ? "up" : "down"} size={14} />
			</button>
			{open && (
				<div id={id}>
					<Detail entry={entry} />
				</div>
			)}
		</li>
	);
}

export function AuditView() {
	const filter = filterOf(useCell(route).query);
	const loaded = useAudit(filter);
	return (
		<>
			<Head title="Audit" note="Who did what, for ever; each entry is sealed by the hash of the one before.">
				<VerifyButton />
				<button type="button" onClick={() => void exportAudit(filter, "csv")}>
					CSV
				</button>
				<button type="button" onClick={() => void exportAudit(filter, "jsonl")}>
					JSON
				</button>
			</Head>
			<Filters filter={filter} />
			<Content what="the audit log" loaded={loaded}>
				{(items) => (
					<Card>
						{items.length ? (
							<ul class="plain audit">
								{items.map((e) => (
									<Entry key={e.id} entry={e} />
								))}
							</ul>
						) : (
							<Empty icon="search" title="No entry fits" />
						)}
						{loaded.more && (
							<div class="card-body">
								<button type="button" onClick={loaded.more}>
									Older entries
								</button>
							</div>
						)}
					</Card>
				)}
			</Content>
		</>
	);
}
