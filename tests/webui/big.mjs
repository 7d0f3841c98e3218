// SPDX-License-Identifier: GPL-3.0-or-later
// The page with 3,000 branches: what an admin waits for. Prints what it measured.
import { check, clean, fits, go, main, open, shot, signIn, until, world } from "./browser.mjs";

/** Bounds for a loaded machine, on which the hub serves 3,000 links beside the browser; what is usual stands in what is printed. */
const PAINT_MAX_MS = 20_000;
const ANSWER_MAX_MS = 5000;
const FRAME_MAX_MS = 3000;
/** Rows that can be seen, and those drawn above and below them. */
const ROWS_MAX = 80;

const MANY = world.branches;
const all = `${MANY.toLocaleString("en")} branches`;
const nameOf = (i) => `s${String(i).padStart(5, "0")}`;
const last = nameOf(MANY - 1);

async function timed(work) {
	const start = performance.now();
	await work();
	return Math.round(performance.now() - start);
}

/** The longest time between two frames while the table scrolls from top to bottom. */
function scroll(page) {
	return page.evaluate(async () => {
		const box = document.querySelector(".table-box");
		let before = performance.now();
		let longest = 0;
		for (let i = 1; i <= 60; i++) {
			box.scrollTop = (box.scrollHeight * i) / 60;
			await new Promise(requestAnimationFrame);
			longest = Math.max(longest, performance.now() - before);
			before = performance.now();
		}
		return Math.round(longest);
	});
}

/** From the address to rows: sign-in is over, so everything that was loaded before is loaded anew. */
async function paint(page) {
	await page.goto("about:blank");
	page.trouble.length = 0;
	return timed(async () => {
		await page.goto(`${world.url}#/branches`);
		await page.getByText(all, { exact: true }).waitFor();
		await page.getByRole("link", { name: nameOf(0) }).waitFor();
	});
}

async function search(page) {
	const ms = await timed(async () => {
		await page.getByLabel("Search branches").fill("10.133.7.0");
		await page.getByText(`1 of ${all}`).waitFor();
	});
	await page.getByRole("link", { name: nameOf(5 * 256 + 7) }).waitFor();
	await page.getByLabel("Search branches").fill("");
	await page.getByText(all, { exact: true }).waitFor();
	return ms;
}

function sort(page) {
	return timed(async () => {
		await page.getByRole("button", { name: "Name" }).click();
		await page.locator("th[aria-sort=descending]", { hasText: "Name" }).waitFor();
		await page.getByRole("link", { name: last }).waitFor();
	});
}

/** Somebody else disables the branch that is seen; the page learns it by the stream of events, and only so. */
async function live(page) {
	const status = page.getByRole("row").filter({ hasText: last }).locator(".badge").first();
	const shows = (text) => status.filter({ hasText: text }).waitFor();
	await shows("down");
	await page.evaluate((name) => fetch(`/api/v1/nodes/${name}/disable`, { method: "POST", headers: { "X-Branchline": "1" } }).then((r) => r.ok || Promise.reject(r.status)), last);
	const ms = await timed(() => shows("disabled"));
	await page.evaluate((name) => fetch(`/api/v1/nodes/${name}/enable`, { method: "POST", headers: { "X-Branchline": "1" } }).then((r) => r.ok || Promise.reject(r.status)), last);
	await shows("down");
	return ms;
}

function map(page) {
	return timed(async () => {
		await go(page, "map");
		await until("all squares", async () => (await page.locator("rect.square").count()) === MANY);
	});
}

/** Every branch goes in the same moment: the page tells it, and can still be used meanwhile. */
async function allGo(page) {
	await go(page, "branches?q=s00042");
	await page.getByText(`1 of ${all}`).waitFor();
	console.log("ALL OF THEM GO");
	const row = page.getByRole("row").filter({ hasText: "s00042" });
	await row.locator(".badge", { hasText: /^(no link|down)$/ }).first().waitFor();
	const ms = await timed(async () => {
		await page.getByLabel("Search branches").fill("s00043");
		await page.getByRole("link", { name: "s00043" }).waitFor();
	});
	await go(page, "overview");
	await page.getByText(/[\d,]+ branches are (down|only partly up)/).first().waitFor();
	return ms;
}

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page);
	const took = { first_paint_ms: await paint(page) };
	const rows = await page.locator("tbody tr:not(.space)").count();
	check(rows < ROWS_MAX, `only the rows that can be seen are drawn: ${rows}`);
	await fits(page, "3,000 branches");
	await shot(page, "many-branches");
	took.longest_frame_ms = await scroll(page);
	await page.getByRole("link", { name: last }).waitFor();
	took.search_ms = await search(page);
	took.sort_ms = await sort(page);
	took.live_ms = await live(page);
	took.map_ms = await map(page);
	await shot(page, "many-map");
	took.overview_ms = await timed(async () => {
		await go(page, "overview");
		await page.getByText(`${world.away} branches are down`).waitFor();
	});
	await shot(page, "many-overview");
	took.search_while_all_go_ms = await allGo(page);
	await shot(page, "many-all-gone");
	console.log(JSON.stringify({ branches: MANY, ...took }));
	check(took.first_paint_ms < PAINT_MAX_MS && took.longest_frame_ms < FRAME_MAX_MS, "nobody has to wait for the page");
	check([took.search_ms, took.sort_ms, took.live_ms, took.map_ms, took.overview_ms, took.search_while_all_go_ms].every((ms) => ms < ANSWER_MAX_MS), "nor for what it does");
	clean(page);
});
