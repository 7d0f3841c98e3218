// SPDX-License-Identifier: GPL-3.0-or-later
// A value that views can watch.
import { useEffect, useReducer } from "preact/hooks";

type Listener = () => void;

export class Cell<T> {
	private readonly listeners = new Set<Listener>();

	constructor(private value: T) {}

	get(): T {
		return this.value;
	}

	set(value: T): void {
		if (Object.is(value, this.value)) {
			return;
		}
		this.value = value;
		for (const listener of [...this.listeners]) {
			listener();
		}
	}

	subscribe(listener: Listener): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}
}

/** The cell's value; the view is drawn again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
	const [, redraw] = useReducer((n: number) => n + 1, 0);
	const seen = cell.get();
	useEffect(() => {
		// It may have changed between drawing and now.
		if (!Object.is(seen, cell.get())) {
			redraw(undefined as never);
		}
		return cell.subscribe(() => redraw(undefined as never));
	}, [cell]);
	return seen;
}
