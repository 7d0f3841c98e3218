// SPDX-License-Identifier: GPL-3.0-or-later
// What the page steers on branches and tells to others: new keys, settings on trial, a webhook. Four pages of one browser at once.
// linode3 has proposed new keys before this script began.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { check, clean, go, main, open, shot, signIn, until, world } from "./browser.mjs";
import { reached } from "./net.mjs";

/** Pings all the time; the function that it returns ends that, and says how many were lost. */
function pinging(from, to) {
	const argv = ["netns", "exec", world.hosts[from].namespace, "ping", "-n", "-i", "0.1", world.hosts[to].address];
	const ping = spawn("ip", argv, { stdio: ["ignore", "pipe", "inherit"] });
	let said = "";
	ping.stdout.on("data", (text) => {
		said += text;
	});
	const answers = () => said.split("bytes from").length - 1;
	return {
		more: (n) => {
			const want = answers() + n;
			return until(`${n} more answers`, () => answers() >= want);
		},
		lost: async () => {
			const ended = new Promise((done) => {
				ping.on("close", done);
			});
			ping.kill("SIGINT");
			await ended;
			// By what was answered: the very last may be on its way.
			const seen = [...said.matchAll(/icmp_seq=(\d+)/g)].map((m) => Number(m[1]));
			return Math.max(...seen) - seen.length;
		},
	};
}

const currentRow = (page, kind) => page.getByRole("row").filter({ hasText: kind }).filter({ hasText: "current" });
const fingerprintOf = (row) => row.locator(".mono-copy code").getAttribute("title");

async function rotate(page) {
	await go(page, "branches/linode1?tab=keys");
	await reached("linode1", "linode2");
	const before = await fingerprintOf(currentRow(page, "tunnel"));
	const identity = await fingerprintOf(currentRow(page, "identity"));
	const ping = pinging("linode1", "linode2");
	await ping.more(5);
	await page.getByRole("button", { name: "Rotate keys…" }).click();
	const dialog = page.getByRole("dialog");
	check(await dialog.getByLabel("Tunnel key").isChecked(), "the tunnel key is offered first");
	await shot(page, "rotate-dialog");
	await dialog.getByRole("button", { name: "Rotate", exact: true }).click();
	await until("another tunnel key is current", async () => {
		const now = (await currentRow(page, "tunnel").count()) === 1 && (await fingerprintOf(currentRow(page, "tunnel")));
		return now && now !== before;
	});
	await page.getByRole("row").filter({ hasText: before.slice(0, 16) }).getByText("counts for").waitFor();
	await ping.more(10);
	check((await ping.lost()) === 0, "no packet was lost while the key was replaced");
	check((await fingerprintOf(currentRow(page, "identity"))) === identity, "the identity key is the one it was");
	await shot(page, "rotated");
}

async function approveKeys(page) {
	await go(page, "overview");
	await page.getByRole("link", { name: "New keys of 1 branch wait for approval" }).click();
	const waiting = page.getByRole("row").filter({ hasText: "waits for approval" });
	const proposed = await waiting.locator("code").first().textContent();
	await shot(page, "rotation-proposed");
	await page.getByRole("button", { name: "Approve the new tunnel key of linode3" }).click();
	await page.getByRole("dialog").getByText(proposed).waitFor();
	await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
	await waiting.waitFor({ state: "detached" });
	await go(page, "branches/linode3?tab=keys");
	await until("what was proposed is current", async () => (await fingerprintOf(currentRow(page, "tunnel"))).startsWith(proposed.slice(0, 16)));
	await reached("linode1", "linode3");
}

function mtuOf(name) {
	const said = spawnSync("ip", ["netns", "exec", world.hosts[name].server, "ip", "-j", "link", "show", "linodeVPN"], { encoding: "utf8" });
	return JSON.parse(said.stdout)[0].mtu;
}

/** The daemon and its workers, all of them: any one could confirm a trial. */
function signal(name, what) {
	const { pid } = world.hosts[name];
	const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
	for (const each of [pid, ...workers]) {
		process.kill(each, what);
	}
}

/** The branch is held while the page shows the trial, which would be over too quickly to be seen. */
async function settings(page) {
	await go(page, "branches/linode2?tab=settings");
	const card = page.locator(".card").filter({ hasText: "On the branch itself" });
	await card.getByRole("button", { name: "Change…" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("MTU inside (bytes)").fill("1300");
	signal("linode2", "SIGSTOP");
	try {
		await dialog.getByRole("button", { name: "Try it" }).click();
		await card.getByText("on trial").waitFor();
		await card.getByRole("button", { name: "Cancel the change…" }).waitFor();
		check(mtuOf("linode2") !== 1300, "nothing has changed on the branch yet");
		await shot(page, "settings-on-trial");
	} finally {
		signal("linode2", "SIGCONT");
	}
	await card.getByText("confirmed").waitFor();
	check(mtuOf("linode2") === 1300, "the branch's interface has the new MTU");
	await until("the page shows it", async () => /MTU inside \(bytes\)\s*1300/.test(await card.innerText()));
	await card.getByRole("button", { name: "Change…" }).waitFor();
}

/** The rules say which keys are too old; the overview and the list of keys follow them. */
async function rules(page) {
	await go(page, "keys");
	const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: "Rules for keys" }) });
	await card.getByText("any age; nothing is flagged as old").waitFor();
	const change = async (age, unit) => {
		await card.getByRole("button", { name: "Change…" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Keys may be as old as", { exact: true }).fill(age);
		await dialog.getByLabel("Unit of: Keys may be as old as").selectOption({ label: unit });
		return dialog;
	};
	const dialog = await change("1.5", "days");
	await dialog.getByRole("alert").getByText("A whole number").waitFor();
	check(await dialog.getByRole("button", { name: "Save rules" }).isDisabled(), "no number, no change");
	await dialog.getByLabel("Keys may be as old as", { exact: true }).fill("1");
	await dialog.getByLabel("Unit of: Keys may be as old as").selectOption({ label: "seconds" });
	await dialog.getByLabel("Flag them so long before that", { exact: true }).fill("0");
	await shot(page, "key-rules");
	await dialog.getByRole("button", { name: "Save rules" }).click();
	await card.getByText("at most 1 s").waitFor();
	const row = page.getByRole("row").filter({ hasText: "linode2" }).filter({ hasText: "tunnel" });
	await row.getByText("too old", { exact: true }).waitFor();
	await go(page, "overview");
	await page.getByRole("link", { name: "Keys are older than allowed" }).click();
	await row.getByText("too old", { exact: true }).waitFor();
	await (await change("0", "days")).getByRole("button", { name: "Save rules" }).click();
	await page.getByText("No key fits").waitFor();
}

/** The hub's own key is replaced while the branches are connected: they all know the next one, and their tunnels stay. */
async function identity(page) {
	await go(page, "settings");
	const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: "Identity key" }) });
	const shown = async () => (await card.locator("code").first().getAttribute("title")) ?? "";
	await card.getByRole("button", { name: "Replace…" }).waitFor();
	const before = await shown();
	const replace = async () => {
		await card.getByRole("button", { name: "Replace…" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Replace the key" }).click();
		await card.getByText("In force in").waitFor();
	};
	await replace();
	await card.getByRole("button", { name: "Take it back…" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Keep the present key" }).click();
	await card.getByRole("button", { name: "Replace…" }).waitFor();
	check((await shown()) === before, "the key stays");
	await replace();
	await until("all branches know the next key", async () => /3 of 3/.test(await card.innerText()));
	await shot(page, "hub-identity");
	const next = await card.locator("code").nth(1).getAttribute("title");
	await card.getByRole("button", { name: "Put in force…" }).click();
	await page.getByRole("dialog").getByText("All 3 branches know it.").waitFor();
	await page.getByRole("dialog").getByRole("button", { name: "Put in force", exact: true }).click();
	await card.getByRole("button", { name: "Replace…" }).waitFor();
	check(next && (await shown()) === next && next !== before, "the next key is in force");
	await reached("linode1", "linode2");
}

async function webhook(page) {
	await go(page, "webhooks");
	await page.getByRole("button", { name: "Add a webhook" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Name").fill("pager");
	await dialog.getByLabel("Address").fill(world.receiver);
	await dialog.getByLabel("Events").fill("group.*");
	await dialog.getByRole("button", { name: "Add webhook" }).click();
	const secret = (await dialog.locator(".command code").textContent()).trim();
	check(/^blw_/.test(secret), "the secret is shown");
	await dialog.getByRole("button", { name: "Close" }).click();
	await page.getByRole("link", { name: "pager" }).click();
	await page.getByRole("button", { name: "Send a test" }).click();
	const row = page.getByRole("row").filter({ hasText: "webhook.test" });
	await row.getByText("delivered").waitFor();
	await row.getByText("HTTP 200").waitFor();
	check(!(await page.content()).includes(secret), "the secret is shown once only");
	await shot(page, "webhook-delivered");
	console.log(`SECRET ${secret}`);
	await page.getByRole("button", { name: "Delete…" }).click();
	await dialog.getByRole("button", { name: "Delete pager" }).click();
	await page.getByText("No webhook yet").waitFor();
}

async function keys(page) {
	await rotate(page);
	await approveKeys(page);
}

await main(async (browser) => {
	const run = async (work) => {
		const page = await open(browser);
		await signIn(page);
		await work(page);
		clean(page);
	};
	await Promise.all([keys, settings, rules, webhook].map(run));
	await run(identity); // to which every branch must answer, also the one that settings() has stopped meanwhile
});
