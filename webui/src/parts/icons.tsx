// SPDX-License-Identifier: GPL-3.0-or-later
// Line drawings on a 24 by 24 grid; for decoration only, the text beside them says what they mean.
const DRAWINGS = {
	overview: "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-4H4z",
	branches: "M4 6h16M4 12h16M4 18h16",
	map: "M12 12 6 6M12 12l6-5M12 12v7M4 5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 1 0-3 0M17 6a1.5 1.5 0 1 0 3 0 1.5 1.5 0 1 0-3 0M10.5 20a1.5 1.5 0 1 0 3 0 1.5 1.5 0 1 0-3 0M10 12a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
	subnets: "M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4",
	keys: "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9M18 11v4M21 11v3",
	policies: "M12 3l8 3v6c0 5-3.5 7.5-8 9-4.5-1.5-8-4-8-9V6zM9 12l2 2 4-4",
	revocations: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.700 5.700l12.600 12.600",
	tokens: "M4 9V6h16v3a3 3 0 0 0 0 6v3H4v-3a3 3 0 0 0 0-6zM13 6v12",
	users: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3.5 2.600 3.500 5.500",
	"api-tokens": "M8 7 3 12l5 5M16 7l5 5-5 5M13.500 5l-3 14",
	webhooks: "M5 12h9M11 8l4 4-4 4M15 5h4v14h-4",
	audit: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
	settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100",
	menu: "M4 6h16M4 12h16M4 18h16",
	close: "M6 6l12 12M18 6 6 18",
	copy: "M9 9h11v12H9zM5 15H4V3h11v2",
	check: "M5 12.500l4.500 4.500L19 7",
	warning: "M12 4 2.500 20h19zM12 10v4M12 17v.5",
	search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
	plus: "M12 5v14M5 12h14",
	down: "M12 5v14M6 13l6 6 6-6",
	up: "M12 19V5M6 11l6-6 6 6",
	sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M5 19l1.500-1.500M17.500 6.500 19 5",
	moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
	person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4.500 3.500-7 8-7s8 2.500 8 7",
	columns: "M4 4h16v16H4zM10 4v16M15 4v16",
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
	return (
		<svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
			<path d={DRAWINGS[name]} />
		</svg>
	);
}
