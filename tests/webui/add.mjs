// SPDX-License-Identifier: GPL-3.0-or-later
// A new branch from the form to green: prints the command as "JOIN ...", which the test carries out; then a WireGuard device.
import { check, clean, go, main, open, shot, signIn } from "./browser.mjs";

await main(async (browser) => {
	const page = await open(browser);
	await signIn(page, undefined, undefined, "add");
	await page.getByLabel("Name").fill("linode9");
	await page.getByLabel("Networks behind it").fill("10.1.0.0/25");
	await page.getByText("10.1.0.0/25 overlaps with 10.1.0.0/24 behind linode1").waitFor();
	await page.getByLabel("Networks behind it").fill("10.9.0.0/24\nfd00:9::/64");
	await page.getByRole("button", { name: "Add the branch" }).click();
	await page.getByRole("heading", { name: "linode9 is added" }).waitFor();
	const command = (await page.locator(".command code").textContent()).trim();
	check(/^branchline-spoke -n linodeVPN join bl1_/.test(command), command);
	await page.getByText("23 h 59 min").waitFor();
	console.log(`JOIN ${command}`);
	await page.getByText("linode9 is up.").waitFor();
	// Nobody asked for it: the hub's own echoes, and where packets for the two networks go.
	const test = page.locator(".card").filter({ has: page.getByRole("heading", { name: "Reach test" }) }).last();
	await test.getByText(/^[45] of 5 answered$/).waitFor();
	await test.getByText(/\d ms \(/).waitFor();
	for (const network of ["10.9.0.0/24", "fd00:9::/64"]) {
		await test.getByRole("listitem").filter({ hasText: network }).getByText("routed", { exact: true }).waitFor();
	}
	await test.getByText("it has applied the newest revision").waitFor();
	await shot(page, "add-reached");
	await page.getByRole("link", { name: "Look at it" }).click();
	await page.locator(".page-head .badge", { hasText: "up" }).waitFor();

	await go(page, "add");
	await page.getByLabel("Name").fill("phone");
	await page.getByLabel("Kind").selectOption("wireguard");
	await page.getByRole("button", { name: "Add the device" }).click();
	await page.getByRole("img", { name: "Configuration of phone" }).waitFor();
	const file = await page.locator(".command code").textContent();
	check(/^PrivateKey = [A-Za-z0-9+/]{43}=$/m.test(file), file);
	check(/^AllowedIPs = 192\.168\.100\.0\/24.*10\.9\.0\.0\/24/m.test(file), file);
	console.log(`CONFIG ${JSON.stringify(file)}`);
	clean(page);
});
