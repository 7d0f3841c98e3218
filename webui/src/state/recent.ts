// SPDX-License-Identifier: GPL-3.0-or-later
// Traffic of all branches in the last minutes, as the hub has written it down: for the small lines in the list of branches.
import { useEffect } from "preact/hooks";
import { callAll } from "../api/client";
import { Cell } from "./cell";

const POINTS = 60;
/** The hub writes a point a minute. */
const REFRESH_MS = 60_000;

/** By node: bytes in each minute since the first that is recorded, both ways, the oldest first; a gap counts as none. */
export const recent = new Cell<ReadonlyMap<number, number[]>>(new Map());
let loadedAt = 0;

function sums(rx: (number | null)[], tx: (number | null)[]): number[] {
	const first = rx.findIndex((n) => n !== null);
	return first < 0 ? [] : rx.slice(first).map((n, i) => (n ?? 0) + (tx[first + i] ?? 0));
}

async function load(): Promise<void> {
	loadedAt = Date.now();
	const items = await callAll("GET /api/v1/history/nodes", { query: { resolution: "1m", points: POINTS } });
	recent.set(new Map(items.map((n) => [n.node_id, sums(n.rx_bytes, n.tx_bytes)])));
}

function loadIfOld(): void {
	if (document.visibilityState === "visible" && Date.now() - loadedAt >= REFRESH_MS) {
		// The lines stay as they are; that the hub does not answer is said by the frame.
		load().catch(() => {
			loadedAt = 0;
		});
	}
}

/** Keeps it up to date while a view stands. */
export function useRecentLoaded(): void {
	useEffect(() => {
		loadIfOld();
		const timer = setInterval(loadIfOld, REFRESH_MS / 10);
		return () => clearInterval(timer);
	}, []);
}
