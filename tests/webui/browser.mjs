// SPDX-License-Identifier: GPL-3.0-or-later
// A browser for the tests of the admin page, which watches for what must not happen: requests to other hosts, violations of
// the Content-Security-Policy, errors in the page. What a script needs to know comes in the environment variable WORLD.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.WEBUI_TEST_MODULES, "x.js"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const world = JSON.parse(process.env.WORLD);
export const SIZES = { wide: { width: 1360, height: 850 }, phone: { width: 390, height: 844 } };
/** Only what never comes waits so long. */
const WAIT_MS = 60_000;

export function check(ok, what) {
	if (!ok) {
		throw new Error(`not so: ${what}`);
	}
}

/** Asks until the answer is true. */
export async function until(what, ask, ms = WAIT_MS) {
	const end = Date.now() + ms;
	while (!(await ask())) {
		if (Date.now() > end) {
			throw new Error(`not within ${ms} ms: ${what}`);
		}
		await new Promise((r) => setTimeout(r, 50));
	}
}

export async function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-component-update", "--disable-background-networking"],
	});
}

/** A new browser profile with one page; `trouble` collects what must not happen. */
export async function open(browser, { size = "wide", dark = false, ...more } = {}) {
	const context = await browser.newContext({
		ignoreHTTPSErrors: true,
		viewport: SIZES[size],
		colorScheme: dark ? "dark" : "light",
		locale: "en-GB",
		timezoneId: "UTC",
		...more,
	});
	context.setDefaultTimeout(WAIT_MS);
	const page = await context.newPage();
	page.trouble = [];
	const own = new URL(world.url).host;
	page.on("request", (r) => {
		const url = new URL(r.url());
		if (url.protocol !== "blob:" && url.host !== own) {
			page.trouble.push(`request to ${r.url()}`);
		}
	});
	page.on("pageerror", (e) => page.trouble.push(`error: ${e.stack}`));
	page.on("console", (m) => {
		// A refused request is the hub's answer, which the tests look at themselves.
		if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) {
			page.trouble.push(`console: ${m.text()}`);
		}
	});
	return page;
}

export async function signIn(page, user = "admin", password = world.password, to = "overview") {
	await page.goto(`${world.url}#/${to}`);
	await page.getByLabel("User").fill(user);
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.locator("nav").waitFor({ state: "attached" });
}

export async function go(page, address) {
	await page.evaluate((hash) => {
		location.hash = hash;
	}, `#/${address}`);
	await page.locator("h1").waitFor();
}

/** Nothing of weight is wrong for people who use a screen reader or only a keyboard. */
export async function accessible(page, where) {
	// By the debugger's channel, which the page's policy does not concern; once for each document.
	if (!(await page.evaluate(() => "axe" in window))) {
		await page.evaluate(axeSource);
	}
	const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
	const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
	const text = serious.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary}`).join("\n    ")}`);
	check(serious.length === 0, `axe finds nothing serious on ${where}:\n  ${text.join("\n  ")}`);
}

/** Nothing sticks out of the window at the side, and no text lies over another control. */
export async function fits(page, where) {
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	check(wide <= 0, `${where} is as wide as the window, and not ${wide} px wider`);
	const cut = await page.evaluate(() => {
		const all = [...document.querySelectorAll("h1, h2, button, .button, .badge, .tabs a, label, dt")];
		return all
			.filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".table-box, .sr-only, .skip, .tabs, .map") && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== "inline")
			.map((e) => `${e.tagName} "${e.textContent.slice(0, 60)}" ${e.scrollWidth} > ${e.clientWidth}`);
	});
	const cells = await page.evaluate(() =>
		[...document.querySelectorAll(".table td")].filter((e) => e.querySelector(".num, .chip, .badge, time") && e.scrollWidth > e.clientWidth + 1).map((e) => `${e.textContent.slice(0, 60)}`),
	);
	cut.push(...cells);
	check(cut.length === 0, `nothing is cut off on ${where}: ${cut.join("; ")}`);
}

/** Kept for people to look at. */
export const shot = (page, name) => page.screenshot({ path: path.join(world.reports, `${name}.png`) });

export function clean(page) {
	check(page.trouble.length === 0, `no trouble in the page:\n  ${page.trouble.join("\n  ")}`);
}

/** Runs the steps of a script, and says which failed. */
export async function main(run) {
	const browser = await launch();
	try {
		await run(browser);
	} catch (e) {
		for (const context of browser.contexts()) {
			for (const page of context.pages()) {
				const file = path.join(world.reports, `failed-${path.basename(process.argv[1], ".mjs")}-${browser.contexts().indexOf(context)}.png`);
				await page.screenshot({ path: file }).catch(() => undefined);
				console.error(`${file}: ${page.url()} ${page.trouble?.join("\n") ?? ""}`);
			}
		}
		console.error(e.stack ?? e);
		process.exitCode = 1;
	} finally {
		await browser.close();
	}
}
