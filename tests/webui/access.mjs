// SPDX-License-Identifier: GPL-3.0-or-later
// Policies, users, API tokens, the audit log.
import { readFileSync } from "node:fs";
import { check, clean, go, main, open, signIn, until } from "./browser.mjs";
import { cutOff, reached } from "./net.mjs";

async function policies(page) {
	await go(page, "policies");
	await reached("linode1", "linode2");
	await page.getByLabel("From").fill("linode1");
	await page.getByLabel("To", { exact: true }).fill("linode2");
	await page.getByRole("button", { name: "Ask the hub" }).click();
	await page.getByText("policy 1 allows default -> default").waitFor();
	await page.getByRole("button", { name: "default and default: allowed" }).click();
	await page.getByRole("button", { name: "Forbid…" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByText("Cuts off the").waitFor();
	await dialog.getByRole("button", { name: "Forbid" }).click();
	await page.getByRole("button", { name: "default and default: not allowed" }).waitFor();
	await cutOff("linode1", "linode2");
	await page.getByRole("button", { name: "Allow…" }).click();
	await dialog.getByRole("button", { name: "Allow" }).click();
	await page.getByRole("button", { name: "default and default: allowed" }).waitFor();
	await reached("linode1", "linode2");
	await page.getByRole("button", { name: "Add a group" }).click();
	await dialog.getByLabel("Name").fill("stores");
	await dialog.getByRole("button", { name: "Add group" }).click();
	await page.getByRole("button", { name: "stores and default: not allowed" }).waitFor();
}

async function users(page) {
	await go(page, "users");
	await page.getByRole("button", { name: "Add a user" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Name").fill("berit");
	await dialog.getByLabel("Role").selectOption("auditor");
	await dialog.getByLabel("Password").fill("short");
	await dialog.getByRole("button", { name: "Add user" }).click();
	await dialog.getByRole("alert").waitFor();
	await dialog.getByLabel("Password").fill("correct horse battery");
	await dialog.getByRole("button", { name: "Add user" }).click();
	const row = page.getByRole("row", { name: /berit/ });
	await row.waitFor();
	await page.getByRole("button", { name: "Actions for berit" }).click();
	await page.getByRole("button", { name: "Disable…" }).click();
	await dialog.getByRole("button", { name: "Disable berit" }).click();
	await row.getByText("disabled").waitFor();
}

/** One command for many new branches. */
async function groupToken(page) {
	await go(page, "tokens");
	await page.getByRole("button", { name: "Command for a group" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Group").selectOption("stores");
	await dialog.getByLabel("Good for so many branches").fill("0");
	await dialog.getByRole("button", { name: "Make the command" }).click();
	await dialog.getByRole("alert").or(dialog.locator(".error")).first().waitFor();
	await dialog.getByLabel("Good for so many branches").fill("3");
	await dialog.getByRole("button", { name: "Make the command" }).click();
	const command = await dialog.locator(".command code").textContent();
	check(/^branchline-spoke -n linodeVPN join bl1_/.test(command.trim()), command);
	await dialog.getByRole("button", { name: "Close" }).click();
	const row = page.getByRole("row", { name: /new branches in stores/ });
	await row.getByText("0 of 3").waitFor();
	await page.getByRole("button", { name: "Revoke the join command of new branches in stores" }).click();
	await dialog.getByRole("button", { name: "Revoke command" }).click();
	await row.getByText("revoked").waitFor();
}

async function apiTokens(page) {
	await go(page, "api-tokens");
	await page.getByRole("button", { name: "Make a token" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Name").fill("monitoring");
	await dialog.getByLabel("Only for").fill("metrics");
	await dialog.getByRole("button", { name: "Make token" }).click();
	const token = (await dialog.locator(".command code").textContent()).trim();
	const status = (path) => page.evaluate(([t, p]) => fetch(p, { headers: { Authorization: `Bearer ${t}` }, credentials: "omit" }).then((r) => r.status), [token, path]);
	check((await status("/metrics")) === 200, "the token is good for what it was made for");
	check((await status("/api/v1/nodes")) === 403, "and for nothing else");
	await dialog.getByRole("button", { name: "Close" }).click();
	await page.getByRole("button", { name: "Revoke the API token monitoring" }).click();
	await dialog.getByRole("button", { name: "Revoke monitoring" }).click();
	await page.getByRole("row", { name: /monitoring/ }).getByText("revoked").waitFor();
	check((await status("/metrics")) === 401, "a revoked token is worth nothing");
}

async function audit(page) {
	await go(page, "audit");
	await page.getByLabel("To what").fill("user:berit");
	await page.getByLabel("To what").press("Enter");
	await until("the filter leaves two entries", async () => (await page.locator(".audit > li").count()) === 2);
	await page.getByText("added the user").waitFor();
	await page.getByRole("button", { name: /changed the user/ }).click();
	await page.locator(".entry-detail").getByText("user:berit").waitFor();
	await page.getByRole("button", { name: "Verify the chain" }).click();
	await page.getByText("The chain is unbroken up to entry").waitFor();
	const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
	const lines = readFileSync(await file.path(), "utf8").trim().split("\r\n");
	check(lines.length === 3 && lines[1].includes("user.add"), lines.join("\n"));
}

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page);
	await policies(page);
	await users(page);
	await groupToken(page);
	await apiTokens(page);
	await audit(page);
	clean(page);
});
