// SPDX-License-Identifier: GPL-3.0-or-later
// Short news at the edge of the page, read out by screen readers.
import { Cell, useCell } from "../state/cell";
import { Icon } from "./icons";

interface Toast {
	key: number;
	text: string;
	bad: boolean;
}

const SHOWN_MS = 6000;
const toasts = new Cell<Toast[]>([]);
let counter = 0;

function drop(key: number): void {
	toasts.set(toasts.get().filter((t) => t.key !== key));
}

export function tell(text: string, bad = false): void {
	const key = counter++;
	toasts.set([...toasts.get().slice(-3), { key, text, bad }]);
	// What went wrong stays until it was read.
	if (!bad) {
		setTimeout(() => drop(key), SHOWN_MS);
	}
}

export function Toasts() {
	return (
		<div class="toasts" role="status" aria-live="polite">
			{useCell(toasts).map((t) => (
				<div key={t.key} class={t.bad ? "toast bad" : "toast"}>
					<Icon name={t.bad ? "warning" : "check"} />
					<span>{t.text}</span>
					<button type="button" class="ghost square" aria-label="Dismiss" onClick={() => drop(t.key)}>
						<Icon name="close" size={14} />
					</button>
				</div>
			))}
		</div>
	);
}
