// SPDX-License-Identifier: GPL-3.0-or-later
// "Can A reach B", answered by the hub, with the policy that decides it.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { PolicyCheck } from "../../api/schema";
import { Badge, Card } from "../../parts/bits";
import { useCell } from "../../state/cell";
import { branches, network } from "../../state/live";

export function ReachCard() {
	const names = [useCell(network)?.hub.name, ...(useCell(branches) ?? []).map((b) => b.node.name)].filter((n) => n !== undefined);
	const [from, setFrom] = useState("");
	const [to, setTo] = useState("");
	const [verdict, setVerdict] = useState<PolicyCheck | null>(null);
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		setError("");
		call("GET /api/v1/policies/check", { query: { from: `name:${from}`, to: `name:${to}` } })
			.then(({ data }) => setVerdict(data))
			.catch((e: unknown) => {
				setVerdict(null);
				setError(messageOf(e));
			});
	};
	const field = (label: string, value: string, set: (v: string) => void) => (
		<label class="field">
			<span>{label}</span>
			<input list="nodes" value={value} required autoComplete="off" onInput={(e) => set(e.currentTarget.value)} />
		</label>
	);
	return (
		<Card title="Can A reach B?">
			<form class="inline-form card-body reach" onSubmit={submit}>
				<datalist id="nodes">
					{names.map((n) => (
						<option key={n} value={n} />
					))}
				</datalist>
				{field("From", from, setFrom)}
				{field("To", to, setTo)}
				<button type="submit">Ask the hub</button>
			</form>
			<div role="status" class={verdict || error ? "card-body reach-answer" : undefined}>
				{verdict && (
					<p>
						<Badge tone={verdict.allowed ? "good" : "bad"}>{verdict.allowed ? "yes" : "no"}</Badge> {verdict.reason}
					</p>
				)}
				{error && <p class="error">{error}</p>}
			</div>
		</Card>
	);
}
