// SPDX-License-Identifier: GPL-3.0-or-later
// Prefixes of both families as numbers: which overlap, which are free. Pure; the hub has the last word.
export interface Prefix {
	family: 4 | 6;
	base: bigint;
	length: number;
}

function parse4(text: string): bigint | null {
	const parts = text.split(".");
	if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) {
		return null;
	}
	return parts.reduce((n, p) => (n << 8n) | BigInt(p), 0n);
}

function groups6(text: string): string[] | null {
	const [head = "", tail, more] = text.split("::");
	const left = head ? head.split(":") : [];
	if (more !== undefined) {
		return null;
	}
	if (tail === undefined) {
		return left;
	}
	const right = tail ? tail.split(":") : [];
	const missing = 8 - left.length - right.length;
	return missing < 1 ? null : [...left, ...Array<string>(missing).fill("0"), ...right];
}

function parse6(text: string): bigint | null {
	const groups = groups6(text);
	if (groups?.length !== 8 || !groups.every((g) => /^[0-9a-f]{1,4}$/i.test(g))) {
		return null;
	}
	return groups.reduce((n, g) => (n << 16n) | BigInt(`0x${g}`), 0n);
}

export function bits(p: Prefix): number {
	return p.family === 4 ? 32 : 128;
}

function maskOf(p: Prefix): bigint {
	const rest = BigInt(bits(p) - p.length);
	return ((1n << BigInt(p.length)) - 1n) << rest;
}

const PARSED_MAX = 20_000;
const parsed = new Map<string, Prefix | null>();

/** As parsePrefix(), for texts that come again and again. */
export function prefixOf(text: string): Prefix | null {
	let p = parsed.get(text);
	if (p === undefined) {
		if (parsed.size >= PARSED_MAX) {
			parsed.clear();
		}
		p = parsePrefix(text);
		parsed.set(text, p);
	}
	return p;
}

/** "10.20.0.0/24"; an address alone stands for itself. Bits behind the length are kept: see hasHostBits(). */
export function parsePrefix(text: string): Prefix | null {
	const [address = "", length, more] = text.trim().split("/");
	const family = address.includes(":") ? 6 : 4;
	const base = family === 6 ? parse6(address) : parse4(address);
	const size = length === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(length) ? Number(length) : -1;
	if (base === null || more !== undefined || size < 0 || size > (family === 6 ? 128 : 32)) {
		return null;
	}
	return { family, base, length: size };
}

export function hasHostBits(p: Prefix): boolean {
	return (p.base & ~maskOf(p)) !== 0n;
}

export function overlaps(a: Prefix, b: Prefix): boolean {
	if (a.family !== b.family) {
		return false;
	}
	const wider = a.length < b.length ? a : b;
	return (a.base & maskOf(wider)) === (b.base & maskOf(wider));
}

export function formatPrefix(p: Prefix): string {
	if (p.family === 4) {
		return `${[24n, 16n, 8n, 0n].map((s) => (p.base >> s) & 255n).join(".")}/${p.length}`;
	}
	const groups = Array.from({ length: 8 }, (_, i) => ((p.base >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");
	const zeros = groups.match(/\b0(:0)+\b/g)?.sort((a, b) => b.length - a.length)[0];
	return `${zeros ? groups.replace(zeros, "::").replace(/:{3,}/, "::") : groups}/${p.length}`;
}

const SUGGESTED_LENGTH = 24;
const STEPS_MAX = 4096;

/** Free ranges beside those that are used, in the same neighbourhood; of 10.0.0.0/8 when there are none. */
export function suggest(used: Prefix[], wanted: number): string[] {
	const of4 = used.filter((p) => p.family === 4);
	const last = of4.reduce<Prefix | null>((best, p) => (!best || p.base > best.base ? p : best), null);
	const length = last ? Math.max(16, Math.min(last.length, 28)) : SUGGESTED_LENGTH;
	const step = 1n << BigInt(32 - length);
	let candidate: Prefix = { family: 4, base: last ? last.base & ~(step - 1n) : parse4("10.20.0.0") ?? 0n, length };
	const found: string[] = [];
	for (let i = 0; i < STEPS_MAX && found.length < wanted && candidate.base < 1n << 32n; i++) {
		const here = candidate;
		if (!of4.some((p) => overlaps(p, here))) {
			found.push(formatPrefix(here));
		}
		candidate = { ...here, base: here.base + step };
	}
	return found;
}
