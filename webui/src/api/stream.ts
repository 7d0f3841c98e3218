// SPDX-License-Identifier: GPL-3.0-or-later
// The hub's one stream of events (Server-Sent Events). Read by hand, since EventSource neither tells why it was refused
// nor hands over events whose names it was not told before.
import { type ApiError, errorOf, unreachable } from "./client";

export interface StreamEvent {
	id: string;
	event: string;
	data: string;
}

export interface StreamHandlers {
	open(): void;
	event(e: StreamEvent): void;
	/** It is over; another try comes after `retryMs`, or none when it is null. */
	closed(error: ApiError, retryMs: number | null): void;
}

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** The hub says something every 15 s; after so long without a word the connection is dead. */
const SILENT_MS = 40_000;

/** Splits the bytes of a stream into events; what is incomplete is kept for the next piece. */
export class EventParser {
	private text = "";

	push(piece: string): StreamEvent[] {
		const blocks = (this.text + piece).split("\n\n");
		this.text = blocks.pop() ?? "";
		return blocks.map((block) => {
			const found: StreamEvent = { id: "", event: "", data: "" };
			for (const line of block.split("\n")) {
				const at = line.indexOf(": ");
				const name = at < 0 ? line : line.slice(0, at);
				if (name === "id" || name === "event" || name === "data") {
					found[name] = line.slice(at + 2);
				}
			}
			return found;
		});
	}
}

export class EventStream {
	private lastId = "";
	private tries = 0;
	private stopper = new AbortController();
	private timer: number | undefined;

	constructor(private readonly handlers: StreamHandlers) {}

	start(): void {
		void this.run();
	}

	stop(): void {
		clearTimeout(this.timer);
		this.stopper.abort();
	}

	/** Tries now, if it waits for another try. */
	hurry(): void {
		if (this.timer !== undefined) {
			clearTimeout(this.timer);
			this.timer = undefined;
			void this.run();
		}
	}

	private async run(): Promise<void> {
		this.timer = undefined;
		this.stopper = new AbortController();
		const stopper = this.stopper;
		let error = unreachable();
		try {
			const headers = new Headers(this.lastId ? { "Last-Event-ID": this.lastId } : {});
			const response = await fetch("/api/v1/events", { headers, signal: stopper.signal, credentials: "same-origin" });
			if (response.ok && response.body) {
				this.tries = 0;
				this.handlers.open();
				await this.read(response.body, stopper);
			} else {
				error = await errorOf(response);
			}
		} catch {
			// The connection broke, or was silent for too long: both are "unreachable".
		}
		if (stopper.signal.aborted && stopper.signal.reason !== "silent") {
			return;
		}
		this.again(error);
	}

	private again(error: ApiError): void {
		if (error.status === 401 || error.status === 403) {
			this.handlers.closed(error, null);
			return;
		}
		if (error.code === "event_id_invalid") {
			this.lastId = "";
		}
		const wait = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.tries) * (0.75 + Math.random() / 2);
		this.tries++;
		this.handlers.closed(error, wait);
		this.timer = setTimeout(() => void this.run(), wait);
	}

	private async read(body: ReadableStream<Uint8Array<ArrayBuffer>>, stopper: AbortController): Promise<void> {
		const reader = body.pipeThrough(new TextDecoderStream()).getReader();
		const parser = new EventParser();
		for (;;) {
			const silent = setTimeout(() => stopper.abort("silent"), SILENT_MS);
			const { done, value } = await reader.read().finally(() => clearTimeout(silent));
			if (done) {
				return;
			}
			for (const e of parser.push(value)) {
				this.lastId = e.id || this.lastId;
				if (e.event) {
					this.handlers.event(e);
				}
			}
		}
	}
}
