// SPDX-License-Identifier: GPL-3.0-or-later
// The one way to the hub's API. Operations, bodies and answers are those of schema/openapi.yaml.
import type { Operations, Problem } from "./schema";

export type Op = keyof Operations;
type Query<K extends Op> = Operations[K]["query"];
type Body<K extends Op> = Operations[K]["body"];
export type Reply<K extends Op> = Operations[K]["reply"];

export interface CallOptions<K extends Op> {
	/** Fills the {parameter} of the path. */
	id?: string | number;
	query?: Query<K>;
	body?: Body<K>;
	/** Change only what is still in this state; otherwise an ApiError with status 412. */
	ifMatch?: string | null;
	signal?: AbortSignal;
}

export interface Answer<K extends Op> {
	data: Reply<K>;
	etag: string | null;
}

/** What the hub refused, or that it could not be asked (status 0, code "unreachable"). */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		readonly detail: string,
		readonly pointer: string | undefined,
	) {
		super(detail);
	}
}

type Watcher = (error: ApiError | null) => void;
let watcher: Watcher = () => undefined;

/** Hears of every answer: null for one that was no error. */
export function watchCalls(w: Watcher): void {
	watcher = w;
}

export function unreachable(): ApiError {
	return new ApiError(0, "unreachable", "The hub does not answer. Is its service running, and are you still connected to its network?", undefined);
}

async function problemOf(response: Response): Promise<ApiError> {
	try {
		const p = (await response.json()) as Problem;
		return new ApiError(response.status, p.code, p.detail, p.pointer);
	} catch {
		return new ApiError(response.status, "no_problem", `The hub answered ${response.status} without saying why.`, undefined);
	}
}

export async function errorOf(response: Response): Promise<ApiError> {
	const error = await problemOf(response);
	watcher(error);
	return error;
}

function urlOf<K extends Op>(op: K, options: CallOptions<K>): [method: string, url: string] {
	const [method, path] = op.split(" ") as [string, string];
	const url = path.replace(/\{\w+\}/, () => encodeURIComponent(String(options.id)));
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(options.query ?? {})) {
		if (value !== undefined) {
			query.set(name, String(value));
		}
	}
	const text = query.toString();
	return [method, text ? `${url}?${text}` : url];
}

function headersOf<K extends Op>(method: string, options: CallOptions<K>): Headers {
	const headers = new Headers();
	if (method !== "GET") {
		headers.set("X-Branchline", "1");
	}
	if (method === "POST") {
		headers.set("Idempotency-Key", crypto.randomUUID());
	}
	if (options.body !== undefined) {
		headers.set("Content-Type", "application/json");
	}
	if (options.ifMatch) {
		headers.set("If-Match", options.ifMatch);
	}
	return headers;
}

export async function call<K extends Op>(op: K, options: CallOptions<K> = {}): Promise<Answer<K>> {
	const [method, url] = urlOf(op, options);
	let response: Response;
	try {
		response = await fetch(url, {
			method,
			headers: headersOf(method, options),
			body: options.body === undefined ? null : JSON.stringify(options.body),
			signal: options.signal ?? null,
			credentials: "same-origin",
		});
	} catch (e) {
		if (options.signal?.aborted) {
			throw e;
		}
		const error = unreachable();
		watcher(error);
		throw error;
	}
	if (!response.ok) {
		throw await errorOf(response);
	}
	watcher(null);
	const json = response.headers.get("Content-Type")?.startsWith("application/json");
	return { data: (json ? await response.json() : await response.text()) as Reply<K>, etag: response.headers.get("ETag") };
}

type ListOp = { [K in Op]: Reply<K> extends { items: unknown[]; next_after: number | null } ? K : never }[Op];
export type Item<K extends ListOp> = Reply<K> extends { items: (infer T)[] } ? T : never;
export type { ListOp };

/** All pages of a list, one after the other. */
export async function callAll<K extends ListOp>(op: K, options: CallOptions<K> = {}): Promise<Item<K>[]> {
	const items: Item<K>[] = [];
	let after: number | null = 0;
	while (after !== null) {
		const query = { ...options.query, limit: 1000, after } as unknown as Query<K>;
		const page = (await call(op, { ...options, query })).data as { items: Item<K>[]; next_after: number | null };
		items.push(...page.items);
		after = page.next_after;
	}
	return items;
}

/** The text for people of whatever was thrown. */
export function messageOf(e: unknown): string {
	return e instanceof ApiError ? e.detail : e instanceof Error ? e.message : String(e);
}
