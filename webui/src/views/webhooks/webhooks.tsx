// SPDX-License-Identifier: GPL-3.0-or-later
// Receivers outside that are told of events.
import { useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { Webhook } from "../../api/schema";
import { Badge, Card, CopyButton, Head } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { count } from "../../parts/format";
import { Icon } from "../../parts/icons";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { useResource, webhooks } from "../../state/resource";
import { href } from "../../state/route";

export function WebhookState({ w }: { w: Webhook }) {
	if (!w.enabled) {
		return (
			<Badge tone="bad" title={w.disabled_why ?? undefined}>
				off
			</Badge>
		);
	}
	return w.failures ? <Badge tone="warn">{count(w.failures, "failure")} in a row</Badge> : <Badge tone="good">on</Badge>;
}

const columns: Column<Webhook>[] = [
	{ id: "name", title: "Name", sort: (w) => w.name, cell: (w) => <a href={href(["webhooks", String(w.id)])}>{w.name}</a> },
	{ id: "url", title: "Address", sort: (w) => w.url, cell: (w) => w.url },
	{ id: "events", title: "Events", cell: (w) => w.events.join(", ") },
	{ id: "state", title: "State", sort: (w) => w.failures, cell: (w) => <WebhookState w={w} /> },
	{ id: "pending", title: "Waiting", align: "right", sort: (w) => w.pending, cell: (w) => w.pending },
	{ id: "made", title: "Made", sort: (w) => w.created_at, cell: (w) => <Ago at={w.created_at} /> },
];

export function SecretText({ secret }: { secret: string }) {
	return (
		<>
			<p>With this secret the receiver checks the signature of each delivery (Branchline-Signature). It is shown only now:</p>
			<div class="command">
				<pre>
					<code>{secret}</code>
				</pre>
				<CopyButton text={secret} what="the secret" />
			</div>
		</>
	);
}

function AddDialog({ onClose }: { onClose(): void }) {
	const [name, setName] = useState("");
	const [url, setUrl] = useState("");
	const [events, setEvents] = useState("*");
	const [secret, setSecret] = useState<string | null>(null);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const at = (pointer: string) => (error?.pointer?.startsWith(pointer) ? error.text : undefined);
	const submit = (e: Event) => {
		e.preventDefault();
		call("POST /api/v1/webhooks", { body: { name, url, events: events.split(/[\s,]+/).filter(Boolean) } }).then(
			({ data }) => {
				setSecret(data.secret ?? "");
				void webhooks.load();
			},
			(e: unknown) => setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) }),
		);
	};
	return (
		<Dialog title={secret === null ? "Add a webhook" : `Webhook ${name}`} onClose={onClose}>
			{secret !== null ? (
				<div class="dialog-body">
					<SecretText secret={secret} />
				</div>
			) : (
				<form onSubmit={submit}>
					<div class="dialog-body">
						<Field label="Name" value={name} onInput={setName} required autofocus maxLength={63} placeholder="chat" error={at("/name")} />
						<Field label="Address" value={url} onInput={setUrl} required type="url" placeholder="https://chat.example.com/hook" error={at("/url")} />
						<Field label="Events" value={events} onInput={setEvents} required placeholder="presence.* node.revoke" hint="Names of events; presence.* is all that begin so, * is all." error={at("/events")} />
						{error && !/^\/(name|url|events)/.test(error.pointer ?? "") && (
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
							Add webhook
						</button>
					</footer>
				</form>
			)}
		</Dialog>
	);
}

export function WebhooksView() {
	const loaded = useResource(webhooks);
	const [adding, setAdding] = useState(false);
	return (
		<>
			<Head title="Webhooks" note="The hub tells other systems what happens: signed, and again until they have got it.">
				<button type="button" class="primary" onClick={() => setAdding(true)}>
					<Icon name="plus" /> Add a webhook
				</button>
			</Head>
			<Content what="webhooks" loaded={loaded}>
				{(all) => (
					<Card>
						{all.length ? (
							<List label="Webhooks" columns={columns} rows={all} keyOf={(w) => w.id} by="name" />
						) : (
							<Empty icon="webhooks" title="No webhook yet">
								<p>A chat, a ticket system, a pager: whatever takes an HTTPS POST can be told when a branch goes down.</p>
							</Empty>
						)}
					</Card>
				)}
			</Content>
			{adding && <AddDialog onClose={() => setAdding(false)} />}
		</>
	);
}
