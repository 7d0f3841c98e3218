// SPDX-License-Identifier: GPL-3.0-or-later
// Branches that are cut off, and who has confirmed it.
import { useMemo, useState } from "preact/hooks";
import { AppliedProgress } from "../../parts/applied";
import { Badge, Card, Head } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { count, KIND } from "../../parts/format";
import { List } from "../../parts/list";
import { Empty, Failed, Loading } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { useCell } from "../../state/cell";
import { type Confirmed, confirmedBy } from "../../state/confirmed";
import { type Branch, branches, loadAll, loadError } from "../../state/live";
import { href } from "../../state/route";

interface Revocation {
	b: Branch;
	confirmed: Confirmed;
}

/** So many stand in the table; the receipts name all. */
const NAMED_MAX = 3;

function named(list: string[]): string {
	return list.length > NAMED_MAX ? `${list.slice(0, NAMED_MAX).join(", ")} and ${list.length - NAMED_MAX} more` : list.join(", ");
}

function Progress({ c }: { c: Confirmed }) {
	const all = c.missing.length === 0;
	return (
		<div class="why">
			<Badge tone={all ? "good" : "warn"}>
				applied on {c.applied} of {c.online}
			</Badge>
			{!all && <span class="warning small">missing: {named(c.missing)}</span>}
			{c.away.length > 0 && (
				<span class="muted small">
					{count(c.away.length, "branch is", "branches are")} away and will learn it: {named(c.away)}
				</span>
			)}
		</div>
	);
}

function columnsOf(show: (b: Branch) => void): Column<Revocation>[] {
	return [
		{ id: "name", title: "Branch", sort: ({ b }) => b.node.name, cell: ({ b }) => <a href={href(["branches", b.node.name], { tab: "keys" })}>{b.node.name}</a> },
		{ id: "kind", title: "Kind", sort: ({ b }) => b.node.kind, cell: ({ b }) => KIND[b.node.kind] },
		{ id: "at", title: "Revoked", sort: ({ b }) => b.node.revoked_at, cell: ({ b }) => <Ago at={b.node.revoked_at} /> },
		{ id: "why", title: "Reason", sort: ({ b }) => b.node.revoked_why, cell: ({ b }) => b.node.revoked_why || "–" },
		{ id: "done", title: "Confirmed", sort: ({ confirmed: c }) => c.online - c.applied, cell: ({ confirmed }) => <Progress c={confirmed} /> },
		{
			id: "act",
			title: "",
			cell: ({ b }) => (
				<button type="button" aria-label={`Who has confirmed that ${b.node.name} is revoked`} onClick={() => show(b)}>
					Receipts…
				</button>
			),
		},
	];
}

export function RevocationsView() {
	const list = useCell(branches);
	const error = useCell(loadError);
	const [shown, setShown] = useState<Branch | null>(null);
	const columns = useMemo(() => columnsOf(setShown), []);
	const rows = useMemo(() => (list ?? []).filter((b) => b.node.status === "revoked").map((b) => ({ b, confirmed: confirmedBy(list ?? [], b.node.revision, b.id) })), [list]);
	return (
		<>
			<Head title="Revocations" note="Branches that are cut off now. One that joins anew, with a new token, is no longer among them.">
				<a class="button" href={href(["audit"], { action: "node.revoke" })}>
					All there ever were
				</a>
			</Head>
			{!list ? (
				error ? <Failed error={error} retry={() => void loadAll()} /> : <Loading what="revocations" />
			) : rows.length ? (
				<Card>
					<List label="Revocations" columns={columns} rows={rows} keyOf={(r) => r.b.id} by="at" down />
				</Card>
			) : (
				<Card>
					<Empty icon="check" title="No branch is revoked">
						<p>A stolen or retired branch is revoked on its own page, under Actions; all others then drop it within a second.</p>
					</Empty>
				</Card>
			)}
			{shown && (
				<Dialog title={`Who has confirmed: ${shown.node.name}`} onClose={() => setShown(null)} wide>
					<div class="dialog-body">
						<AppliedProgress revision={shown.node.revision} except={shown.id} receipts />
					</div>
				</Dialog>
			)}
		</>
	);
}
