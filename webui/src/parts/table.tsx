// SPDX-License-Identifier: GPL-3.0-or-later
// The table: sorts, and draws only the rows that can be seen, so that 3,000 are as quick as 30. On a narrow screen each
// row is a card.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { collator } from "../state/collator";
import { useNarrow } from "./narrow";

export interface Column<T> {
	id: string;
	title: string;
	/** CSS width; the rest is shared by the others. */
	width?: string;
	align?: "right";
	sort?: (row: T) => string | number | null;
	cell(row: T): ComponentChildren;
}

export interface Sorting {
	column: string;
	down: boolean;
}

export interface TableProps<T> {
	label: string;
	columns: Column<T>[];
	rows: T[];
	keyOf(row: T): string | number;
	card(row: T): ComponentChildren;
	sorting: Sorting;
	onSort(s: Sorting): void;
	selected?: { has(row: T): boolean; toggle(row: T): void; all: boolean; toggleAll(): void; nameOf(row: T): string };
	rowHeight?: number;
	cardHeight?: number;
	/** Let the page scroll, not the table: for lists that are short by nature. */
	whole?: boolean;
}

const ROW_PX = 44;
const CARD_PX = 76;
/** Rows drawn above and below what can be seen. */
const MARGIN_ROWS = 12;
/** A list that is drawn whole shows so many rows at first, and so many more each time. */
const WHOLE_STEP = 200;

function compare(a: string | number | null, b: string | number | null): number {
	if (a === null || b === null) {
		return a === b ? 0 : a === null ? 1 : -1;
	}
	return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

function useSorted<T>(rows: T[], columns: Column<T>[], { column, down }: Sorting): T[] {
	return useMemo(() => {
		const by = columns.find((c) => c.id === column)?.sort;
		if (!by) {
			return rows;
		}
		const keyed = rows.map((row) => ({ row, key: by(row) }));
		// What has no value is last in either direction.
		keyed.sort((a, b) => (a.key === null || b.key === null || !down ? compare(a.key, b.key) : compare(b.key, a.key)));
		return keyed.map((k) => k.row);
	}, [rows, columns, column, down]);
}

/** Which rows of a scrolling box can be seen. */
function useWindow(count: number, height: number, whole: boolean) {
	const box = useRef<HTMLDivElement>(null);
	const [view, setView] = useState({ top: 0, size: 900 });
	useLayoutEffect(() => {
		const el = box.current;
		if (!el || whole) {
			return undefined;
		}
		const look = () => setView({ top: el.scrollTop, size: el.clientHeight });
		look();
		const watch = new ResizeObserver(look);
		watch.observe(el);
		el.addEventListener("scroll", look, { passive: true });
		return () => {
			watch.disconnect();
			el.removeEventListener("scroll", look);
		};
	}, [whole]);
	const [most, setMost] = useState(WHOLE_STEP);
	const first = whole ? 0 : Math.max(0, Math.min(Math.floor(view.top / height) - MARGIN_ROWS, count - 1));
	const end = whole ? Math.min(count, most) : Math.min(count, Math.ceil((view.top + view.size) / height) + MARGIN_ROWS);
	return { box, first: Math.max(0, first), end, showMore: () => setMost(most + WHOLE_STEP) };
}

export function Table<T>(props: TableProps<T>) {
	const { columns, keyOf, selected, whole = false } = props;
	const narrow = useNarrow();
	const rows = useSorted(props.rows, columns, props.sorting);
	const height = narrow ? (props.cardHeight ?? CARD_PX) : (props.rowHeight ?? ROW_PX);
	const { box, first, end, showMore } = useWindow(rows.length, height, whole);
	const span = narrow ? 1 : columns.length + (selected ? 1 : 0);
	const least = narrow || whole ? 0 : columns.reduce((sum, c) => sum + Number.parseInt(c.width ?? "120", 10), selected ? 40 : 0);
	const fixed = whole && !narrow ? undefined : { height: `${height}px` };
	return (
		<div class={whole ? "table-box whole" : "table-box"} ref={box} tabIndex={whole ? undefined : 0} role={whole ? undefined : "region"} aria-label={whole ? undefined : props.label}>
			<table class={whole ? "table whole" : "table"} style={least ? { minWidth: `${least}px` } : undefined} aria-label={props.label} aria-rowcount={rows.length + 1}>
				{!narrow && <Columns columns={columns} hasBoxes={!!selected} />}
				{narrow ? (
					<thead class="sr-only">
						<tr>
							<th scope="col">{props.label}</th>
						</tr>
					</thead>
				) : (
					<TableHead {...props} />
				)}
				<tbody>
					{first > 0 && <Space px={first * height} span={span} />}
					{rows.slice(first, end).map((row, i) => (
						<tr key={keyOf(row)} aria-rowindex={first + i + 2} style={fixed} class={selected?.has(row) ? "selected" : undefined}>
							{narrow ? <td class="card-cell">{props.card(row)}</td> : <Cells row={row} columns={columns} selected={selected} />}
						</tr>
					))}
					{!whole && end < rows.length && <Space px={(rows.length - end) * height} span={span} />}
				</tbody>
			</table>
			{whole && end < rows.length && (
				<div class="card-body">
					<button type="button" onClick={showMore}>
						Show more
					</button>{" "}
					<span class="muted">
						{end} of {rows.length} are shown
					</span>
				</div>
			)}
		</div>
	);
}

function Space({ px, span }: { px: number; span: number }) {
	return (
		<tr aria-hidden="true" class="space" style={{ height: `${px}px` }}>
			<td colSpan={span} />
		</tr>
	);
}

function Columns<T>({ columns, hasBoxes }: { columns: Column<T>[]; hasBoxes: boolean }) {
	return (
		<colgroup>
			{hasBoxes && <col style={{ width: "40px" }} />}
			{columns.map((c) => (
				<col key={c.id} style={c.width ? { width: c.width } : undefined} />
			))}
		</colgroup>
	);
}

function Cells<T>({ row, columns, selected }: { row: T; columns: Column<T>[]; selected: TableProps<T>["selected"] }) {
	return (
		<>
			{selected && (
				<td class="box">
					<input type="checkbox" aria-label={`Select ${selected.nameOf(row)}`} checked={selected.has(row)} onChange={() => selected.toggle(row)} />
				</td>
			)}
			{columns.map((c) => (
				<td key={c.id} class={c.align}>
					{c.cell(row)}
				</td>
			))}
		</>
	);
}

function TableHead<T>({ columns, sorting, onSort, selected }: TableProps<T>) {
	return (
		<thead>
			<tr aria-rowindex={1}>
				{selected && (
					<th class="box" scope="col">
						<input type="checkbox" aria-label="Select all that are shown" checked={selected.all} onChange={selected.toggleAll} />
					</th>
				)}
				{columns.map((c) => {
					const active = sorting.column === c.id;
					return (
						<th key={c.id} scope="col" class={c.align} aria-sort={active ? (sorting.down ? "descending" : "ascending") : undefined}>
							{c.sort ? (
								<button type="button" class="sort" onClick={() => onSort({ column: c.id, down: active ? !sorting.down : false })}>
									{c.title}
									{active && <span aria-hidden="true">{sorting.down ? "▾" : "▴"}</span>}
								</button>
							) : (
								c.title
							)}
						</th>
					);
				})}
			</tr>
		</thead>
	);
}
