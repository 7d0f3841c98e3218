// SPDX-License-Identifier: GPL-3.0-or-later
// Who may talk to whom: a matrix of groups, and the question "can A reach B".
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Group, PathPolicy, Policy } from "../../api/schema";
import { Card, Head } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { count } from "../../parts/format";
import { Content, Empty } from "../../parts/states";
import { tell } from "../../parts/toast";
import { groups, policies, useResource } from "../../state/resource";
import { may } from "../../state/session";
import { ReachCard } from "./reach";
import { GroupsCard } from "./groups";

const PATHS: Record<PathPolicy, string> = { auto: "allowed", "hub-only": "via hub", "direct-only": "direct only" };

/** A policy counts for both directions. */
function policyOf(list: Policy[], a: string, b: string): Policy | undefined {
	return list.find((p) => (p.from === a && p.to === b) || (p.from === b && p.to === a));
}

function between(a: Group, b: Group): string {
	return a === b ? `the ${count(a.nodes, "branch", "branches")} of ${a.name} among each other` : `${count(a.nodes, "branch", "branches")} of ${a.name} and ${count(b.nodes, "branch", "branches")} of ${b.name}`;
}

function askAllow(a: Group, b: Group): void {
	ask({
		title: a === b ? `Allow traffic inside ${a.name}` : `Allow ${a.name} and ${b.name}`,
		body: <p>{`Lets ${between(a, b)} talk to each other, whoever begins. They learn of each other at once.`}</p>,
		action: "Allow",
		async run() {
			await call("POST /api/v1/policies", { body: { from: a.name, to: b.name } });
			tell(`${a.name} and ${b.name} may talk to each other.`);
		},
	});
}

function askForbid(p: Policy, a: Group, b: Group): void {
	ask({
		title: a === b ? `Forbid traffic inside ${a.name}` : `Forbid ${a.name} and ${b.name}`,
		body: <p>{`Cuts off ${between(a, b)}: their tunnels to each other end at once, unless another policy allows them. The hub is reached as before.`}</p>,
		action: "Forbid",
		danger: true,
		async run() {
			await call("DELETE /api/v1/policies/{id}", { id: p.id });
			tell(`${a.name} and ${b.name} may no longer talk to each other.`);
		},
	});
}

function setPath(p: Policy, path_policy: PathPolicy): void {
	call("PATCH /api/v1/policies/{id}", { id: p.id, body: { path_policy } }).then(
		() => tell(`${p.from} and ${p.to}: ${PATHS[path_policy]}.`),
		(e: Error) => tell(e.message, true),
	);
}

function Cell({ a, b, policy, chosen, choose }: { a: Group; b: Group; policy: Policy | undefined; chosen: boolean; choose(): void }) {
	const text = policy ? PATHS[policy.path_policy] : "–";
	const label = `${a.name} and ${b.name}: ${policy ? PATHS[policy.path_policy] : "not allowed"}`;
	return (
		<td class={chosen ? "chosen" : undefined}>
			<button type="button" class={policy ? "cell yes" : "cell"} aria-label={label} aria-pressed={chosen} onClick={choose}>
				{text}
			</button>
		</td>
	);
}

function Chosen({ a, b, policy }: { a: Group; b: Group; policy: Policy | undefined }) {
	return (
		<div class="card-body form chosen-policy" role="status">
			<p>
				<strong>{a === b ? `Inside ${a.name}` : `${a.name} and ${b.name}`}</strong>: {policy ? "may talk to each other, whoever begins." : "do not know each other, and the hub relays nothing between them."}
			</p>
			{may("operator") && (
				<div class="actions">
					{policy ? (
						<>
							<label class="path-choice">
								Paths{" "}
								<select value={policy.path_policy} onChange={(e) => setPath(policy, e.currentTarget.value as PathPolicy)}>
									<option value="auto">as it works best</option>
									<option value="hub-only">always through the hub</option>
									<option value="direct-only">never through the hub</option>
								</select>
							</label>
							<button type="button" class="danger-soft" onClick={() => askForbid(policy, a, b)}>
								Forbid…
							</button>
						</>
					) : (
						<button type="button" onClick={() => askAllow(a, b)}>
							Allow…
						</button>
					)}
				</div>
			)}
		</div>
	);
}

function Matrix({ all, list }: { all: Group[]; list: Policy[] }) {
	const [chosen, setChosen] = useState<[string, string] | null>(null);
	const a = all.find((g) => g.name === chosen?.[0]);
	const b = all.find((g) => g.name === chosen?.[1]);
	return (
		<Card title="Who may talk to whom">
			<div class="matrix-box" tabIndex={0} role="region" aria-label="Matrix of groups">
				<table class="matrix">
					<thead>
						<tr>
							<td />
							{all.map((g) => (
								<th key={g.id} scope="col">
									{g.name}
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{all.map((row, i) => (
							<tr key={row.id}>
								<th scope="row">
									{row.name} <span class="muted small">{row.nodes}</span>
								</th>
								{all.map((col, k) =>
									k > i ? (
										<td key={col.id} class="other-half" />
									) : (
										<Cell key={col.id} a={row} b={col} policy={policyOf(list, row.name, col.name)} chosen={chosen?.[0] === row.name && chosen[1] === col.name} choose={() => setChosen([row.name, col.name])} />
									),
								)}
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{a && b ? <Chosen a={a} b={b} policy={policyOf(list, a.name, b.name)} /> : <p class="card-body muted">Choose a cell to see what it means and to change it. The hub may talk to every branch.</p>}
		</Card>
	);
}

export function PoliciesView() {
	const allGroups = useResource(groups);
	const list = useResource(policies);
	return (
		<>
			<Head title="Policies" note="Branches that no policy lets talk do not know each other." />
			<ReachCard />
			<Content what="policies" loaded={list}>
				{(rows) => (
					<Content what="groups" loaded={allGroups}>
						{(all) => (
							<>
								{all.length ? <Matrix all={all} list={rows} /> : <Empty icon="policies" title="There are no groups" />}
								<GroupsCard all={all} />
							</>
						)}
					</Content>
				)}
			</Content>
		</>
	);
}
