// SPDX-License-Identifier: GPL-3.0-or-later
// Times that grow older while one looks: one clock for all of them.
import { Cell, useCell } from "../state/cell";
import { absolute, ago, duration } from "./format";

const now = new Cell(Date.now());
setInterval(() => now.set(Date.now()), 1000);

export function Ago({ at }: { at: string | null | undefined }) {
	const text = ago(at, useCell(now));
	return at ? (
		<time dateTime={at} title={absolute(at)}>
			{text}
		</time>
	) : (
		<span class="muted">{text}</span>
	);
}

/** "23 h 59 min", or `over` when it has passed. */
export function Until({ at, over = "over" }: { at: string | null; over?: string }) {
	const left = at ? (Date.parse(at) - useCell(now)) / 1000 : null;
	if (left === null) {
		return <span class="muted">no end</span>;
	}
	return (
		<time dateTime={at ?? ""} title={absolute(at)}>
			{left > 0 ? duration(left) : over}
		</time>
	);
}

export function At({ at }: { at: string | null | undefined }) {
	return at ? <time dateTime={at}>{absolute(at)}</time> : <span class="muted">–</span>;
}
