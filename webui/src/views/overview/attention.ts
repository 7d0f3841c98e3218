// SPDX-License-Identifier: GPL-3.0-or-later
// What an admin should look at, the most urgent first: what the hub says, and what the page sees of the branches. Pure.
import type { Attention as Said } from "../../api/schema";
import type { Tone } from "../../parts/bits";
import { count, duration, number } from "../../parts/format";
import { healthOf } from "../../state/health";
import type { Branch, NetworkStatus } from "../../state/live";
import { href } from "../../state/route";

export interface Attention {
	id: string;
	tone: Tone;
	text: string;
	why: string;
	href: string;
}

export interface Facts {
	branches: Branch[];
	network: NetworkStatus | null;
	applied: { revision: number; applied: number; online: number } | null;
	now: number;
}

const NAMED_MAX = 4;
/** A change takes a moment everywhere; told once it lasts. */
const UNCONFIRMED_MS = 5000;

function names(list: string[]): string {
	return list.length > NAMED_MAX ? `${list.slice(0, NAMED_MAX).join(", ")} and ${number(list.length - NAMED_MAX)} more` : list.join(", ");
}

/** `tab`: of the branch, when it is about one. */
interface Kind {
	tone: Tone;
	text(n: number): string;
	href: string;
	tab?: string;
}

/** How each thing that the hub says is told, whether it is one or many; and where to go. What stands not here is told in the hub's own words. */
const KINDS: Partial<Record<Said["code"], Kind>> = {
	engine_down: { tone: "bad", text: () => "The hub's data plane does not answer", href: href(["settings"]) },
	backup_restored: { tone: "bad", text: () => "A backup was restored", href: href(["audit"], { action: "store.rollback" }) },
	revocation_unconfirmed: { tone: "bad", text: (n) => `${count(n, "revocation is", "revocations are")} not confirmed everywhere`, href: href(["revocations"]) },
	node_quarantined: { tone: "bad", text: (n) => `${count(n, "branch is", "branches are")} in quarantine`, href: href(["branches"], { status: "disabled" }), tab: "now" },
	hub_identity_missed: { tone: "bad", text: () => "The hub's key was replaced, and some branches have not been back since", href: href(["settings"]) },
	hub_identity_unknown: { tone: "warn", text: () => "Some branches do not know the hub's next key yet", href: href(["settings"]) },
	hub_tunnel_old: { tone: "warn", text: () => "WireGuard devices still use the hub's old tunnel key", href: href(["settings"]) },
	key_changed: { tone: "warn", text: (n) => `${count(n, "branch has", "branches have")} joined anew with another key`, href: href(["branches"]), tab: "keys" },
	revocation_pending: { tone: "warn", text: (n) => `${count(n, "revocation is", "revocations are")} being confirmed`, href: href(["revocations"]) },
	key_held: { tone: "warn", text: (n) => `New keys of ${count(n, "branch are", "branches are")} held back by others`, href: href(["branches"]), tab: "keys" },
	settings_rolled_back: { tone: "warn", text: (n) => `${count(n, "branch has", "branches have")} taken back new settings`, href: href(["branches"]), tab: "settings" },
	key_proposed: { tone: "warn", text: (n) => `New keys of ${count(n, "branch wait", "branches wait")} for approval`, href: href(["keys"]) },
	subnet_proposed: { tone: "warn", text: (n) => `Subnets of ${count(n, "branch wait", "branches wait")} for approval`, href: href(["subnets"], { status: "proposed" }) },
	webhook_disabled: { tone: "warn", text: (n) => `${count(n, "webhook is", "webhooks are")} disabled`, href: href(["webhooks"]) },
	key_overdue: { tone: "warn", text: () => "Keys are older than allowed", href: href(["keys"], { status: "due" }) },
	key_soon: { tone: "info", text: () => "Keys are soon older than allowed", href: href(["keys"], { status: "due" }) },
};

function kindOf(items: Said[], code: Said["code"]): Kind {
	return KINDS[code] ?? { tone: "warn", text: (n) => (n === 1 ? (items[0]?.text ?? code) : `${code.replaceAll("_", " ")}: ${number(n)}`), href: href(["branches"]), tab: "now" };
}

function tell(code: Said["code"], items: Said[]): Attention {
	const { tone, text, href: to, tab } = kindOf(items, code);
	const [first] = items;
	const one = items.length === 1 && first?.node && tab;
	const words = text(items.length);
	return {
		id: code,
		tone,
		text: words,
		why: items.length > 1 ? names([...new Set(items.map((i) => i.node ?? i.text))]) : first && first.text !== words ? first.text : "",
		href: one ? href(["branches", first.node ?? ""], tab === "now" ? {} : { tab }) : to,
	};
}

/** In the order of KINDS; what that does not have comes last. */
function said({ network }: Facts): Attention[] {
	const all = network?.attention ?? [];
	const codes = [...new Set([...(Object.keys(KINDS) as Said["code"][]), ...all.map((a) => a.code)])];
	return codes.map((code) => ({ code, items: all.filter((a) => a.code === code) })).filter(({ items }) => items.length > 0).map(({ code, items }) => tell(code, items));
}

function down({ branches }: Facts): Attention[] {
	const list = branches.filter((b) => healthOf(b).health === "down");
	return list.length ? [{ id: "down", tone: "bad", text: `${count(list.length, "branch is", "branches are")} down`, why: names(list.map((b) => b.node.name)), href: href(["branches"], { status: "down" }) }] : [];
}

function partly({ branches }: Facts): Attention[] {
	const list = branches.filter((b) => healthOf(b).health === "partly");
	return list.length ? [{ id: "partly", tone: "warn", text: `${count(list.length, "branch is", "branches are")} only partly up`, why: names(list.map((b) => b.node.name)), href: href(["branches"], { status: "partly" }) }] : [];
}

function revision({ applied, now, network }: Facts): Attention[] {
	const since = network?.revision_at ? now - Date.parse(network.revision_at) : 0;
	return applied && applied.applied < applied.online && since > UNCONFIRMED_MS
		? [{ id: "revision", tone: "warn", text: `The last change is not confirmed by ${count(applied.online - applied.applied, "branch", "branches")}`, why: `Revision ${applied.revision}, since ${duration(since / 1000)}.`, href: href(["branches"]) }]
		: [];
}

function versions({ branches, network }: Facts): Attention[] {
	const old = branches.filter((b) => b.presence?.online && b.presence.version && network && b.presence.version !== network.version);
	return old.length ? [{ id: "versions", tone: "info", text: `${count(old.length, "branch runs", "branches run")} another version than the hub`, why: `The hub runs ${network?.version}; ${names(old.map((b) => b.node.name))}.`, href: href(["branches"], { version: old[0]?.presence?.version ?? "" }) }] : [];
}

export function attention(facts: Facts): Attention[] {
	const hub = said(facts);
	const of = (tone: Tone) => hub.filter((a) => a.tone === tone);
	return [...of("bad"), ...down(facts), ...partly(facts), ...revision(facts), ...of("warn"), ...of("info"), ...versions(facts)];
}
