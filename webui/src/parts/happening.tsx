// SPDX-License-Identifier: GPL-3.0-or-later
// What happened, as a sentence; an entry of the audit log or news of a branch.
import type { AuditEntry } from "../api/schema";
import type { Happening } from "../state/happenings";
import { href } from "../state/route";
import { PATH } from "./format";
import { Icon, type IconName } from "./icons";
import { Ago } from "./time";

const DONE: Record<string, string> = {
	"node.add": "added the branch",
	"node.edit": "changed settings of",
	"node.delete": "deleted the branch",
	"node.revoke": "revoked",
	"node.connect": "called",
	"node.disconnect": "disconnected",
	"node.disable": "disabled",
	"node.enable": "enabled",
	"node.quarantine": "disabled, since a restored backup had brought it back,",
	"node.settings": "changed, on trial, what the hub sets on",
	"node.settings.confirmed": "confirmed the settings of",
	"node.settings.rolled_back": "took back the settings of",
	"node.settings.cancelled": "cancelled the change of settings of",
	"key.revoke": "revoked a key of",
	"key.held": "holds back, until its own admin accepts it (StrictKeys), the new identity key of",
	"key.accept": "has accepted the identity key of",
	"key.rotate_request": "asked for new keys of",
	"key.propose": "proposed new keys of",
	"key.rotate": "replaced the keys of",
	"key.rotate_refuse": "refused new keys of",
	"key.settings": "changed the rules for keys",
	"key.old": "found a key too old:",
	"hub.started": "has started:",
	"hub.log_level": "changed how much it logs:",
	"hub.purge": "forgot nodes that do not answer:",
	"hub.retry": "called nodes that do not answer:",
	"hub.identity_rotate": "asked for a new identity key of the hub",
	"hub.identity_announce": "announced the next identity key of the hub",
	"hub.identity_cancel": "kept the identity key of the hub",
	"hub.identity_known": "heard every branch confirm the identity key of the hub",
	"hub.identity_switch": "has put in force the new identity key of the hub",
	"backup.created": "made a backup of",
	"store.rollback": "found that a backup was restored:",
	"revocation.confirmed": "heard every branch confirm the revocation of",
	"revocation.unconfirmed": "did not hear every branch confirm the revocation of",
	"node.hello": "has told new facts:",
	"subnet.add": "added a subnet to",
	"subnet.edit": "changed the weight of a subnet of",
	"subnet.remove": "removed a subnet from",
	"subnet.propose": "proposed a subnet behind",
	"subnet.approve": "approved a subnet of",
	"group.add": "added the group",
	"group.edit": "changed the group",
	"group.delete": "deleted the group",
	"policy.add": "allowed",
	"policy.edit": "changed the policy",
	"policy.remove": "no longer allows",
	"token.create": "made a join token for",
	"token.revoke": "revoked a join token of",
	"api-token.create": "made the API token",
	"api-token.revoke": "revoked the API token",
	"webhook.add": "added the webhook",
	"webhook.edit": "changed the webhook",
	"webhook.disable": "turned off the webhook",
	"webhook.delete": "deleted the webhook",
	"webhook.test": "tested the webhook",
	"webhook.redeliver": "sent again to the webhook",
	"user.add": "added the user",
	"user.edit": "changed the user",
	"user.delete": "deleted the user",
	"user.sign-in": "has signed in",
	"user.sign-out": "has signed out",
	"user.sign-in-refused": "was refused to sign in",
};

/** Done by somebody to themselves. */
const OWN = new Set(["user.sign-in", "user.sign-out", "user.sign-in-refused"]);

/** "user:anna" -> "anna"; "unix:root" stays, since it is no user of the page. */
export function who(actor: string): string {
	return actor.replace(/^(user|node):/, "");
}

function Object({ name, plain }: { name: string; plain?: boolean | undefined }) {
	const [kind, rest = ""] = name.split(/:(.*)/s) as [string, string | undefined];
	return kind === "node" && !plain ? <a href={href(["branches", rest])}>{rest}</a> : <>{rest || kind}</>;
}

/** `plain`: without links, where it stands inside a button. */
export function AuditSentence({ entry, plain }: { entry: AuditEntry; plain?: boolean }) {
	if (entry.action === "node.join") {
		return (
			<>
				<Object name={entry.object} plain={plain} /> has joined, from {entry.actor.replace(/^join:/, "")}
			</>
		);
	}
	if (OWN.has(entry.action)) {
		return (
			<>
				<strong>{who(entry.object)}</strong> {DONE[entry.action]}
			</>
		);
	}
	return (
		<>
			<strong>{who(entry.actor)}</strong> {DONE[entry.action] ?? `${entry.action}:`} <Object name={entry.object} plain={plain} />
		</>
	);
}

function presenceText(h: Happening & { kind: "presence" }): string {
	switch (h.name) {
		case "presence.up":
			return "has come online";
		case "presence.down":
			return "has gone offline";
		default:
			return `is now reached: ${PATH[h.event.path] ?? h.event.path}`;
	}
}

function iconOf(h: Happening): IconName {
	return h.kind === "audit" ? "audit" : h.name === "presence.down" ? "warning" : "check";
}

export function HappeningList({ items }: { items: Happening[] }) {
	return (
		<ul class="plain happenings">
			{items.map((h) => (
				<li key={h.key}>
					<Icon name={iconOf(h)} size={16} />
					<span class="what">
						{h.kind === "audit" ? (
							<AuditSentence entry={h.entry} />
						) : (
							<>
								<a href={href(["branches", h.event.node])}>{h.event.node}</a> {presenceText(h)}
							</>
						)}
					</span>
					<span class="muted small nowrap">
						<Ago at={h.at} />
					</span>
				</li>
			))}
		</ul>
	);
}
