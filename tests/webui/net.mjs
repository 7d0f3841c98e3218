// SPDX-License-Identifier: GPL-3.0-or-later
// What a change in the page does to the tunnels: pings between the hosts behind the branches.
import { spawnSync } from "node:child_process";
import { until, world } from "./browser.mjs";

function pings(from, to) {
	const argv = ["netns", "exec", world.hosts[from].namespace, "ping", "-n", "-q", "-c", "1", "-W", "1", world.hosts[to].address];
	return spawnSync("ip", argv).status === 0;
}

export const reached = (from, to) => until(`${from} reaches ${to}`, () => pings(from, to));
export const cutOff = (from, to) => until(`${from} does not reach ${to} any more`, () => !pings(from, to));
