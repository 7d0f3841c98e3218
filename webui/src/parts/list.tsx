// SPDX-License-Identifier: GPL-3.0-or-later
// A table that keeps its own sorting: for lists that are short by nature.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Column, type Sorting, Table } from "./table";

export interface ListProps<T> {
	label: string;
	columns: Column<T>[];
	rows: T[];
	keyOf(row: T): string | number;
	/** The column that it is sorted by at first. */
	by: string;
	down?: boolean;
}

export function List<T>({ by, down = false, ...rest }: ListProps<T>) {
	const [sorting, setSorting] = useState<Sorting>({ column: by, down });
	return <Table {...rest} whole sorting={sorting} onSort={setSorting} card={(row) => <Stacked row={row} columns={rest.columns} />} />;
}

/** All columns below each other, each with its title. */
function Stacked<T>({ row, columns }: { row: T; columns: Column<T>[] }): ComponentChildren {
	return (
		<dl class="stacked">
			{columns.map((c) => (
				<div key={c.id} class={c.title ? undefined : "stacked-actions"}>
					{c.title && <dt>{c.title}</dt>}
					<dd>{c.cell(row)}</dd>
				</div>
			))}
		</dl>
	);
}
