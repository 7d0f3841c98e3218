// SPDX-License-Identifier: GPL-3.0-or-later
// All branches: search, filters, columns, bulk actions.
import { useMemo, useState } from "preact/hooks";
import { Head } from "../../parts/bits";
import { csv, download } from "../../parts/csv";
import { count, number, PATH } from "../../parts/format";
import { Icon } from "../../parts/icons";
import { Menu } from "../../parts/menu";
import { Empty, Failed, Loading } from "../../parts/states";
import { type Sorting, Table } from "../../parts/table";
import { useCell } from "../../state/cell";
import { healthOf, pathText } from "../../state/health";
import { type Branch, branches, loadAll, loadError, network } from "../../state/live";
import { useRecentLoaded } from "../../state/recent";
import { hiddenColumns, setHiddenColumns } from "../../state/prefs";
import { route, setQuery } from "../../state/route";
import { may } from "../../state/session";
import { askJoinGroup, askLeaveGroup, askRevoke } from "./bulk";
import { BranchCard, columns, HIDDEN_AT_FIRST } from "./columns";
import { type BranchFilter, filterBranches } from "./filter";

const HEALTHS = [
	["up", "up"],
	["partly", "partly up"],
	["down", "down"],
	["invited", "invited"],
	["revoked", "revoked"],
	["disabled", "disabled"],
] as const;

function exportCsv(list: Branch[]): void {
	const head = ["name", "kind", "status", "health", "groups", "addresses", "subnets", "path", "reason", "rtt_ms", "loss_percent", "last_handshake", "received_bytes", "sent_bytes", "public_address", "version", "comment"];
	const rows = list.map((b) => {
		const p = b.presence;
		return [
			b.node.name, b.node.kind, b.node.status, healthOf(b).text, b.node.groups.join(" "), b.node.addresses.join(" "),
			b.node.subnets.map((s) => s.prefix).join(" "), pathText(b), p?.path_reason ?? null, p?.rtt_us == null ? null : p.rtt_us / 1000,
			b.path ? b.path.loss_permille / 10 : null, p?.handshake_at ?? null, p?.rx_bytes ?? null, p?.tx_bytes ?? null,
			p?.endpoint ?? null, p?.version ?? null, b.node.comment,
		];
	});
	download(`${network.get()?.network ?? "network"}-branches.csv`, "text/csv;charset=utf-8", csv(head, rows));
}

function Choice({ label, all, value, options, name }: { label: string; all: string; value: string; options: readonly (readonly [string, string])[]; name: string }) {
	return (
		<select aria-label={label} value={value} onChange={(e) => setQuery({ [name]: e.currentTarget.value })}>
			<option value="">{all}</option>
			{options.map(([id, text]) => (
				<option key={id} value={id}>
					{text}
				</option>
			))}
		</select>
	);
}

function ColumnChoice({ hidden, change }: { hidden: string[]; change(hidden: string[]): void }) {
	return (
		<Menu
			label="Columns"
			class="only-wide"
			button={
				<>
					<Icon name="columns" />
					Columns
				</>
			}
		>
			{() =>
				columns
					.filter((c) => c.id !== "name")
					.map((c) => (
						<label key={c.id} class="check">
							<input type="checkbox" checked={!hidden.includes(c.id)} onChange={() => change(hidden.includes(c.id) ? hidden.filter((h) => h !== c.id) : [...hidden, c.id])} />
							{c.title}
						</label>
					))
			}
		</Menu>
	);
}

function Filters({ filter, list, shown }: { filter: BranchFilter; list: Branch[]; shown: number }) {
	const groups = useMemo(() => [...new Set(list.flatMap((b) => b.node.groups))].sort(), [list]);
	const versions = useMemo(() => [...new Set(list.map((b) => b.presence?.version).filter((v): v is string => !!v))].sort(), [list]);
	return (
		<div class="filters" role="search">
			<div class="search">
				<Icon name="search" />
				<input type="search" aria-label="Search branches" placeholder="Name, address, subnet, group…" value={filter.text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
			</div>
			<Choice label="Status" all="Any status" name="status" value={filter.status} options={HEALTHS} />
			<Choice label="Group" all="Any group" name="group" value={filter.group} options={groups.map((g) => [g, g] as const)} />
			<Choice label="Path" all="Any path" name="path" value={filter.path} options={Object.entries(PATH).filter(([id]) => id !== "unknown")} />
			{versions.length > 1 && <Choice label="Version" all="Any version" name="version" value={filter.version} options={versions.map((v) => [v, v] as const)} />}
			<span class="shown" role="status">
				{shown === list.length ? count(shown, "branch", "branches") : `${number(shown)} of ${count(list.length, "branch", "branches")}`}
			</span>
		</div>
	);
}

function Bulk({ list, clear }: { list: Branch[]; clear(): void }) {
	const groups = [...new Set((branches.get() ?? []).flatMap((b) => b.node.groups))].sort();
	const groupMenu = (label: string, act: (group: string) => void) => (
		<Menu label={label} button={label}>
			{(close) => (groups.length ? groups.map((g) => <button key={g} type="button" class="ghost" onClick={() => (close(), act(g))}>{g}</button>) : <p class="note">There are no groups.</p>)}
		</Menu>
	);
	return (
		<div class="bulk" role="group" aria-label="Selected branches">
			<strong>{count(list.length, "branch", "branches")} selected</strong>
			{groupMenu("Add to group", (g) => askJoinGroup(list, g))}
			{groupMenu("Take out of group", (g) => askLeaveGroup(list, g))}
			<button type="button" onClick={() => exportCsv(list)}>
				CSV
			</button>
			<button type="button" class="danger-soft" disabled={!list.some((b) => b.node.status === "active" || b.node.status === "invited")} onClick={() => askRevoke(list.filter((b) => b.node.status !== "revoked"), clear)}>
				Revoke…
			</button>
			<button type="button" class="ghost" onClick={clear}>
				Clear selection
			</button>
		</div>
	);
}

function FirstBranch() {
	return (
		<Empty icon="branches" title="No branch yet">
			<p>Add one: the hub makes a command, you paste it on the branch's server, and it appears here.</p>
			{may("operator") ? (
				<a class="button primary" href="#/add">
					Add the first branch
				</a>
			) : (
				<p>An operator or admin of this network can add one.</p>
			)}
		</Empty>
	);
}

export function BranchesView() {
	const list = useCell(branches);
	const error = useCell(loadError);
	return (
		<>
			<Head title="Branches">
				<button type="button" class="only-wide" disabled={!list?.length} onClick={() => exportCsv(list ?? [])}>
					<Icon name="down" /> CSV
				</button>
				{may("operator") && (
					<a class="button primary" href="#/add">
						<Icon name="plus" /> Add a branch
					</a>
				)}
			</Head>
			{!list ? error ? <Failed error={error} retry={() => void loadAll()} /> : <Loading what="branches" /> : list.length === 0 ? <FirstBranch /> : <BranchTable list={list} />}
		</>
	);
}

function BranchTable({ list }: { list: Branch[] }) {
	const { query } = useCell(route);
	const [sorting, setSorting] = useState<Sorting>({ column: "name", down: false });
	const [hidden, setHidden] = useState(() => hiddenColumns("branches", HIDDEN_AT_FIRST));
	const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
	const get = (name: string) => query.get(name) ?? "";
	const filter: BranchFilter = { text: get("q"), status: get("status"), group: get("group"), path: get("path"), version: get("version") };
	const rows = useMemo(() => filterBranches(list, filter), [list, query]);
	useRecentLoaded();
	const shown = useMemo(() => columns.filter((c) => !hidden.includes(c.id)), [hidden]);
	const chosen = rows.filter((b) => selected.has(b.id));
	const clear = () => setSelected(new Set());
	const toggle = (b: Branch) => {
		const next = new Set(selected);
		if (!next.delete(b.id)) {
			next.add(b.id);
		}
		setSelected(next);
	};
	const all = rows.length > 0 && chosen.length === rows.length;
	const boxes = {
		has: (b: Branch) => selected.has(b.id),
		toggle,
		all,
		toggleAll: () => setSelected(all ? new Set() : new Set(rows.map((b) => b.id))),
		nameOf: (b: Branch) => b.node.name,
	};
	return (
		<>
			<div class="filter-line">
				<Filters filter={filter} list={list} shown={rows.length} />
				<ColumnChoice
					hidden={hidden}
					change={(next) => {
						setHidden(next);
						setHiddenColumns("branches", next);
					}}
				/>
			</div>
			{chosen.length > 0 && <Bulk list={chosen} clear={clear} />}
			{rows.length ? (
				<Table label="Branches" columns={shown} rows={rows} keyOf={(b) => b.id} card={(b) => <BranchCard b={b} />} sorting={sorting} onSort={setSorting} selected={may("operator") ? boxes : undefined} />
			) : (
				<Empty icon="search" title="No branch fits">
					<button type="button" onClick={() => setQuery({ q: "", status: "", group: "", path: "", version: "" })}>
						Clear search and filters
					</button>
				</Empty>
			)}
		</>
	);
}
