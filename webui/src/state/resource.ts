// SPDX-License-Identifier: GPL-3.0-or-later
// A list of the API that views show: loaded when the first of them looks, and again when an event says that it changed.
import { useEffect } from "preact/hooks";
import { callAll, type Item, type ListOp } from "../api/client";
import { Cell, useCell } from "./cell";

export interface Loaded<T> {
	items: T[] | null;
	error: unknown;
}

const SETTLE_MS = 200;
const all: Resource<ListOp>[] = [];

export class Resource<K extends ListOp> {
	readonly cell = new Cell<Loaded<Item<K>>>({ items: null, error: null });
	private lookers = 0;
	private timer: number | undefined;
	private stale = true;

	/** `actions`: audit actions, or their beginnings, after which the list is another. */
	constructor(
		private readonly op: K,
		private readonly actions: string[],
	) {
		all.push(this as unknown as Resource<ListOp>);
	}

	async load(): Promise<void> {
		this.stale = false;
		try {
			this.cell.set({ items: await callAll(this.op), error: null });
		} catch (error) {
			this.stale = true;
			this.cell.set({ items: this.cell.get().items, error });
		}
	}

	happened(action: string): void {
		if (action !== "lost" && !this.actions.some((a) => action.startsWith(a))) {
			return;
		}
		this.stale = true;
		if (this.lookers > 0) {
			clearTimeout(this.timer);
			this.timer = setTimeout(() => void this.load(), SETTLE_MS);
		}
	}

	look(): () => void {
		this.lookers++;
		if (this.stale) {
			void this.load();
		}
		return () => {
			this.lookers--;
		};
	}
}

export function useResource<K extends ListOp>(resource: Resource<K>): Loaded<Item<K>> & { reload(): void } {
	useEffect(() => resource.look(), [resource]);
	return { ...useCell(resource.cell), reload: () => void resource.load() };
}

/** An event: every list that it concerns is loaded again, if somebody looks at it. */
export function resourcesHeard(action: string): void {
	for (const resource of all) {
		resource.happened(action);
	}
}

export const subnets = new Resource("GET /api/v1/subnets", ["subnet.", "node."]);
export const keys = new Resource("GET /api/v1/keys", ["key.", "node."]);
export const keyRotations = new Resource("GET /api/v1/key-rotations", ["key.", "node.", "presence."]);
export const groups = new Resource("GET /api/v1/groups", ["group.", "node."]);
export const policies = new Resource("GET /api/v1/policies", ["policy.", "group."]);
export const revocations = new Resource("GET /api/v1/revocations", ["revocation.", "node."]);
export const tokens = new Resource("GET /api/v1/tokens", ["token.", "node."]);
export const apiTokens = new Resource("GET /api/v1/api-tokens", ["api-token."]);
export const webhooks = new Resource("GET /api/v1/webhooks", ["webhook."]);
export const users = new Resource("GET /api/v1/users", ["user."]);
export const paths = new Resource("GET /api/v1/paths", ["presence."]);
