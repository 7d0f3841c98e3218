// SPDX-License-Identifier: GPL-3.0-or-later
// Several people at once: two who edit the same branch, one who may only look, one whose session ends, one with a second factor.
import { createHmac } from "node:crypto";
import { check, clean, go, main, open, signIn, until, world } from "./browser.mjs";

/** RFC 6238: SHA-1, 6 digits, 30 s. */
function codeOf(secret, step) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + step));
	const mac = createHmac("sha1", key).update(counter).digest();
	const at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function twoAtOnce(browser, page) {
	const other = await open(browser);
	await signIn(other, "anna", world.userPassword);
	for (const p of [page, other]) {
		await go(p, "branches/linode1?tab=settings");
		await p.getByLabel("Comment").waitFor();
	}
	await page.getByLabel("Comment").fill("Storgata 1");
	await page.getByRole("button", { name: "Review changes…" }).click();
	await page.getByRole("dialog").getByText("Storgata 1").waitFor();
	await page.getByRole("button", { name: "Save changes" }).click();
	await page.getByText("The settings of linode1 are saved.").waitFor();
	await other.getByLabel("Keepalive (s)").fill("25");
	await other.getByRole("button", { name: "Review changes…" }).click();
	const dialog = other.getByRole("dialog");
	await dialog.getByText("was changed by somebody else").waitFor();
	await dialog.getByText("Storgata 1").waitFor();
	await dialog.getByRole("button", { name: "Save mine on top" }).click();
	await other.getByText("The settings of linode1 are saved.").waitFor();
	check((await other.getByLabel("Comment").inputValue()) === "Storgata 1", "neither change is lost");
	check((await other.getByLabel("Keepalive (s)").inputValue()) === "25", "mine is there");
	clean(other);
	await other.context().close();
}

async function onlyLooks(browser) {
	const page = await open(browser);
	await signIn(page, "otto", world.userPassword, "branches");
	await page.getByText("linode1").first().waitFor();
	check((await page.getByText("Add a branch").count()) === 0, "an auditor is not offered to add branches");
	check((await page.getByRole("checkbox").count()) === 0, "nor to select any");
	await go(page, "branches/linode1");
	await page.getByText("you may look only").waitFor();
	await go(page, "branches/linode1?tab=settings");
	check(await page.getByLabel("Comment").isDisabled(), "the fields of an auditor are locked");
	await go(page, "add");
	await page.getByText("Your role may look, but not add branches").waitFor();
	const status = await page.evaluate(() =>
		fetch("/api/v1/nodes/linode1", { method: "PATCH", headers: { "Content-Type": "application/json", "X-Branchline": "1" }, body: '{"comment":"x"}' }).then((r) => r.status),
	);
	check(status === 403, `the hub refuses an auditor: ${status}`);
	clean(page);
	await page.context().close();
}

async function sessionEnds(page) {
	await go(page, "branches/linode1");
	await page.context().clearCookies();
	const dialog = page.getByRole("dialog");
	await dialog.getByText("Your session has ended").waitFor();
	await dialog.getByLabel("Password").fill(world.password);
	await dialog.getByRole("button", { name: "Sign in" }).click();
	await dialog.waitFor({ state: "detached" });
	check(page.url().endsWith("#/branches/linode1"), "one is where one was");
	await page.locator(".page-head .badge", { hasText: "up" }).waitFor();
}

async function hubAway(page) {
	await page.context().setOffline(true);
	await page.getByText("The hub does not answer").waitFor();
	check(await page.getByRole("heading", { name: "linode1" }).isVisible(), "the last known state stays");
	await page.context().setOffline(false);
	await page.getByText("The hub does not answer").waitFor({ state: "detached", timeout: 60_000 });
}

async function secondFactor(browser) {
	const page = await open(browser);
	await signIn(page, "anna", world.userPassword);
	await page.getByRole("button", { name: "Account of anna" }).click();
	await page.getByRole("button", { name: "Set up a second factor…" }).click();
	await page.getByLabel("Your password").fill(world.userPassword);
	await page.getByRole("button", { name: "Go on" }).click();
	const secret = (await page.locator(".dialog .mono-copy code").textContent()).trim();
	await page.getByLabel("Code of your authenticator").fill(codeOf(secret, -1));
	await page.getByRole("button", { name: "Turn it on" }).click();
	await page.getByText("Your second factor is on").waitFor();
	await page.getByRole("button", { name: "Account of anna" }).click();
	await page.getByRole("button", { name: "Sign out" }).click();
	await page.getByLabel("User").fill("anna");
	await page.getByLabel("Password").fill(world.userPassword);
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByLabel("Code of your authenticator").fill(codeOf(secret, 0));
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByRole("button", { name: "Account of anna" }).waitFor();
	clean(page);
	await page.context().close();
}

async function wrongPassword(browser) {
	const page = await open(browser);
	await page.goto(world.url);
	await page.getByLabel("User").fill("anna");
	await page.getByLabel("Password").fill("not this one");
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByRole("alert").getByText("wrong").waitFor();
	await until("the password has focus again", () => page.getByLabel("Password").evaluate((e) => e === document.activeElement));
	await page.context().close();
}

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page);
	await twoAtOnce(browser, page);
	await onlyLooks(browser);
	await secondFactor(browser);
	await wrongPassword(browser);
	clean(page);
	await sessionEnds(page);
	await hubAway(page);
});
