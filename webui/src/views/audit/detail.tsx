// SPDX-License-Identifier: GPL-3.0-or-later
// One entry of the audit log: what changed, and its seal.
import type { AuditEntry } from "../../api/schema";
import { Mono } from "../../parts/bits";
import { DiffTable, differences, nice, show } from "../../parts/diff";

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function Changed({ detail }: { detail: Record<string, unknown> }) {
	const { before, after, ...rest } = detail;
	const diff = isObject(before) && isObject(after) ? differences(before, after) : [];
	const facts = Object.entries(rest);
	return (
		<>
			{diff.length > 0 && <DiffTable items={diff} heads={["Before", "After"]} />}
			{facts.length > 0 && (
				<dl class="facts">
					{facts.map(([name, value]) => (
						<>
							<dt key={name}>{nice(name)}</dt>
							<dd>{show(value)}</dd>
						</>
					))}
				</dl>
			)}
		</>
	);
}

export function Detail({ entry }: { entry: AuditEntry }) {
	return (
		<div class="entry-detail form">
			<dl class="facts">
				<dt>Entry</dt>
				<dd>
					{entry.id}, <code>{entry.action}</code>
				</dd>
				<dt>Who</dt>
				<dd>{entry.actor}</dd>
				<dt>To what</dt>
				<dd>{entry.object}</dd>
			</dl>
			{isObject(entry.detail) ? <Changed detail={entry.detail} /> : entry.detail && <p>{String(entry.detail)}</p>}
			<p class="small muted">
				Seal <Mono text={entry.hash} shown={`${entry.hash.slice(0, 24)}…`} what="the hash" />
			</p>
		</div>
	);
}
