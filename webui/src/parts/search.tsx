// SPDX-License-Identifier: GPL-3.0-or-later
// One search field, whose text stands in the page's address (?q=).
import type { ComponentChildren } from "preact";
import { useCell } from "../state/cell";
import { route, setQuery } from "../state/route";
import { Icon } from "./icons";

export function SearchBox({ label, placeholder, shown, children }: { label: string; placeholder: string; shown: string; children?: ComponentChildren }) {
	const text = useCell(route).query.get("q") ?? "";
	return (
		<div class="filters" role="search">
			<div class="search">
				<Icon name="search" />
				<input type="search" aria-label={label} placeholder={placeholder} value={text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
			</div>
			{children}
			<span class="shown" role="status">
				{shown}
			</span>
		</div>
	);
}
