// SPDX-License-Identifier: GPL-3.0-or-later
// What differs between two states of a thing, member by member.

/** Members of bookkeeping, which say nothing to people. */
const HIDDEN = new Set(["id", "revision", "updated_at", "created_at"]);

export interface Difference {
	name: string;
	before: string;
	after: string;
}

export function show(value: unknown): string {
	if (value === null || value === undefined || value === "") {
		return "–";
	}
	if (Array.isArray(value)) {
		return value.length ? value.map((v) => (typeof v === "object" && v && "prefix" in v ? String(v.prefix) : show(v))).join(", ") : "none";
	}
	return typeof value === "object" ? JSON.stringify(value) : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

export function differences(before: object, after: object): Difference[] {
	const names = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...names]
		.filter((name) => !HIDDEN.has(name))
		.map((name) => ({ name, before: show((before as Record<string, unknown>)[name]), after: show((after as Record<string, unknown>)[name]) }))
		.filter((d) => d.before !== d.after);
}

export function nice(name: string): string {
	return name.replace(/_s$/, " (s)").replaceAll("_", " ");
}

export function DiffTable({ items, heads = ["Now", "Then"] }: { items: Difference[]; heads?: [string, string] }) {
	return (
		<table class="diff">
			<thead>
				<tr>
					<th scope="col">What</th>
					<th scope="col">{heads[0]}</th>
					<th scope="col">{heads[1]}</th>
				</tr>
			</thead>
			<tbody>
				{items.map((d) => (
					<tr key={d.name}>
						<th scope="row">{nice(d.name)}</th>
						<td>
							<del>{d.before}</del>
						</td>
						<td>
							<ins>{d.after}</ins>
						</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}
