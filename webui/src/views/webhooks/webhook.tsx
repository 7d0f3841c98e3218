// SPDX-License-Identifier: GPL-3.0-or-later
// One webhook: switch, test, new secret, and what became of each delivery.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { Webhook, WebhookDelivery } from "../../api/schema";
import { Badge, Card, Head } from "../../parts/bits";
import { ask, Dialog } from "../../parts/dialog";
import { count } from "../../parts/format";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { useResource, webhooks } from "../../state/resource";
import { go } from "../../state/route";
import { SecretText, WebhookState } from "./webhooks";

const REFRESH_MS = 3000;
const SHOWN = 100;
const TONE = { pending: "info", delivered: "good", failed: "bad", dropped: "off" } as const;

function fail(e: unknown): void {
	tell(messageOf(e), true);
}

function columnsOf(w: Webhook, reload: () => void): Column<WebhookDelivery>[] {
	const again = (d: WebhookDelivery) => call("POST /api/v1/webhooks/{id}/redeliver", { id: w.id, body: { delivery: d.id } }).then(reload, fail);
	return [
		{ id: "id", title: "Delivery", align: "right", sort: (d) => d.id, cell: (d) => d.id },
		{ id: "event", title: "Event", sort: (d) => d.event, cell: (d) => <code>{d.event}</code> },
		{ id: "status", title: "Status", sort: (d) => d.status, cell: (d) => <Badge tone={TONE[d.status]}>{d.status}</Badge> },
		{ id: "answer", title: "Answer", sort: (d) => d.http_status, cell: (d) => (d.error ? d.error : d.http_status ? `HTTP ${d.http_status}${d.took_ms === null ? "" : ` after ${d.took_ms} ms`}` : "–") },
		{ id: "attempts", title: "Attempts", align: "right", sort: (d) => d.attempts, cell: (d) => d.attempts },
		{ id: "at", title: "Last", sort: (d) => d.last_at, cell: (d) => (d.status === "pending" && d.next_at ? <>next in <Until at={d.next_at} over="a moment" /></> : <Ago at={d.last_at ?? d.created_at} />) },
		{ id: "act", title: "", cell: (d) => d.status !== "pending" && <button type="button" aria-label={`Deliver ${d.id} again`} onClick={() => void again(d)}>Again</button> },
	];
}

function useDeliveries(id: number) {
	const [loaded, setLoaded] = useState<{ items: WebhookDelivery[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		call("GET /api/v1/webhooks/{id}/deliveries", { id, query: { limit: SHOWN } })
			.then(({ data }) => setLoaded({ items: data.items, error: null }))
			.catch((error: unknown) => setLoaded({ items: null, error }));
	}, [id]);
	useEffect(() => {
		reload();
		const timer = setInterval(reload, REFRESH_MS);
		return () => clearInterval(timer);
	}, [reload]);
	return { ...loaded, reload };
}

function askDelete(w: Webhook): void {
	ask({
		title: `Delete the webhook ${w.name}`,
		body: <p>{`${w.url} is told nothing any more${w.pending ? `, and ${count(w.pending, "delivery", "deliveries")} that wait are dropped` : ""}.`}</p>,
		action: `Delete ${w.name}`,
		danger: true,
		async run() {
			await call("DELETE /api/v1/webhooks/{id}", { id: w.id });
			go(["webhooks"]);
			await webhooks.load();
		},
	});
}

function Webhook1({ w }: { w: Webhook }) {
	const deliveries = useDeliveries(w.id);
	const [secret, setSecret] = useState<string | null>(null);
	const test = () => call("POST /api/v1/webhooks/{id}/test", { id: w.id, body: {} }).then(deliveries.reload, fail);
	const turn = () => call("PATCH /api/v1/webhooks/{id}", { id: w.id, body: { enabled: !w.enabled } }).then(() => webhooks.load(), fail);
	const askSecret = () =>
		ask({
			title: `New secret for ${w.name}`,
			body: <p>The old one counts no longer from this moment on: the receiver refuses deliveries until it knows the new one.</p>,
			action: "Make a new secret",
			danger: true,
			run: () => call("POST /api/v1/webhooks/{id}/secret", { id: w.id, body: {} }).then(({ data }) => setSecret(data.secret ?? "")),
		});
	return (
		<>
			<Head title={w.name} note={<><WebhookState w={w} /> {w.url}</>}>
				<button type="button" onClick={() => void test()}>
					Send a test
				</button>
				<button type="button" onClick={() => void turn()}>
					{w.enabled ? "Turn off" : "Turn on"}
				</button>
				<button type="button" onClick={askSecret}>
					New secret…
				</button>
				<button type="button" class="danger-soft" onClick={() => askDelete(w)}>
					Delete…
				</button>
			</Head>
			{w.disabled_why && <p class="banner">{w.disabled_why}</p>}
			<Card title={`Last deliveries of ${w.events.join(", ")}`}>
				<Content what="deliveries" loaded={deliveries}>
					{(items) => (items.length ? <List label="Deliveries" columns={columnsOf(w, deliveries.reload)} rows={items} keyOf={(d) => d.id} by="id" down /> : <Empty icon="webhooks" title="Nothing was sent yet" />)}
				</Content>
			</Card>
			{secret !== null && (
				<Dialog title={`New secret of ${w.name}`} onClose={() => setSecret(null)}>
					<div class="dialog-body">
						<SecretText secret={secret} />
					</div>
				</Dialog>
			)}
		</>
	);
}

export function WebhookView({ id }: { id: string }) {
	const loaded = useResource(webhooks);
	return (
		<>
			<a class="back" href="#/webhooks">
				<span aria-hidden="true">‹ </span>All webhooks
			</a>
			<Content what="the webhook" loaded={loaded}>
				{(all) => {
					const w = all.find((one) => String(one.id) === id);
					return w ? <Webhook1 w={w} /> : <Empty icon="search" title="There is no such webhook" />;
				}}
			</Content>
		</>
	);
}
