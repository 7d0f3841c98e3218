// SPDX-License-Identifier: GPL-3.0-or-later
// The network as it is now: the hub, its branches, and the straight ways between them.
import { useEffect, useMemo } from "preact/hooks";
import type { Path } from "../../api/schema";
import { Badge, Head } from "../../parts/bits";
import { count, loss, rate, rtt } from "../../parts/format";
import { useNarrow } from "../../parts/narrow";
import { Empty, Loading } from "../../parts/states";
import { useCell } from "../../state/cell";
import { healthOf, pathText } from "../../state/health";
import { type Branch, branches, network } from "../../state/live";
import { paths, useResource } from "../../state/resource";
import { href } from "../../state/route";
import { type Layout, layout, type Place } from "./layout";
import { GroupTiles } from "./group_tiles";

/** More would be a cloud of dots: then a tile for each group says more. */
const DRAWN_MAX = 600;
const NAMES_MAX = 60;
/** Room for the name of a node at the side of the map. */
const NAME_PX = 105;
const REFRESH_MS = 10_000;
const LOSSY_PERMILLE = 20;

/** From 1 to 7 pixels, a step for each power of ten above 10 kbit/s. */
function widthOf(bytesPerSecond: number): number {
	return 1.5 + Math.max(0, Math.min(5.5, Math.log10(Math.max(1, (bytesPerSecond * 8) / 10_000)) * 1.4));
}

function edgeClass(b: Branch): string {
	const health = healthOf(b).health;
	if (health !== "up" && health !== "partly") {
		return `edge ${health}`;
	}
	return (b.path?.loss_permille ?? 0) >= LOSSY_PERMILLE ? "edge lossy" : `edge ${b.presence?.path ?? "down"}`;
}

function describe(b: Branch): string {
	const { text } = healthOf(b);
	return text === "up" ? `${b.node.name}: up, ${pathText(b)}, RTT ${rtt(b.presence?.rtt_us)}, loss ${loss(b.path?.loss_permille)}, ${rate(b.rates.rx)} in, ${rate(b.rates.tx)} out` : `${b.node.name}: ${text}`;
}

function Dot({ place, named, r }: { place: Place; named: boolean; r: number }) {
	const { b, x, y, angle } = place;
	const right = Math.cos(angle) >= -0.01;
	const title = describe(b);
	return (
		<a href={href(["branches", b.node.name])} aria-label={title} class={`node ${healthOf(b).health}`}>
			<title>{title}</title>
			<circle cx={x} cy={y} r={r} />
			{named && (
				<text x={x + (right ? r + 5 : -r - 5)} y={y + 4} text-anchor={right ? "start" : "end"}>
					{b.node.name.length > 18 ? `${b.node.name.slice(0, 17)}…` : b.node.name}
				</text>
			)}
		</a>
	);
}

/** Straight ways between branches, each pair once. */
function shortcuts(list: Path[], { places }: Layout): { key: string; a: Place; b: Place; text: string }[] {
	const seen = new Set<string>();
	return list.flatMap((p) => {
		const a = places.get(p.node_id);
		const b = places.get(p.peer_id);
		const key = [p.node_id, p.peer_id].sort((x, y) => x - y).join("-");
		if (!a || !b || p.path !== "direct-udp" || seen.has(key)) {
			return [];
		}
		seen.add(key);
		return [{ key, a, b, text: `${p.node} and ${p.peer}: direct, RTT ${rtt(p.rtt_us)}, loss ${loss(p.loss_permille)}` }];
	});
}

function Drawing({ list, known, hub }: { list: Branch[]; known: Path[]; hub: string }) {
	const plan = useMemo(() => layout(list), [list]);
	const named = list.length <= NAMES_MAX;
	const narrow = useNarrow();
	// Names need more room where they are written larger.
	const grouped = plan.sectors.length > 1;
	const margin = (named ? (grouped ? 250 : 150) : 90) + (narrow ? 60 : 0);
	const half = plan.radius + margin;
	const height = plan.radius + 60;
	const r = list.length <= 16 ? 11 : named ? 8 : 6;
	return (
		<svg class="map" viewBox={`${-half} ${-height} ${half * 2} ${height * 2}`} role="group" aria-label={`Map of ${count(list.length, "branch", "branches")}`}>
			{shortcuts(known, plan).map((s) => (
				<path key={s.key} class="shortcut" d={`M${s.a.x} ${s.a.y}Q${(s.a.x + s.b.x) * 0.3} ${(s.a.y + s.b.y) * 0.3} ${s.b.x} ${s.b.y}`}>
					<title>{s.text}</title>
				</path>
			))}
			{[...plan.places.values()].map(({ b, x, y }) => (
				<line key={b.id} class={edgeClass(b)} x1={0} y1={0} x2={x} y2={y} stroke-width={widthOf((b.rates.rx ?? 0) + (b.rates.tx ?? 0))} />
			))}
			{grouped &&
				plan.sectors.map((s) => {
					const middle = (s.from + s.to) / 2;
					// Beside the names of the nodes, not among them.
					const far = plan.radius + (named ? 42 + NAME_PX * Math.abs(Math.cos(middle)) : 30);
					return (
						<text key={s.name} class="sector" x={Math.cos(middle) * far} y={Math.sin(middle) * far + 4} text-anchor={Math.abs(Math.cos(middle)) < 0.3 ? "middle" : Math.cos(middle) > 0 ? "start" : "end"}>
							{s.name} ({s.size})
						</text>
					);
				})}
			{[...plan.places.values()].map((p) => (
				<Dot key={p.b.id} place={p} named={named} r={r} />
			))}
			<g class="hub">
				<circle r={26} />
				<text y={4} text-anchor="middle">
					hub
				</text>
				<title>{hub}</title>
			</g>
		</svg>
	);
}

function Legend() {
	return (
		<ul class="plain legend" aria-label="Legend">
			<li>
				<Badge tone="good">direct</Badge>
			</li>
			<li>
				<Badge tone="info">via hub</Badge>
			</li>
			<li>
				<Badge tone="warn">TCP, or loss of 2 % and more</Badge>
			</li>
			<li>
				<Badge tone="bad">down</Badge>
			</li>
			<li>
				<Badge tone="off">invited, disabled, revoked</Badge>
			</li>
			<li class="muted small">The wider a line, the more traffic. Dashed: straight between two branches.</li>
		</ul>
	);
}

export function MapView() {
	const list = useCell(branches);
	const hub = useCell(network)?.hub.name ?? "hub";
	const known = useResource(paths);
	useEffect(() => {
		const timer = setInterval(known.reload, REFRESH_MS);
		return () => clearInterval(timer);
	}, []);
	return (
		<>
			<Head title="Map" note={list ? `${hub} and ${count(list.length, "branch", "branches")}` : undefined} />
			{!list ? (
				<Loading what="the map" />
			) : list.length === 0 ? (
				<Empty icon="map" title="No branch yet">
					<p>The hub is alone. Added branches stand around it here.</p>
				</Empty>
			) : (
				<>
					<Legend />
					{list.length > DRAWN_MAX ? <GroupTiles list={list} /> : <Drawing list={list} known={known.items ?? []} hub={hub} />}
				</>
			)}
		</>
	);
}
