// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator does in the page, and what it does to the tunnels.
import { check, clean, go, main, open, shot, signIn, until } from "./browser.mjs";
import { cutOff, reached } from "./net.mjs";

async function act(page, name) {
	await page.getByRole("button", { name: "Actions" }).click();
	await page.locator(".menu-panel").getByRole("button", { name }).click();
}

async function disableAndEnable(page) {
	await go(page, "branches/linode2");
	await reached("linode1", "linode2");
	await act(page, "Disable…");
	await page.getByRole("dialog").getByRole("button", { name: "Disable linode2" }).click();
	await page.getByText("linode2 is disabled.").waitFor();
	await page.locator(".page-head .badge", { hasText: "disabled" }).waitFor();
	await cutOff("linode1", "linode2");
	await act(page, "Enable…");
	await page.getByRole("dialog").getByRole("button", { name: "Enable linode2" }).click();
	await page.locator(".page-head .badge", { hasText: "up" }).waitFor();
	await reached("linode1", "linode2");
}

async function revoke(page) {
	await go(page, "branches/linode3");
	await reached("linode1", "linode3");
	await act(page, "Revoke…");
	const dialog = page.getByRole("dialog");
	await dialog.getByText("10.3.0.0/24").waitFor();
	await dialog.getByLabel("Reason").fill("stolen");
	await dialog.getByRole("button", { name: "Revoke linode3" }).click();
	await dialog.getByText("applied on 2 of 2").waitFor();
	await cutOff("linode1", "linode3");
	await dialog.getByRole("button", { name: "Done" }).click();
	await page.locator(".page-head .badge", { hasText: "revoked" }).waitFor();
	await go(page, "branches/linode3?tab=keys");
	await page.getByText(": stolen").first().waitFor();
	await go(page, "revocations");
	const row = page.getByRole("row").filter({ hasText: "linode3" });
	await row.getByText("stolen").waitFor();
	await row.getByText("confirmed by all").waitFor();
	await row.getByText(/^applied on 2 of 2, after \d+ ms$/).waitFor();
	await row.getByRole("button", { name: "Who has confirmed that linode3 is revoked" }).click();
	for (const name of ["linode1", "linode2"]) {
		await dialog.getByRole("listitem").filter({ hasText: name }).getByText(/^after (at most )?\d/).waitFor();
	}
	await shot(page, "revocation-receipts");
	await dialog.getByRole("button", { name: "Close" }).click();
	await reached("linode1", "linode2");
}

async function subnets(page) {
	await go(page, "branches/linode1?tab=subnets");
	await page.getByLabel("Network", { exact: true }).fill("10.2.0.0/25");
	await page.getByText("Overlaps with 10.2.0.0/24 behind linode2.").waitFor();
	await page.getByRole("button", { name: "Add network" }).click();
	await page.getByText("overlaps", { exact: false }).first().waitFor();
	await page.getByLabel("Network", { exact: true }).fill("10.77.0.1/24");
	await page.getByRole("button", { name: "Add network" }).click();
	await page.getByText("did you mean 10.77.0.0/24?").waitFor();
	await page.getByLabel("Network", { exact: true }).fill("10.77.0.0/24");
	await page.getByRole("button", { name: "Add network" }).click();
	await page.getByRole("cell", { name: "10.77.0.0/24", exact: true }).waitFor();
	await page.getByRole("button", { name: "Weight of 10.77.0.0/24 behind linode1" }).click();
	await page.getByRole("dialog").getByLabel("Weight").fill("");
	await page.getByRole("dialog").getByRole("button", { name: "Set the weight" }).click();
	await page.getByRole("dialog").getByRole("alert").waitFor();
	await page.getByRole("dialog").getByLabel("Weight").fill("42");
	await page.getByRole("dialog").getByRole("button", { name: "Set the weight" }).click();
	await page.getByText("10.77.0.0/24 behind linode1 has weight 42.").waitFor();
	await page.getByRole("button", { name: "Remove 10.77.0.0/24 from linode1" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Remove 10.77.0.0/24" }).click();
	await page.getByRole("cell", { name: "10.77.0.0/24", exact: true }).waitFor({ state: "detached" });
}

/** linode2 has proposed a network before this script began. */
async function approve(page) {
	await go(page, "overview");
	await page.getByRole("link", { name: "Subnets of 1 branch wait for approval" }).click();
	await page.getByText("10.55.0.0/24").waitFor();
	await page.getByRole("button", { name: "Approve 10.55.0.0/24 behind linode2" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Approve 10.55.0.0/24" }).click();
	await page.getByText("10.55.0.0/24 is now behind linode2.").waitFor();
	await page.getByText("No network fits").waitFor();
}

/** The hub's own echoes through the tunnel. */
async function reach(page) {
	await go(page, "branches/linode1");
	const test = page.locator(".card").filter({ has: page.getByRole("heading", { name: "Reach test" }) });
	await test.getByRole("button", { name: "Test now" }).click();
	await test.getByText(/^[45] of 5 answered$/).waitFor();
	await test.getByRole("listitem").filter({ hasText: "10.1.0.0/24" }).getByText("routed", { exact: true }).waitFor();
	await test.getByRole("button", { name: "Test again" }).waitFor();
}

async function bulk(page) {
	await go(page, "branches");
	await page.getByLabel("Search branches").fill("linode2");
	await page.getByText("1 of 3 branches").waitFor();
	await page.getByLabel("Select linode2").check();
	await page.getByRole("button", { name: "Take out of group" }).click();
	await page.locator(".menu-panel").getByRole("button", { name: "default" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Take out of group" }).click();
	await page.getByText("Taken out of default: 1 branch.").waitFor();
	await cutOff("linode1", "linode2");
	await page.getByRole("button", { name: "Add to group" }).click();
	await page.locator(".menu-panel").getByRole("button", { name: "default" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Add to group" }).click();
	await page.getByText("Added to default: 1 branch.").waitFor();
	await reached("linode1", "linode2");
	const [file] = await Promise.all([page.waitForEvent("download"), page.locator(".bulk").getByRole("button", { name: "CSV" }).click()]);
	check(file.suggestedFilename() === "linodeVPN-branches.csv", file.suggestedFilename());
	await page.getByLabel("Search branches").fill("");
	await until("all are there again", async () => (await page.locator("tbody tr:not(.space)").count()) === 3);
}

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page);
	await disableAndEnable(page);
	await approve(page);
	await subnets(page);
	await reach(page);
	await bulk(page);
	await revoke(page);
	clean(page);
});
