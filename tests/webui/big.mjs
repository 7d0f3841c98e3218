// SPDX-License-Identifier: GPL-3.0-or-later
// The page with 3,000 branches: what an admin waits for. The hub's answers for its list and its presence are made here, as
// large as real ones; everything else is the real hub. Prints what it measured.
import { check, clean, go, main, open, signIn, until } from "./browser.mjs";

const MANY = 3000;
const MINUTES = 60;
/** Generous bounds, for a loaded machine; what is usual stands in what is printed. */
const PAINT_MAX_MS = 15_000;
const SEARCH_MAX_MS = 3000;
const FRAME_MAX_MS = 2000;

const GROUPS = ["default", "stores", "depots"];
const at = "2026-11-22T14:40:01.123Z";

function nodeOf(i) {
	const net = `10.${100 + (i >> 8)}.${i & 255}.0/24`;
	return {
		id: i + 100, name: `branch${String(i).padStart(4, "0")}`, kind: "spoke", status: "active", revision: 7, addresses: [`192.168.${i >> 8}.${i & 255}`],
		subnets: [{ prefix: net, weight: 10 }], endpoints: [], groups: [GROUPS[i % 3]], keepalive_s: 0, compression: 0, path_policy: "auto", aes: true,
		identity_fingerprint: "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925", tunnel_key: null, key_unbroken: true, comment: "",
		created_at: at, updated_at: at, revoked_at: null, revoked_why: null,
	};
}

function presenceOf(n) {
	const down = n.id % 50 === 0;
	return {
		id: n.id, name: n.name, kind: n.kind, status: n.status, addresses: n.addresses, online: !down, since: at, link: "203.0.113.7:40112", version: "0.1.0",
		acked_revision: 7, acked_at: at, path: down ? "down" : "direct-udp", path_reason: "authenticated packets came over this path", path_reason_id: "validated",
		nat: "easy", endpoint: "203.0.113.7:6655", handshake_at: at, rx_bytes: n.id * 1000, tx_bytes: n.id * 500, rtt_us: 8000 + n.id, expected: true,
	};
}

/** Recorded since 40 minutes, with a gap. */
function historyOf(n) {
	const column = (f) => Array.from({ length: MINUTES }, (_, i) => (i < 20 || i === 30 ? null : f(i)));
	return { id: n.id, node: n.name, rx_bytes: column((i) => i * 1000), tx_bytes: column((i) => i * 10), rtt_us: column(() => 8000), up_s: column(() => 60) };
}

const nodes = Array.from({ length: MANY }, (_, i) => nodeOf(i));

/** One page of a list, as the hub makes it. */
function pageOf(list, url) {
	const { searchParams: q } = new URL(url);
	const rest = list.filter((x) => x.id > Number(q.get("after") ?? 0));
	const items = rest.slice(0, Number(q.get("limit") ?? 100));
	return { items, next_after: items.length < rest.length ? items.at(-1).id : null };
}

async function pretend(page) {
	const real = await page.evaluate(() => fetch("/api/v1/status").then((r) => r.json()));
	await page.route(/\/api\/v1\/nodes\?/, (route) => route.fulfill({ json: pageOf(nodes, route.request().url()) }));
	await page.route(/\/api\/v1\/history\/nodes\?/, (route) => {
		const { items, next_after } = pageOf(nodes.map(historyOf), route.request().url());
		const all = items.map(({ id, ...columns }) => ({ node_id: id, ...columns }));
		return route.fulfill({ json: { resolution: "1m", step_s: 60, end: at, points: MINUTES, items: all, next_after } });
	});
	await page.route(/\/api\/v1\/status\?/, (route) => {
		const { items, next_after } = pageOf(nodes.map(presenceOf), route.request().url());
		return route.fulfill({ json: { ...real, nodes: items, next_after } });
	});
}

async function timed(work) {
	const start = performance.now();
	await work();
	return Math.round(performance.now() - start);
}

/** The longest time between two frames while the table scrolls from top to bottom. */
function scroll(page) {
	return page.evaluate(async () => {
		const box = document.querySelector(".table-box");
		let last = performance.now();
		let longest = 0;
		for (let i = 1; i <= 60; i++) {
			box.scrollTop = (box.scrollHeight * i) / 60;
			await new Promise(requestAnimationFrame);
			longest = Math.max(longest, performance.now() - last);
			last = performance.now();
		}
		return Math.round(longest);
	});
}

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page);
	await pretend(page);
	await page.goto("about:blank");
	page.trouble.length = 0;
	const { url } = JSON.parse(process.env.WORLD);
	const paint = await timed(async () => {
		await page.goto(`${url}#/branches`);
		await page.getByText("3,000 branches").waitFor();
		await page.getByRole("link", { name: "branch0000" }).waitFor();
	});
	const line = page.getByRole("row").filter({ hasText: "branch0000" }).locator("svg.spark polyline");
	const points = (await line.getAttribute("points")).split(" ");
	check(points.length === 40 && points.at(-1) === "60.0,1.0" && points[10].endsWith(",17.0"), `the line is what the hub has recorded: ${points.join(" ")}`);
	const rows = await page.locator("tbody tr:not(.space)").count();
	check(rows < 80, `only the rows that can be seen are drawn: ${rows}`);
	const frame = await scroll(page);
	await page.getByRole("link", { name: "branch2999" }).waitFor();
	const search = await timed(async () => {
		await page.getByLabel("Search branches").fill("10.105.7.0");
		await page.getByText("1 of 3,000 branches").waitFor();
	});
	await page.getByRole("link", { name: "branch1287" }).waitFor();
	await page.getByLabel("Search branches").fill("");
	const sort = await timed(async () => {
		await page.getByRole("button", { name: "RTT" }).click();
		await page.locator("th[aria-sort=ascending]", { hasText: "RTT" }).waitFor();
	});
	const map = await timed(async () => {
		await go(page, "map");
		await until("all squares", async () => (await page.locator("rect.square").count()) === MANY);
	});
	const overview = await timed(async () => {
		await go(page, "overview");
		await page.getByText("60 branches are down").waitFor();
	});
	console.log(JSON.stringify({ branches: MANY, first_paint_ms: paint, longest_frame_ms: frame, search_ms: search, sort_ms: sort, map_ms: map, overview_ms: overview }));
	check(paint < PAINT_MAX_MS && search < SEARCH_MAX_MS && sort < SEARCH_MAX_MS && frame < FRAME_MAX_MS, "nobody has to wait");
	clean(page);
});
