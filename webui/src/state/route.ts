// SPDX-License-Identifier: GPL-3.0-or-later
// Where in the page we are: #/branches/oslo?tab=keys. A view's filters stand there, too, so that they can be linked to.
import { Cell } from "./cell";

export interface Route {
	/** ["branches", "oslo"]; never empty. */
	path: string[];
	query: URLSearchParams;
}

function parse(hash: string): Route {
	const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
	const parts = path.split("/").filter(Boolean).map(decodeSafely);
	return { path: parts.length ? parts : ["overview"], query: new URLSearchParams(query) };
}

function decodeSafely(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export const route = new Cell<Route>(parse(location.hash));

export function href(path: string[], query: Record<string, string> = {}): string {
	const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
	return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(path: string[], query: Record<string, string> = {}): void {
	location.hash = href(path, query);
}

/** Changes the filters of this view without a step in the browser's history. */
export function setQuery(changes: Record<string, string>): void {
	const { path, query } = route.get();
	const next = { ...Object.fromEntries(query), ...changes };
	history.replaceState(null, "", href(path, next));
	route.set(parse(location.hash));
}

window.addEventListener("hashchange", () => route.set(parse(location.hash)));
