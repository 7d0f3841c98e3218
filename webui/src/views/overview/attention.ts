// SPDX-License-Identifier: GPL-3.0-or-later
// What an admin should look at, the most urgent first. Pure.
import type { Key, KeyRotation, Subnet } from "../../api/schema";
import type { Tone } from "../../parts/bits";
import { count, duration } from "../../parts/format";
import { lowestConfirmed } from "../../state/confirmed";
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
	subnets: Subnet[];
	/** Keys older than allowed, and those that soon will be. */
	overdue: Key[];
	soon: Key[];
	rotations: KeyRotation[];
	applied: { revision: number; applied: number; online: number } | null;
	now: number;
}

const NAMED_MAX = 4;

function names(list: string[]): string {
	return list.length > NAMED_MAX ? `${list.slice(0, NAMED_MAX).join(", ")} and ${list.length - NAMED_MAX} more` : list.join(", ");
}

function unhealthy({ branches }: Facts): Attention[] {
	const found: Attention[] = [];
	const down = branches.filter((b) => healthOf(b).health === "down");
	const partly = branches.filter((b) => healthOf(b).health === "partly");
	if (down.length) {
		found.push({ id: "down", tone: "bad", text: `${count(down.length, "branch is", "branches are")} down`, why: names(down.map((b) => b.node.name)), href: href(["branches"], { status: "down" }) });
	}
	if (partly.length) {
		found.push({ id: "partly", tone: "warn", text: `${count(partly.length, "branch is", "branches are")} only partly up`, why: names(partly.map((b) => b.node.name)), href: href(["branches"], { status: "partly" }) });
	}
	return found;
}

function engine({ network }: Facts): Attention[] {
	return network && !network.engine
		? [{ id: "engine", tone: "bad", text: "The hub's data plane does not answer", why: "No traffic goes through the hub. The hub restarts it by itself; if this stays, look at its log.", href: href(["settings"]) }]
		: [];
}

function revision({ applied, now, network }: Facts): Attention[] {
	const since = network?.revision_at ? now - Date.parse(network.revision_at) : 0;
	return applied && applied.applied < applied.online && since > 5000
		? [{ id: "revision", tone: "warn", text: `The last change is not confirmed by ${count(applied.online - applied.applied, "branch", "branches")}`, why: `Revision ${applied.revision}, since ${duration(since / 1000)}.`, href: href(["branches"]) }]
		: [];
}

/** Told once it has lasted: a moment is what it takes. */
const UNCONFIRMED_MS = 5000;

function revocations({ branches, now }: Facts): Attention[] {
	const reached = lowestConfirmed(branches);
	const open = branches.filter((b) => b.node.status === "revoked" && b.node.revision > reached && b.node.revoked_at && now - Date.parse(b.node.revoked_at) > UNCONFIRMED_MS);
	return open.length ? [{ id: "revocations", tone: "bad", text: `${count(open.length, "revocation is", "revocations are")} not confirmed everywhere`, why: `${names(open.map((b) => b.node.name))}: some branches may still have a tunnel to what was revoked.`, href: href(["revocations"]) }] : [];
}

function proposals({ subnets }: Facts): Attention[] {
	const open = subnets.filter((s) => s.status === "proposed");
	return open.length ? [{ id: "proposed", tone: "warn", text: `${count(open.length, "subnet waits", "subnets wait")} for approval`, why: names(open.map((s) => `${s.prefix} behind ${s.node}`)), href: href(["subnets"], { status: "proposed" }) }] : [];
}

function newKeys({ rotations }: Facts): Attention[] {
	const open = rotations.filter((r) => r.state === "proposed");
	return open.length ? [{ id: "rotations", tone: "warn", text: `New keys of ${count(open.length, "branch wait", "branches wait")} for approval`, why: names(open.map((r) => r.node)), href: href(["keys"]) }] : [];
}

function aged(id: string, tone: Tone, list: Key[], text: string): Attention[] {
	return list.length ? [{ id, tone, text: `${count(list.length, "key is", "keys are")} ${text}`, why: `Of ${names([...new Set(list.map((k) => k.node))])}.`, href: href(["keys"], { status: "due" }) }] : [];
}

/** By the hub's rules for keys. */
function oldKeys({ overdue, soon }: Facts): Attention[] {
	return [...aged("overdue", "warn", overdue, "older than allowed"), ...aged("soon", "info", soon, "soon older than allowed")];
}

function keysChanged({ branches }: Facts): Attention[] {
	const broken = branches.filter((b) => b.node.status === "active" && !b.node.key_unbroken);
	return broken.length ? [{ id: "unbroken", tone: "warn", text: `${count(broken.length, "branch has", "branches have")} joined anew with another key`, why: `${names(broken.map((b) => b.node.name))}. If nobody reinstalled it, find out who did.`, href: href(["branches", broken[0]?.node.name ?? ""]) }] : [];
}

function versions({ branches, network }: Facts): Attention[] {
	const old = branches.filter((b) => b.presence?.online && b.presence.version && network && b.presence.version !== network.version);
	return old.length ? [{ id: "versions", tone: "info", text: `${count(old.length, "branch runs", "branches run")} another version than the hub`, why: `The hub runs ${network?.version}; ${names(old.map((b) => b.node.name))}.`, href: href(["branches"], { version: old[0]?.presence?.version ?? "" }) }] : [];
}

export function attention(facts: Facts): Attention[] {
	return [engine, revocations, unhealthy, revision, proposals, newKeys, keysChanged, oldKeys, versions].flatMap((look) => look(facts));
}
