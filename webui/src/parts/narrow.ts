// SPDX-License-Identifier: GPL-3.0-or-later
// Is the window as narrow as a phone? The same width as in the style sheets.
import { Cell, useCell } from "../state/cell";

const query = window.matchMedia("(max-width: 720px)");
const narrow = new Cell(query.matches);
query.addEventListener("change", () => narrow.set(query.matches));

export function useNarrow(): boolean {
	return useCell(narrow);
}
