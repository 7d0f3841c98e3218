// SPDX-License-Identifier: GPL-3.0-or-later
// What stands in place of content: nothing there yet, on its way, failed.
import type { ComponentChildren } from "preact";
import { ApiError, messageOf } from "../api/client";
import { Icon, type IconName } from "./icons";

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
	return (
		<div class="empty">
			<Icon name={icon} size={36} />
			<p class="empty-title">{title}</p>
			{children}
		</div>
	);
}

export function Loading({ what }: { what: string }) {
	return (
		<div class="empty" role="status">
			<span class="spinner" aria-hidden="true" />
			<p>Loading {what}…</p>
		</div>
	);
}

/** What to do about the errors that an admin meets. */
function advice(e: unknown): string {
	if (!(e instanceof ApiError)) {
		return "This is a fault of the page. Load it again; if it comes back, the browser's console says more.";
	}
	switch (e.status) {
		case 0:
			return "On the hub's server: systemctl status 'branchline-hub@*'. The page tries again by itself.";
		case 403:
			return "Ask an admin of this network for a higher role, if you need it.";
		case 404:
			return "It may have been deleted, or the address was mistyped.";
		case 503:
			return "The hub is busy or just starting. Try again in a moment.";
		case 507:
			return "The hub's disk is full. Free some space on it; nothing was lost.";
		default:
			return "Try again; the hub's log says more (journalctl -u 'branchline-hub@*').";
	}
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
	return (
		<div class="empty bad" role="alert">
			<Icon name="warning" size={36} />
			<p class="empty-title">{messageOf(error)}</p>
			<p>{advice(error)}</p>
			{retry && (
				<button type="button" onClick={retry}>
					Try again
				</button>
			)}
		</div>
	);
}

/** The usual three states of a list around its content. */
export function Content<T>(props: {
	what: string;
	loaded: { items: T[] | null; error: unknown; reload(): void };
	children(items: T[]): ComponentChildren;
}) {
	const { items, error, reload } = props.loaded;
	if (items) {
		return <>{props.children(items)}</>;
	}
	return error ? <Failed error={error} retry={reload} /> : <Loading what={props.what} />;
}
