// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers and times as people read them, always with their unit.
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const BIT_UNITS = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];

function scaled(value: number, units: string[]): string {
	let at = 0;
	while (value >= 999.5 && at < units.length - 1) {
		value /= 1000;
		at++;
	}
	const digits = at === 0 || value >= 99.5 ? 0 : 1;
	return `${value.toFixed(digits)} ${units[at]}`;
}

export function bytes(n: number): string {
	return scaled(n, BYTE_UNITS);
}

/** From bytes a second to bits a second. */
export function rate(bytesPerSecond: number | null): string {
	return bytesPerSecond === null ? "–" : scaled(bytesPerSecond * 8, BIT_UNITS);
}

export function rtt(us: number | null | undefined): string {
	if (us === null || us === undefined) {
		return "–";
	}
	return us < 10_000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us / 1000)} ms`;
}

export function loss(permille: number | null | undefined): string {
	return permille === null || permille === undefined ? "–" : `${(permille / 10).toFixed(permille % 10 ? 1 : 0)} %`;
}

/** 3000 -> "3,000" */
export function number(n: number): string {
	return n.toLocaleString("en");
}

export function count(n: number, one: string, many = `${one}s`): string {
	return `${number(n)} ${n === 1 ? one : many}`;
}

const STEPS: [seconds: number, unit: string][] = [
	[86_400, "d"],
	[3600, "h"],
	[60, "min"],
	[1, "s"],
];

/** 93784 -> "1 d 2 h"; two units at most. */
export function duration(seconds: number): string {
	let left = Math.max(0, Math.floor(seconds));
	const parts: string[] = [];
	for (const [size, unit] of STEPS) {
		if (left >= size && parts.length < 2) {
			parts.push(`${Math.floor(left / size)} ${unit}`);
			left %= size;
		} else if (parts.length === 1) {
			break;
		}
	}
	return parts.length ? parts.join(" ") : "0 s";
}

export function ago(time: string | null | undefined, now: number): string {
	if (!time) {
		return "never";
	}
	const seconds = (now - Date.parse(time)) / 1000;
	return seconds < 2 ? "now" : `${duration(seconds < 600 ? seconds : Math.floor(seconds / 60) * 60).split(" ").slice(0, 2).join(" ")} ago`;
}

const ABSOLUTE = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** 2026-11-22 14:40:01, in the browser's zone. */
export function absolute(time: string | null | undefined): string {
	return time ? ABSOLUTE.format(new Date(time)) : "never";
}

/** A fingerprint in groups that can be read aloud. */
export function fingerprint(hex: string): string {
	return hex.replace(/(.{4})(?=.)/g, "$1 ");
}

export const KIND = { hub: "hub", spoke: "branch", wireguard: "WireGuard device" } as const;

export const PATH: Record<string, string> = {
	"direct-udp": "direct",
	"hub-udp": "via hub",
	"hub-tcp": "via hub, TCP",
	down: "down",
	unknown: "unknown",
};
