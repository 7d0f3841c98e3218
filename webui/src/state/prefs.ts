// SPDX-License-Identifier: GPL-3.0-or-later
// What this browser remembers: appearance, and which columns are shown.
import { Cell } from "./cell";

export type Theme = "auto" | "light" | "dark";

function read<T>(name: string, fallback: T): T {
	try {
		const text = localStorage.getItem(`branchline.${name}`);
		return text === null ? fallback : (JSON.parse(text) as T);
	} catch {
		return fallback;
	}
}

function write(name: string, value: unknown): void {
	try {
		localStorage.setItem(`branchline.${name}`, JSON.stringify(value));
	} catch {
		// A browser that keeps nothing works all the same.
	}
}

export const theme = new Cell<Theme>(read<Theme>("theme", "auto"));

function showTheme(): void {
	const value = theme.get();
	if (value === "auto") {
		delete document.documentElement.dataset["theme"];
	} else {
		document.documentElement.dataset["theme"] = value;
	}
}

export function setTheme(value: Theme): void {
	theme.set(value);
	write("theme", value);
	showTheme();
}

export function hiddenColumns(table: string, fallback: string[]): string[] {
	return read(`hidden.${table}`, fallback);
}

export function setHiddenColumns(table: string, hidden: string[]): void {
	write(`hidden.${table}`, hidden);
}

showTheme();
