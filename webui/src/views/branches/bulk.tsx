// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to several branches at once. Each is a change of its own; those that fail are named.
import { call, messageOf } from "../../api/client";
import type { NodeEdit } from "../../api/schema";
import { ask } from "../../parts/dialog";
import { count } from "../../parts/format";
import { tell } from "../../parts/toast";
import type { Branch } from "../../state/live";

const SHOWN_MAX = 12;
/** So many changes are under way at the same time. */
const AT_ONCE = 4;

function names(list: Branch[]): string {
	const shown = list.slice(0, SHOWN_MAX).map((b) => b.node.name).join(", ");
	return list.length > SHOWN_MAX ? `${shown} and ${list.length - SHOWN_MAX} more` : shown;
}

async function each(list: Branch[], change: (b: Branch) => Promise<unknown>, done: string): Promise<void> {
	const waiting = [...list];
	const failed: string[] = [];
	const work = async () => {
		for (let b = waiting.shift(); b; b = waiting.shift()) {
			const { name } = b.node;
			await change(b).catch((e: unknown) => failed.push(`${name}: ${messageOf(e)}`));
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, work));
	if (failed.length) {
		throw new Error(`${count(list.length - failed.length, "branch", "branches")} done; not done: ${failed.join("; ")}`);
	}
	tell(`${done}: ${count(list.length, "branch", "branches")}.`);
}

function edit(b: Branch, body: NodeEdit) {
	return call("PATCH /api/v1/nodes/{id}", { id: `id:${b.id}`, body });
}

export function askJoinGroup(list: Branch[], group: string): void {
	ask({
		title: `Add to group ${group}`,
		body: <p>{`Adds ${names(list)} to the group ${group}. What its policies allow counts for them at once.`}</p>,
		action: "Add to group",
		run: () => each(list, (b) => edit(b, { join_groups: [group] }), `Added to ${group}`),
	});
}

export function askLeaveGroup(list: Branch[], group: string): void {
	const inside = list.filter((b) => b.node.groups.includes(group));
	ask({
		title: `Take out of group ${group}`,
		body: <p>{inside.length ? `Takes ${names(inside)} out of the group ${group}. Whom they reached only by its policies, they cannot reach any more.` : `None of the selected branches is in the group ${group}.`}</p>,
		action: "Take out of group",
		danger: true,
		run: () => each(inside, (b) => edit(b, { leave_groups: [group] }), `Taken out of ${group}`),
	});
}

export function askRevoke(list: Branch[], after: () => void): void {
	ask({
		title: `Revoke ${count(list.length, "branch", "branches")}`,
		body: (
			<>
				<p>
					<strong>{names(list)}</strong>
				</p>
				<p>Their keys stop working everywhere within a second: every tunnel to them ends. To come back, each must be given a new join token.</p>
			</>
		),
		action: `Revoke ${count(list.length, "branch", "branches")}`,
		danger: true,
		input: { label: "Reason (for the audit log)", placeholder: "stolen" },
		async run(reason) {
			await each(list, (b) => call("POST /api/v1/nodes/{id}/revoke", { id: `id:${b.id}`, body: reason ? { reason } : {} }), "Revoked");
			after();
		},
	});
}
