// SPDX-License-Identifier: GPL-3.0-or-later
// Where the nodes stand: the hub in the middle, each group a sector around it, filled ring by ring. Pure.
import { healthOf } from "../../state/health";
import type { Branch } from "../../state/live";

export interface Place {
	b: Branch;
	x: number;
	y: number;
	/** Radians; where its label points. */
	angle: number;
}

export interface Sector {
	name: string;
	size: number;
	/** Radians. */
	from: number;
	to: number;
}

export interface Layout {
	places: Map<number, Place>;
	sectors: Sector[];
	/** Of the outermost ring. */
	radius: number;
	/** Between neighbours on a ring. */
	step: number;
}

const FIRST_RING = 130;
const GAP = 0.1;

interface Spacing {
	step: number;
	ring: number;
}

/** Few stand apart, so that each has its name beside it; many close together. */
function spacingOf(n: number): Spacing {
	return n <= ONE_RING ? { step: 0, ring: 92 } : n <= 60 ? { step: 46, ring: 84 } : { step: 24, ring: 30 };
}

/** Up to so many stand on one ring, all as far from each other: none is behind another. */
const ONE_RING = 16;

function groupsOf(list: Branch[]): Map<string, Branch[]> {
	const groups = new Map<string, Branch[]>();
	for (const b of list) {
		const name = b.node.groups[0] ?? "in no group";
		groups.set(name, [...(groups.get(name) ?? []), b]);
	}
	for (const members of groups.values()) {
		members.sort((a, b) => Number(healthOf(b).health === "up") - Number(healthOf(a).health === "up"));
	}
	return new Map([...groups].sort(([a], [b]) => a.localeCompare(b)));
}

/** Fills one sector from the inside out; returns the radius that it took. */
function fill(members: Branch[], { from, to }: Sector, { step, ring }: Spacing, places: Map<number, Place>): number {
	let radius = FIRST_RING;
	let at = 0;
	while (at < members.length) {
		const room = step ? Math.max(1, Math.floor(((to - from) * radius) / step)) : members.length;
		const here = members.slice(at, at + room);
		const width = (to - from) / here.length;
		here.forEach((b, i) => {
			const angle = from + width * (i + 0.5);
			places.set(b.id, { b, x: Math.cos(angle) * radius, y: Math.sin(angle) * radius, angle });
		});
		at += here.length;
		radius += ring;
	}
	return radius - ring;
}

export function layout(list: Branch[]): Layout {
	const groups = groupsOf(list);
	const spacing = spacingOf(list.length);
	const gap = groups.size > 1 && spacing.step ? GAP : 0;
	// The square root gives small groups some room, too.
	const weights = [...groups.values()].map((g) => (spacing.step ? Math.sqrt(g.length) : g.length));
	const sum = weights.reduce((a, b) => a + b, 0);
	const places = new Map<number, Place>();
	const sectors: Sector[] = [];
	let angle = -Math.PI / 2;
	let radius = FIRST_RING;
	[...groups].forEach(([name, members], i) => {
		const share = (Math.PI * 2 * (weights[i] ?? 0)) / sum;
		const sector = { name, size: members.length, from: angle + gap / 2, to: angle + share - gap / 2 };
		sectors.push(sector);
		radius = Math.max(radius, fill(members, sector, spacing, places));
		angle += share;
	});
	return { places, sectors, radius, step: spacing.step };
}
