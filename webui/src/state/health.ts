// SPDX-License-Identifier: GPL-3.0-or-later
// How a branch is, in one word, and why. Pure.
import type { Tone } from "../parts/bits";
import { PATH } from "../parts/format";
import type { Branch } from "./live";

export type Health = "up" | "down" | "partly" | "invited" | "disabled" | "revoked";

export interface Verdict {
	health: Health;
	tone: Tone;
	text: string;
	why: string;
}

const NOT_ACTIVE: Record<string, Verdict> = {
	invited: { health: "invited", tone: "info", text: "invited", why: "It was added, but has not joined yet." },
	disabled: { health: "disabled", tone: "off", text: "disabled", why: "An admin has disabled it." },
	revoked: { health: "revoked", tone: "off", text: "revoked", why: "Its keys are revoked; it may join anew with a new token." },
};

export function healthOf(b: Branch): Verdict {
	const stopped = NOT_ACTIVE[b.node.status];
	if (stopped) {
		return stopped;
	}
	const p = b.presence;
	const tunnel = !!p && p.path !== "down";
	if (b.node.kind === "wireguard") {
		return tunnel
			? { health: "up", tone: "good", text: "up", why: p.path_reason }
			: { health: "down", tone: "bad", text: "down", why: p?.path_reason ?? "no packet of it has come" };
	}
	if (p?.online && tunnel) {
		return { health: "up", tone: "good", text: "up", why: p.path_reason };
	}
	if (p?.online) {
		return { health: "partly", tone: "warn", text: "no tunnel", why: `Its control link is up, but its tunnel to the hub is not: ${p.path_reason}` };
	}
	if (tunnel) {
		return { health: "partly", tone: "warn", text: "no link", why: "Its tunnel is up, but its control link to the hub is not: it cannot learn changes." };
	}
	return { health: "down", tone: "bad", text: "down", why: "Neither its control link nor its tunnel to the hub is up." };
}

export function isDown(b: Branch): boolean {
	return healthOf(b).health === "down";
}

export function pathText(b: Branch): string {
	return b.presence ? (PATH[b.presence.path] ?? b.presence.path) : "–";
}

export function pathTone(path: string | undefined): Tone {
	return path === "direct-udp" ? "good" : path === "hub-udp" ? "info" : path === "hub-tcp" ? "warn" : "off";
}
