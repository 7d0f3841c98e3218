// SPDX-License-Identifier: GPL-3.0-or-later
// Which branches a search and the filters leave. Pure.
import { healthOf } from "../../state/health";
import type { Branch } from "../../state/live";

export interface BranchFilter {
	text: string;
	status: string;
	group: string;
	path: string;
	version: string;
}

/** All that a search looks at, in lower case. */
function haystack(b: Branch): string {
	return [b.node.name, b.node.comment, ...b.node.groups, ...b.node.addresses, ...b.node.subnets.map((s) => s.prefix), b.presence?.endpoint ?? "", b.presence?.version ?? ""]
		.join(" ")
		.toLowerCase();
}

export function filterBranches(list: Branch[], f: BranchFilter): Branch[] {
	const words = f.text.toLowerCase().split(/\s+/).filter(Boolean);
	return list.filter((b) => {
		if (f.status && healthOf(b).health !== f.status) {
			return false;
		}
		if (f.group && !b.node.groups.includes(f.group)) {
			return false;
		}
		if (f.path && (b.node.status !== "active" || b.presence?.path !== f.path)) {
			return false;
		}
		if (f.version && b.presence?.version !== f.version) {
			return false;
		}
		if (!words.length) {
			return true;
		}
		const text = haystack(b);
		return words.every((w) => text.includes(w));
	});
}
