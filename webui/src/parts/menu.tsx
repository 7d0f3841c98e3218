// SPDX-License-Identifier: GPL-3.0-or-later
// A button that opens a small panel; a click elsewhere or Escape closes it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface MenuProps {
	label: string;
	button: ComponentChildren;
	children(close: () => void): ComponentChildren;
	class?: string;
	disabled?: boolean;
}

export function Menu({ label, button, children, class: name, disabled }: MenuProps) {
	const [open, setOpen] = useState(false);
	const box = useRef<HTMLDivElement>(null);
	const opener = useRef<HTMLButtonElement>(null);
	useEffect(() => {
		if (!open) {
			return undefined;
		}
		const outside = (e: Event) => {
			if (e.target instanceof Node && !box.current?.contains(e.target)) {
				setOpen(false);
			}
		};
		const escape = (e: KeyboardEvent) => {
			if (e.key === "Escape") {
				setOpen(false);
				opener.current?.focus();
			}
		};
		document.addEventListener("pointerdown", outside);
		document.addEventListener("keydown", escape);
		return () => {
			document.removeEventListener("pointerdown", outside);
			document.removeEventListener("keydown", escape);
		};
	}, [open]);
	return (
		<div class="menu" ref={box}>
			<button type="button" ref={opener} class={name} aria-label={label} aria-expanded={open} disabled={disabled} onClick={() => setOpen(!open)}>
				{button}
			</button>
			{open && <div class="menu-panel">{children(() => setOpen(false))}</div>}
		</div>
	);
}
