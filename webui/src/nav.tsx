// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of this page: where they are listed, and what draws each.
import type { ComponentChildren } from "preact";
import type { IconName } from "./parts/icons";
import { BranchesView } from "./views/branches/branches";
import { OverviewView } from "./views/overview/overview";

export interface Page {
	/** The first part of its address: #/branches. */
	id: string;
	title: string;
	icon: IconName;
	section: string;
	/** The table inside scrolls, not the page. */
	fixed?: boolean;
	/** `rest`: what follows in the address. */
	draw(rest: string[]): ComponentChildren;
}

export const pages: Page[] = [
	{ id: "overview", title: "Overview", icon: "overview", section: "", draw: () => <OverviewView /> },
	{ id: "branches", title: "Branches", icon: "branches", section: "", fixed: true, draw: () => <BranchesView /> },
];
