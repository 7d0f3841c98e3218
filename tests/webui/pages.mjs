// SPDX-License-Identifier: GPL-3.0-or-later
// Every page in light, dark and phone width; a screenshot of each is kept.
import { accessible, clean, fits, go, main, open, shot, signIn, world } from "./browser.mjs";

/** Address, and what has to be there before it is looked at. */
const PAGES = [
	["overview", (p) => p.getByRole("heading", { name: "Needs attention" })],
	["branches", (p) => p.getByText("linode1")],
	["branches/linode1", (p) => p.getByText("Last handshake")],
	["branches/linode1?tab=traffic", (p) => p.getByRole("button", { name: "24 hours" })],
	["branches/linode1?tab=paths", (p) => p.getByText("Path MTU")],
	["branches/linode1?tab=subnets", (p) => p.getByText("10.1.0.0/24")],
	["branches/linode1?tab=keys", (p) => p.getByText("identity")],
	["branches/linode1?tab=settings", (p) => p.getByLabel("Comment")],
	["branches/linode1?tab=events", (p) => p.getByText("has joined")],
	["add", (p) => p.getByText("Free:")],
	["subnets", (p) => p.getByText("10.1.0.0/24")],
	["policies", (p) => p.getByText("Choose a cell")],
	["keys", (p) => p.getByText("identity")],
	["revocations", (p) => p.getByText("Nothing was ever revoked")],
	["tokens", (p) => p.getByText("1 of 1")],
	["users", (p) => p.getByText("may sign in")],
	["api-tokens", (p) => p.getByText("all that the role may")],
	["map", (p) => p.getByRole("link", { name: /linode1: up/ })],
	["webhooks", (p) => p.getByText("No webhook yet")],
	["settings", (p) => p.getByText("Data plane").first()],
	["audit", (p) => p.getByText("has joined")],
];

const VARIANTS = [
	["light", {}],
	["dark", { dark: true }],
	["phone", { size: "phone" }],
];

async function lookAtAll(browser, variant, options) {
	const page = await open(browser, options);
	await page.goto(world.url);
	await page.getByLabel("User").waitFor();
	await accessible(page, `sign-in, ${variant}`);
	await shot(page, `sign-in-${variant}`);
	await signIn(page);
	for (const [address, ready] of PAGES) {
		await go(page, address);
		await ready(page).first().waitFor();
		await shot(page, `${address.replaceAll(/\W+/g, "-")}-${variant}`);
		await fits(page, `${address}, ${variant}`);
		// Colours differ between light and dark, names between wide and narrow.
		await accessible(page, `${address}, ${variant}`);
	}
	clean(page);
	await page.context().close();
}

await main((browser) => Promise.all(VARIANTS.map(([variant, options]) => lookAtAll(browser, variant, options))));
