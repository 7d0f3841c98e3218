// SPDX-License-Identifier: GPL-3.0-or-later
// Who has applied a change: "2 of 3", and who is missing. The hub answers as soon as all have, so this asks it to wait.
import { useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../api/client";
import type { Applied } from "../api/schema";
import { Badge } from "./bits";
import { count } from "./format";

const WAIT_MS = 10_000;

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
					applied on {state.applied} of {state.online}
				</Badge>{" "}
				{all ? `after ${state.elapsed_ms} ms` : "connected branches"}
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
