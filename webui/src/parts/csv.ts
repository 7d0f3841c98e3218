// SPDX-License-Identifier: GPL-3.0-or-later
// Tables as files.
function quoted(value: string | number | null): string {
	let text = value === null ? "" : String(value);
	// A spreadsheet must not take a text for a formula.
	if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) {
		text = `'${text}`;
	}
	return /[",\n\r']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(head: string[], rows: (string | number | null)[][]): string {
	return [head, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

/** Hands a text to the browser as a file. */
export function download(name: string, type: string, text: string): void {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = document.createElement("a");
	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
