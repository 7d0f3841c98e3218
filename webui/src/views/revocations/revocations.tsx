// SPDX-License-Identifier: GPL-3.0-or-later
// All revocations, and who has confirmed each.
import { useEffect, useMemo, useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { Revocation } from "../../api/schema";
import { Receipts, span } from "../../parts/applied";
import { Badge, Card, Head, type Tone } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { count, number } from "../../parts/format";
import { who } from "../../parts/happening";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { useCell } from "../../state/cell";
import { type Confirmed, confirmedBy } from "../../state/confirmed";
import { type Branch, branches } from "../../state/live";
import { revocations, useResource } from "../../state/resource";
import { href } from "../../state/route";

interface Row {
	r: Revocation;
	/** Of one that not all have confirmed: who has by now. */
	now: Confirmed | null;
}

/** So many stand in the table; the receipts name all. */
const NAMED_MAX = 3;

const STATES: Record<Revocation["state"], [Tone, string]> = {
	applied: ["good", "confirmed by all"],
	pending: ["warn", "under way"],
	expired: ["warn", "confirmed late"],
};

function named(list: string[]): string {
	return list.length > NAMED_MAX ? `${list.slice(0, NAMED_MAX).join(", ")} and ${number(list.length - NAMED_MAX)} more` : list.join(", ");
}

function rowOf(r: Revocation, all: Branch[]): Row {
	return { r, now: r.state === "applied" ? null : confirmedBy(all, r.revision, r.node_id) };
}

function Progress({ r, now }: Row) {
	const [tone, text] = now?.missing.length && r.state === "expired" ? (["bad", "not confirmed by all"] as const) : STATES[r.state];
	const [applied, of] = now ? [now.applied, now.online] : [r.applied, r.expected];
	return (
		<div class="why">
			<span>
				<Badge tone={tone}>{text}</Badge>{" "}
				<span class="muted small">
					applied on {number(applied)} of {number(of)}
					{r.state === "applied" && r.elapsed_ms !== null && of > 0 ? `, after ${span(r.elapsed_ms)}` : ""}
				</span>
			</span>
			{now && now.missing.length > 0 && <span class="warning small">missing: {named(now.missing)}</span>}
			{now && now.away.length > 0 && (
				<span class="muted small">
					{count(now.away.length, "branch is", "branches are")} away and will learn it: {named(now.away)}
				</span>
			)}
		</div>
	);
}

function columnsOf(show: (r: Revocation) => void): Column<Row>[] {
	return [
		{ id: "node", title: "Branch", sort: ({ r }) => r.node, cell: ({ r }) => <a href={href(["branches", r.node], { tab: "keys" })}>{r.node}</a> },
		{ id: "at", title: "Revoked", sort: ({ r }) => r.at, cell: ({ r }) => <><Ago at={r.at} /> <span class="muted">by {who(r.actor)}</span></> },
		{ id: "why", title: "Reason", sort: ({ r }) => r.reason, cell: ({ r }) => r.reason || <span class="muted">none given</span> },
		{ id: "state", title: "Everywhere?", sort: ({ r }) => r.state, cell: (row) => <Progress {...row} /> },
		{
			id: "act",
			title: "",
			cell: ({ r }) => (
				<button type="button" aria-label={`Who has confirmed that ${r.node} is revoked`} onClick={() => show(r)}>
					Receipts…
				</button>
			),
		},
	];
}

function ReceiptsDialog({ r, onClose }: { r: Revocation; onClose(): void }) {
	const [full, setFull] = useState<Revocation | null>(null);
	const [error, setError] = useState("");
	useEffect(() => {
		call("GET /api/v1/revocations/{id}", { id: r.id }).then(({ data }) => setFull(data), (e: unknown) => setError(messageOf(e)));
	}, [r.id, r.state]);
	return (
		<Dialog title={`Who has confirmed: ${r.node}`} onClose={onClose} wide>
			<div class="dialog-body" role="status">
				<p class="muted">Each branch that is a member now, and when it had dropped {r.node}. One that is away learns it before anything else when it comes back.</p>
				{full?.receipts && <Receipts items={full.receipts} />}
				{error ? <p class="error">{error}</p> : !full && <p>Asking the hub…</p>}
			</div>
		</Dialog>
	);
}

export function RevocationsView() {
	const loaded = useResource(revocations);
	const all = useCell(branches);
	const [shown, setShown] = useState<Revocation | null>(null);
	const columns = useMemo(() => columnsOf(setShown), []);
	const rows = useMemo(() => (loaded.items ?? []).map((r) => rowOf(r, all ?? [])), [loaded.items, all]);
	return (
		<>
			<Head title="Revocations" note="What was cut off, and whether every branch has confirmed it." />
			<Content what="revocations" loaded={loaded}>
				{(items) => (
					<Card>
						{items.length ? (
							<List label="Revocations" columns={columns} rows={rows} keyOf={({ r }) => r.id} by="at" down />
						) : (
							<Empty icon="check" title="Nothing was ever revoked">
								<p>A stolen or retired branch is revoked on its own page, under Actions; all others then drop it within a second.</p>
							</Empty>
						)}
					</Card>
				)}
			</Content>
			{shown && <ReceiptsDialog r={loaded.items?.find((r) => r.id === shown.id) ?? shown} onClose={() => setShown(null)} />}
		</>
	);
}
