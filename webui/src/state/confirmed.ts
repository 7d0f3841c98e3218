// SPDX-License-Identifier: GPL-3.0-or-later
// Who has applied a revision, as far as the page has seen. Pure.
import type { Branch } from "./live";

export interface Confirmed {
	applied: number;
	/** Of those that are connected. */
	online: number;
	/** Connected, but not confirmed. */
	missing: string[];
	/** Not connected, and behind it: they learn it when they come back. */
	away: string[];
}

export function confirmedBy(branches: Branch[], revision: number, except: number): Confirmed {
	const found: Confirmed = { applied: 0, online: 0, missing: [], away: [] };
	for (const { id, node, presence } of branches) {
		if (id === except || node.kind !== "spoke" || node.status !== "active") {
			continue;
		}
		const knows = (presence?.acked_revision ?? 0) >= revision;
		if (presence?.online) {
			found.online++;
			found.applied += knows ? 1 : 0;
		}
		if (!knows) {
			(presence?.online ? found.missing : found.away).push(node.name);
		}
	}
	return found;
}
