// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens for programs that use the API.
import { useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { ApiToken, ApiTokenAdd } from "../../api/schema";
import { Badge, Card, CopyButton, Head } from "../../parts/bits";
import { ask, Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Icon } from "../../parts/icons";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { apiTokens, useResource } from "../../state/resource";
import { may, type Role } from "../../state/session";
import { ROLES } from "./users";

const TONE = { open: "good", expired: "off", revoked: "bad" } as const;
const EXPIRIES = [
	{ value: "2592000", label: "30 days" },
	{ value: "31536000", label: "1 year" },
	{ value: "", label: "as long as nobody revokes it" },
];

function askRevoke(t: ApiToken): void {
	ask({
		title: `Revoke the API token ${t.name}`,
		body: <p>{`Programs that use it are refused from this moment on. There is no way back; make a new one instead.`}</p>,
		action: `Revoke ${t.name}`,
		danger: true,
		async run() {
			await call("POST /api/v1/api-tokens/{id}/revoke", { id: t.id, body: {} });
			tell(`The API token ${t.name} is revoked.`);
		},
	});
}

const columns: Column<ApiToken>[] = [
	{ id: "name", title: "Name", sort: (t) => t.name, cell: (t) => <strong>{t.name}</strong> },
	{ id: "role", title: "Role", sort: (t) => t.role, cell: (t) => t.role },
	{ id: "scopes", title: "Only for", cell: (t) => t.scopes.join(", ") || <span class="muted">all that the role may</span> },
	{ id: "state", title: "State", sort: (t) => t.state, cell: (t) => <Badge tone={TONE[t.state]}>{t.state}</Badge> },
	{ id: "left", title: "Good for", sort: (t) => t.expires_at, cell: (t) => (t.state === "open" ? <Until at={t.expires_at} over="expired" /> : "–") },
	{ id: "used", title: "Last used", sort: (t) => t.used_at, cell: (t) => <Ago at={t.used_at} /> },
	{ id: "act", title: "", cell: (t) => may("admin") && t.state === "open" && <button type="button" class="danger-soft" aria-label={`Revoke the API token ${t.name}`} onClick={() => askRevoke(t)}>Revoke…</button> },
];

function AddDialog({ onClose }: { onClose(): void }) {
	const [name, setName] = useState("");
	const [role, setRole] = useState<Role>("auditor");
	const [scopes, setScopes] = useState("");
	const [expiry, setExpiry] = useState("31536000");
	const [token, setToken] = useState<string | null>(null);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const submit = (e: Event) => {
		e.preventDefault();
		const body: ApiTokenAdd = { name, role, scopes: scopes.split(/[\s,]+/).filter(Boolean), ...(expiry ? { expires_s: Number(expiry) } : {}) };
		call("POST /api/v1/api-tokens", { body }).then(
			({ data }) => setToken(data.token ?? ""),
			(e: unknown) => setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) }),
		);
	};
	if (token !== null) {
		return (
			<Dialog title={`API token ${name}`} onClose={onClose}>
				<div class="dialog-body">
					<p>It is shown only now; the hub keeps a hash of it.</p>
					<div class="command">
						<pre>
							<code>{token}</code>
						</pre>
						<CopyButton text={token} what="the token" />
					</div>
					<p class="muted small">
						Use it as <code>Authorization: Bearer {token.slice(0, 8)}…</code>
					</p>
				</div>
			</Dialog>
		);
	}
	return (
		<Dialog title="Make an API token" onClose={onClose}>
			<form onSubmit={submit}>
				<div class="dialog-body">
					<Field label="Name" value={name} onInput={setName} required autofocus maxLength={63} placeholder="monitoring" error={error?.pointer === "/name" ? error.text : undefined} />
					<Field label="Role" value={role} onInput={(r) => setRole(r as Role)} options={ROLES} />
					<Field label="Only for" value={scopes} onInput={setScopes} placeholder="metrics nodes:read" hint="Parts of the API; empty is all that the role may." error={error?.pointer?.startsWith("/scopes") ? error.text : undefined} />
					<Field label="Good for" value={expiry} onInput={setExpiry} options={EXPIRIES} />
					{error && !/^\/(name|scopes)/.test(error.pointer ?? "") && (
						<p class="error" role="alert">
							{error.text}
						</p>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="primary">
						Make token
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

export function ApiTokensView() {
	const loaded = useResource(apiTokens);
	const [adding, setAdding] = useState(false);
	return (
		<>
			<Head title="API tokens" note="For programs; people sign in.">
				{may("admin") && (
					<button type="button" class="primary" onClick={() => setAdding(true)}>
						<Icon name="plus" /> Make a token
					</button>
				)}
			</Head>
			<Content what="API tokens" loaded={loaded}>
				{(all) => <Card>{all.length ? <List label="API tokens" columns={columns} rows={all} keyOf={(t) => t.id} by="name" /> : <Empty icon="api-tokens" title="No API token yet" />}</Card>}
			</Content>
			{adding && <AddDialog onClose={() => setAdding(false)} />}
		</>
	);
}
