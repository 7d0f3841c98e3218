// SPDX-License-Identifier: GPL-3.0-or-later
// A graph over time. What it shows is also said as a sentence, for who cannot see it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { useCell } from "../state/cell";
import { theme } from "../state/prefs";

export interface Line {
	label: string;
	/** The CSS variable of its colour. */
	color: string;
	/** Fills the ground below it. */
	fill?: boolean;
	values: (number | null)[];
}

export interface ChartProps {
	label: string;
	/** Unix seconds, ascending. */
	times: number[];
	lines: Line[];
	format(value: number): string;
	/** Both ends of the shown time, so that gaps show as gaps. */
	from: number;
	to: number;
}

const HEIGHT_PX = 190;
/** Fewer values are dots as well: a line needs two. */
const FEW = 3;

function color(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The browser's own answer to light-dark(): canvas does not know it. */
function resolved(name: string): string {
	const probe = document.createElement("span");
	probe.style.color = color(name);
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}

function options({ lines, format, from, to }: ChartProps, width: number): uPlot.Options {
	const axis = { stroke: resolved("--muted"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { stroke: resolved("--line"), width: 1 } };
	return {
		width,
		height: HEIGHT_PX,
		legend: { show: false },
		cursor: { show: false },
		scales: { x: { range: [from, to] }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
		axes: [
			{ ...axis, values: (_u, splits) => splits.map((s) => timeText(s, to - from)) },
			{ ...axis, size: 82, values: (_u, splits) => splits.map(format) },
		],
		series: [
			{},
			...lines.map((l): uPlot.Series => {
				const stroke = resolved(l.color);
				return { label: l.label, stroke, width: 1.6, spanGaps: false, points: { show: l.values.filter((v) => v !== null).length < FEW, size: 6 }, ...(l.fill ? { fill: stroke.replace("rgb(", "rgba(").replace(")", ", 0.14)") } : {}) };
			}),
		],
	};
}

function timeText(seconds: number, span: number): string {
	const date = new Date(seconds * 1000);
	return span > 2 * 86_400 ? date.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

export function Chart(props: ChartProps) {
	const box = useRef<HTMLDivElement>(null);
	const chosen = useCell(theme);
	useEffect(() => {
		const el = box.current;
		if (!el) {
			return undefined;
		}
		const plot = new uPlot(options(props, el.clientWidth), [props.times, ...props.lines.map((l) => l.values)], el);
		const watch = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height: HEIGHT_PX }));
		watch.observe(el);
		return () => {
			watch.disconnect();
			plot.destroy();
		};
	}, [props.times, props.lines, chosen]);
	return (
		<figure class="chart">
			<div ref={box} role="img" aria-label={props.label} />
			<figcaption>
				{props.lines.map((l) => (
					<span key={l.label} class="legend-item">
						<span class="swatch" style={{ background: `var(${l.color})` }} aria-hidden="true" />
						{l.label}
						<span class="muted small">{summary(l.values, props.format)}</span>
					</span>
				))}
			</figcaption>
		</figure>
	);
}

function summary(values: (number | null)[], format: (v: number) => string): string {
	const known = values.filter((v): v is number => v !== null);
	if (!known.length) {
		return "no values";
	}
	const sum = known.reduce((a, b) => a + b, 0);
	return `${format(sum / known.length)} on average, ${format(Math.max(...known))} at most`;
}
