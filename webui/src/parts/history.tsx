// SPDX-License-Identifier: GPL-3.0-or-later
// History of a branch or of the hub: the last hour, day or month.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { call } from "../api/client";
import type { HubPoint, NodePoint } from "../api/schema";
import { Card } from "./bits";
import { Chart, type Line } from "./chart";
import { rate, rtt } from "./format";
import { Content, Empty } from "./states";

const SPANS = [
	{ id: "1h", label: "1 hour", seconds: 3600, resolution: "1m" },
	{ id: "24h", label: "24 hours", seconds: 86_400, resolution: "1m" },
	{ id: "30d", label: "30 days", seconds: 30 * 86_400, resolution: "1h" },
] as const;

type Span = (typeof SPANS)[number];
type Point = NodePoint | HubPoint;

const REFRESH_MS = 60_000;

interface Series {
	points: Point[];
	step: number;
	from: number;
	to: number;
}

async function load(node: number | null, span: Span): Promise<Series> {
	const now = Math.floor(Date.now() / 1000);
	const query = { resolution: span.resolution, from: new Date((now - span.seconds) * 1000).toISOString() };
	const { data } = node === null ? await call("GET /api/v1/history", { query }) : await call("GET /api/v1/nodes/{id}/history", { id: `id:${node}`, query });
	return { points: data.points, step: data.step_s, from: now - span.seconds, to: now };
}

/** Points on their steps; a step without a point is a gap. */
function onSteps({ points, step }: Series): { times: number[]; of(pick: (p: Point) => number | null): (number | null)[] } {
	const times: number[] = [];
	const kept: (Point | null)[] = [];
	for (const p of points) {
		const at = Date.parse(p.at ?? "") / 1000;
		const last = times.at(-1);
		if (last !== undefined && at - last > step * 1.5) {
			times.push(last + step);
			kept.push(null);
		}
		times.push(at);
		kept.push(p);
	}
	return { times, of: (pick) => kept.map((p) => (p ? pick(p) : null)) };
}

function useHistory(node: number | null, span: Span) {
	const [loaded, setLoaded] = useState<{ items: Series[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		load(node, span)
			.then((s) => setLoaded({ items: [s], error: null }))
			.catch((error: unknown) => setLoaded({ items: null, error }));
	}, [node, span]);
	useEffect(() => {
		reload();
		const timer = setInterval(reload, REFRESH_MS);
		return () => clearInterval(timer);
	}, [reload]);
	return { ...loaded, reload };
}

function SpanChoice({ span, choose }: { span: Span; choose(s: Span): void }) {
	return (
		<div class="actions" role="group" aria-label="Time shown">
			{SPANS.map((s) => (
				<button key={s.id} type="button" class={s === span ? "primary" : undefined} aria-pressed={s === span} onClick={() => choose(s)}>
					{s.label}
				</button>
			))}
		</div>
	);
}

function Traffic({ series, who }: { series: Series; who: string }) {
	const { times, lines } = useMemo(() => {
		const { times, of } = onSteps(series);
		const lines: Line[] = [
			{ label: "in", color: "--accent", fill: true, values: of((p) => p.rx_bytes / series.step) },
			{ label: "out", color: "--good", values: of((p) => p.tx_bytes / series.step) },
		];
		return { times, lines };
	}, [series]);
	return <Chart label={`Traffic of ${who} with the hub`} times={times} lines={lines} format={rate} from={series.from} to={series.to} />;
}

function RoundTrip({ series, who }: { series: Series; who: string }) {
	const { times, lines } = useMemo(() => {
		const { times, of } = onSteps(series);
		return { times, lines: [{ label: "round trip", color: "--warn", values: of((p) => ("rtt_us" in p ? p.rtt_us : null)) }] satisfies Line[] };
	}, [series]);
	if (lines[0]?.values.every((v) => v === null)) {
		return <p class="muted">No round trip was measured in this time: the hub measures it while there is traffic.</p>;
	}
	return <Chart label={`Round trip between ${who} and the hub`} times={times} lines={lines} format={rtt} from={series.from} to={series.to} />;
}

/** `node` null: all traffic of the hub. */
export function HistoryCard({ node, who }: { node: number | null; who: string }) {
	const [span, setSpan] = useState<Span>(SPANS[0]);
	const loaded = useHistory(node, span);
	return (
		<Card title={node === null ? "Traffic of the hub" : "Traffic and round trip"} actions={<SpanChoice span={span} choose={setSpan} />}>
			<Content what="history" loaded={loaded}>
				{([series]) =>
					series?.points.length ? (
						<div class="card-body form">
							<Traffic series={series} who={who} />
							{node !== null && <RoundTrip series={series} who={who} />}
						</div>
					) : (
						<Empty icon="overview" title="Nothing is recorded yet">
							<p>The hub writes down each minute; look again in a moment.</p>
						</Empty>
					)
				}
			</Content>
		</Card>
	);
}
