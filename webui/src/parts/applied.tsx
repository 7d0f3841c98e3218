// SPDX-License-Identifier: GPL-3.0-or-later
// Who has applied a change: "2 of 3", and who is missing. The hub answers as soon as all have, so this asks it to wait.
import { useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../api/client";
import type { Applied, Receipt } from "../api/schema";
import { Badge, type Tone } from "./bits";
import { count, duration, number } from "./format";

const WAIT_MS = 10_000;
/** Receipts at first, and each time that more are wanted. */
const SHOWN = 100;

export function span(ms: number): string {
	return ms < 10_000 ? `${ms} ms` : duration(ms / 1000);
}


const STATES: Record<Receipt["state"], [Tone, string]> = {
	applied: ["good", "applied"],
	pending: ["warn", "not yet"],
	offline: ["off", "away"],
};

function when(r: Receipt): string {
	if (r.state === "offline") {
		return "learns it when it comes back";
	}
	if (r.state === "pending" || r.elapsed_ms === null) {
		return "";
	}
	return r.exact ? `after ${span(r.elapsed_ms)}` : `after at most ${span(r.elapsed_ms)}`;
}

/** Who is missing first. */
export function Receipts({ items }: { items: Receipt[] }) {
	const order = ["pending", "offline", "applied"];
	const sorted = [...items].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (b.elapsed_ms ?? 0) - (a.elapsed_ms ?? 0));
	const [most, setMost] = useState(SHOWN);
	return (
		<>
			<ul class="plain checks">
				{sorted.slice(0, most).map((r) => (
					<li key={r.node}>
						<Badge tone={STATES[r.state][0]}>{STATES[r.state][1]}</Badge>
						<span>
							{r.node} <span class="muted small">{when(r)}</span>
						</span>
					</li>
				))}
			</ul>
			{sorted.length > most && (
				<p>
					<button type="button" onClick={() => setMost(most + SHOWN)}>
						Show more
					</button>{" "}
					<span class="muted">
						{most} of {count(sorted.length, "branch", "branches")} are shown
					</span>
				</p>
			)}
		</>
	);
}

export function AppliedProgress({ revision, except }: { revision: number; except?: number }) {
	const [state, setState] = useState<Applied | null>(null);
	const [error, setError] = useState("");
	useEffect(() => {
		const stop = new AbortController();
		const ask = async (wait_ms: number): Promise<void> => {
			const { data } = await call("GET /api/v1/revisions/{id}", { id: revision, query: except ? { wait_ms, except } : { wait_ms }, signal: stop.signal });
			setState(data);
			if (data.applied < data.online) {
				await ask(WAIT_MS);
			}
		};
		ask(0).catch((e: unknown) => !stop.signal.aborted && setError(messageOf(e)));
		return () => stop.abort();
	}, [revision, except]);
	if (!state) {
		return <p role="status">{error || "Asking who has applied it…"}</p>;
	}
	const all = state.applied >= state.online;
	const share = state.online ? (state.applied / state.online) * 100 : 100;
	return (
		<div class="form" role="status">
			<div class="progress" role="progressbar" aria-label="Applied" aria-valuenow={state.applied} aria-valuemin={0} aria-valuemax={state.online}>
				<div style={{ width: `${share}%` }} />
			</div>
			<p>
				<Badge tone={all ? "good" : "warn"}>
					applied on {number(state.applied)} of {number(state.online)}
				</Badge>{" "}
				{all ? `after ${span(state.elapsed_ms)}` : "connected branches"}
			</p>
			{state.missing.length > 0 && <p class="warning">Not confirmed yet: {state.missing.join(", ")}</p>}
			{state.offline.length > 0 && (
				<p class="muted">
					{count(state.offline.length, "branch is", "branches are")} not connected and will learn it on coming back: {state.offline.join(", ")}
				</p>
			)}
			{error && <p class="error">{error}</p>}
		</div>
	);
}
