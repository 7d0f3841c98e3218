// SPDX-License-Identifier: GPL-3.0-or-later
// Does the hub reach a branch through its tunnel, and do packets for its networks go there? Asked of the hub's own data plane.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { Node, Reach } from "../../api/schema";
import { Badge, Card, type Tone } from "../../parts/bits";
import { PATH, rtt } from "../../parts/format";
import { Ago } from "../../parts/time";

const WORDS: Record<Reach["result"], [Tone, string]> = {
	reached: ["good", "reached"],
	lossy: ["warn", "some echoes were lost"],
	no_answer: ["bad", "no answer"],
	no_peer: ["bad", "not there yet"],
	no_engine: ["bad", "cannot be tested"],
	not_joined: ["off", "has not joined"],
	disabled: ["off", "disabled"],
	revoked: ["off", "revoked"],
};

/** Answers of one test after the other; the first is asked for at once when `auto`. */
function useReach(id: number, auto: boolean) {
	const [answer, setAnswer] = useState<Reach | null>(null);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const stopper = useRef<AbortController | null>(null);
	const test = useCallback(() => {
		stopper.current?.abort();
		const stop = new AbortController();
		stopper.current = stop;
		setBusy(true);
		setError("");
		call("POST /api/v1/nodes/{id}/reach", { id: `id:${id}`, body: {}, signal: stop.signal })
			.then(({ data }) => setAnswer(data))
			.catch((e: unknown) => (e instanceof ApiError || !stop.signal.aborted) && setError(messageOf(e)))
			.finally(() => stopper.current === stop && setBusy(false));
	}, [id]);
	useEffect(() => {
		if (auto) {
			test();
		}
		return () => stopper.current?.abort();
	}, [test, auto]);
	return { answer, error, busy, test };
}

function Numbers({ a }: { a: Reach }) {
	return (
		<dl class="facts">
			<dt>Echoes</dt>
			<dd>
				{a.answered} of {a.sent} answered
			</dd>
			{a.answered > 0 && (
				<>
					<dt>Round trip</dt>
					<dd>
						{rtt(a.rtt_avg_us)} <span class="muted">({rtt(a.rtt_min_us)} to {rtt(a.rtt_max_us)})</span>
					</dd>
					<dt>Path</dt>
					<dd>
						{PATH[a.path ?? "unknown"] ?? a.path} {a.endpoint && <span class="muted num">{a.endpoint}</span>}
					</dd>
				</>
			)}
			<dt>Configuration</dt>
			<dd>{a.acked_revision >= a.revision ? `it has applied the newest revision (${a.revision})` : <span class="warning">{`it has applied revision ${a.acked_revision} of ${a.revision}`}</span>}</dd>
		</dl>
	);
}

function Networks({ a }: { a: Reach }) {
	if (!a.subnets.length) {
		return <p class="muted small">No network is behind it: only its own addresses can be reached.</p>;
	}
	return (
		<ul class="plain checks">
			{a.subnets.map((s) => (
				<li key={s.prefix}>
					<Badge tone={s.routed ? "good" : s.via ? "info" : "bad"}>{s.routed ? "routed" : s.via ? "stands by" : "not routed"}</Badge>
					<span>
						<code>{s.prefix}</code> <span class="muted small">{s.reason}</span>
					</span>
				</li>
			))}
		</ul>
	);
}

function Answer({ a }: { a: Reach }) {
	const [tone, text] = WORDS[a.result];
	return (
		<>
			<p>
				<Badge tone={tone}>{text}</Badge>{" "}
				<span class="muted">
					{a.reason}, <Ago at={a.at} />
				</span>
			</p>
			{a.advice && <p class={tone === "bad" ? "error" : "warning"}>What helps: {a.advice}.</p>}
			{a.sent > 0 && <Numbers a={a} />}
			<Networks a={a} />
		</>
	);
}

/** `auto`: tests at once, without being asked. */
export function ReachTest({ node, auto = false }: { node: Node; auto?: boolean }) {
	const { answer, error, busy, test } = useReach(node.id, auto);
	return (
		<Card
			title="Reach test"
			actions={
				<button type="button" disabled={busy} onClick={test}>
					{busy ? "Testing…" : answer ? "Test again" : "Test now"}
				</button>
			}
		>
			<div class="form card-body" role="status" aria-busy={busy}>
				{answer && <Answer a={answer} />}
				{error && <p class="error">{error}</p>}
				{!answer && !error && <p class="muted">{busy ? `The hub sends ${node.name} a few encrypted echoes…` : `The hub sends ${node.name} a few encrypted echoes through its tunnel, and looks where packets for its networks go. Traffic is not disturbed.`}</p>}
			</div>
		</Card>
	);
}
