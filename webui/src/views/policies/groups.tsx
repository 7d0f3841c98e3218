// SPDX-License-Identifier: GPL-3.0-or-later
// The groups that policies speak of.
import { call } from "../../api/client";
import type { Group } from "../../api/schema";
import { Card } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { Icon } from "../../parts/icons";
import { List } from "../../parts/list";
import type { Column } from "../../parts/table";
import { tell } from "../../parts/toast";
import { href } from "../../state/route";
import { may } from "../../state/session";

function askAdd(): void {
	ask({
		title: "Add a group",
		body: <p>Branches are put into it at their settings, or many at once in the list of branches. It may do nothing until a policy says so.</p>,
		action: "Add group",
		input: { label: "Name", placeholder: "stores" },
		async run(name) {
			await call("POST /api/v1/groups", { body: { name } });
			tell(`The group ${name} is added.`);
		},
	});
}

function askRename(g: Group): void {
	ask({
		title: `Rename the group ${g.name}`,
		body: <p>Its branches and policies stay the same.</p>,
		action: "Rename",
		input: { label: "New name", value: g.name },
		async run(name) {
			await call("PATCH /api/v1/groups/{id}", { id: g.name, body: { name } });
			tell(`${g.name} is now called ${name}.`);
		},
	});
}

function askDelete(g: Group): void {
	ask({
		title: `Delete the group ${g.name}`,
		body: <p>{g.nodes ? `${g.nodes} branches are in it; the hub deletes only groups that are empty and in no policy.` : `The group ${g.name} is empty; nobody loses anything.`}</p>,
		action: `Delete ${g.name}`,
		danger: true,
		async run() {
			await call("DELETE /api/v1/groups/{id}", { id: g.name });
			tell(`The group ${g.name} is deleted.`);
		},
	});
}

const columns: Column<Group>[] = [
	{ id: "name", title: "Group", sort: (g) => g.name, cell: (g) => <a href={href(["branches"], { group: g.name })}>{g.name}</a> },
	{ id: "nodes", title: "Nodes", align: "right", sort: (g) => g.nodes, cell: (g) => g.nodes },
	{ id: "comment", title: "Comment", sort: (g) => g.comment || null, cell: (g) => g.comment || "–" },
	{
		id: "act",
		title: "",
		cell: (g) =>
			may("operator") && (
				<span class="actions">
					<button type="button" aria-label={`Rename ${g.name}`} onClick={() => askRename(g)}>
						Rename…
					</button>
					<button type="button" class="danger-soft" aria-label={`Delete ${g.name}`} onClick={() => askDelete(g)}>
						Delete…
					</button>
				</span>
			),
	},
];

export function GroupsCard({ all }: { all: Group[] }) {
	return (
		<Card
			title="Groups"
			actions={
				may("operator") && (
					<button type="button" onClick={askAdd}>
						<Icon name="plus" /> Add a group
					</button>
				)
			}
		>
			<List label="Groups" columns={columns} rows={all} keyOf={(g) => g.id} by="name" />
		</Card>
	);
}
