// SPDX-License-Identifier: GPL-3.0-or-later
// A network with very many branches: each group a tile, each branch a small square in it.
import { count } from "../../parts/format";
import { healthOf } from "../../state/health";
import type { Branch } from "../../state/live";
import { href } from "../../state/route";

const PER_ROW_FEW = 40;
const PER_ROW_MANY = 75;
const MANY = 500;

function Squares({ list }: { list: Branch[] }) {
	const perRow = list.length > MANY ? PER_ROW_MANY : PER_ROW_FEW;
	const rows = Math.ceil(list.length / perRow);
	return (
		<svg class="squares" viewBox={`0 0 ${perRow * 10} ${rows * 10}`} aria-hidden="true">
			{list.map((b, i) => (
				<rect key={b.id} class={`square ${healthOf(b).health}`} x={(i % perRow) * 10 + 1} y={Math.floor(i / perRow) * 10 + 1} width={8} height={8} rx={2}>
					<title>{`${b.node.name}: ${healthOf(b).text}`}</title>
				</rect>
			))}
		</svg>
	);
}

export function GroupTiles({ list }: { list: Branch[] }) {
	const groups = new Map<string, Branch[]>();
	for (const b of list) {
		const name = b.node.groups[0] ?? "";
		const members = groups.get(name);
		if (members) {
			members.push(b);
		} else {
			groups.set(name, [b]);
		}
	}
	return (
		<div class="columns">
			{[...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, members]) => {
				const down = members.filter((b) => healthOf(b).health === "down").length;
				return (
					<section key={name} class="card">
						<header class="card-head">
							<h2>
								<a href={href(["branches"], { group: name })}>{name || "in no group"}</a>
							</h2>
							<span class="muted">
								{count(members.length, "branch", "branches")}
								{down > 0 && (
									<>
										, <a href={href(["branches"], { group: name, status: "down" })}>{down} down</a>
									</>
								)}
							</span>
						</header>
						<div class="card-body">
							<Squares list={members} />
						</div>
					</section>
				);
			})}
		</div>
	);
}
