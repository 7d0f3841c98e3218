// SPDX-License-Identifier: GPL-3.0-or-later
// Settings of a branch: a form, what would change as the hub sees it (dry run), then the change.
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { Node, NodeEdit } from "../../api/schema";
import { Card } from "../../parts/bits";
import { type Conflict, ConflictDialog } from "../../parts/conflict";
import { Dialog } from "../../parts/dialog";
import { DiffTable, differences } from "../../parts/diff";
import { Failed, Loading } from "../../parts/states";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { go } from "../../state/route";
import { may, session } from "../../state/session";
import { SteeredCard } from "./steered";
import { type Draft, draftOf, editOf, SettingsForm } from "./settings_form";

interface Opened {
	node: Node;
	etag: string | null;
}

async function fetchNode(id: number): Promise<Opened> {
	const { data, etag } = await call("GET /api/v1/nodes/{id}", { id: `id:${id}` });
	return { node: data, etag };
}

export function SettingsTab({ id }: { id: number }) {
	const [opened, setOpened] = useState<Opened | null>(null);
	const [error, setError] = useState<unknown>(null);
	const load = () => {
		setError(null);
		fetchNode(id).then(setOpened, setError);
	};
	useEffect(load, [id]);
	if (!opened) {
		return error ? <Failed error={error} retry={load} /> : <Loading what="settings" />;
	}
	return (
		<>
			<Settings key={opened.etag} opened={opened} reopen={setOpened} />
			{opened.node.kind === "spoke" && <SteeredCard node={opened.node} />}
		</>
	);
}

function Settings({ opened, reopen }: { opened: Opened; reopen(o: Opened): void }) {
	useCell(session);
	const { node } = opened;
	const first = useMemo(() => draftOf(node), [node]);
	const [draft, setDraft] = useState<Draft>(first);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const [preview, setPreview] = useState<Node | null>(null);
	const [conflict, setConflict] = useState<Conflict<Node> | null>(null);
	const body = editOf(first, draft);
	const changes = Object.keys(body).length > 0;

	const send = async (dry: boolean, etag: string | null) => {
		setError(null);
		try {
			const { data, etag: next } = await call("PATCH /api/v1/nodes/{id}", { id: `id:${node.id}`, body, query: dry ? { dry_run: "1" } : {}, ifMatch: etag });
			if (dry) {
				setPreview(data.node);
				return;
			}
			setPreview(null);
			setConflict(null);
			tell(`The settings of ${data.node.name} are saved.`);
			reopen({ node: data.node, etag: next });
			if (data.node.name !== node.name) {
				go(["branches", data.node.name], { tab: "settings" });
			}
		} catch (e) {
			setPreview(null);
			if (e instanceof ApiError && e.status === 412) {
				await askWhoWins();
			} else {
				setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) });
			}
		}
	};
	const askWhoWins = async () => {
		const now = await fetchNode(node.id);
		setConflict({ opened: node, now: now.node, mine: body as Partial<Node> });
	};
	const resolve = async (mine: boolean) => {
		const now = await fetchNode(node.id);
		setConflict(null);
		if (mine) {
			await send(false, now.etag);
		} else {
			reopen(now);
		}
	};
	const submit = (e: Event) => {
		e.preventDefault();
		void send(true, opened.etag);
	};
	return (
		<Card title="Settings">
			<form class="form card-body narrow-form" onSubmit={submit}>
				<SettingsForm node={node} draft={draft} setDraft={setDraft} error={error} disabled={!may("operator")} />
				{error && !error.pointer && (
					<p class="error" role="alert">
						{error.text}
					</p>
				)}
				{may("operator") ? (
					<div class="actions">
						<button type="submit" class="primary" disabled={!changes}>
							Review changes…
						</button>
						<button type="button" disabled={!changes} onClick={() => setDraft(first)}>
							Undo
						</button>
					</div>
				) : (
					<p class="muted">Your role ({session.get()?.role}) may look, but not change anything.</p>
				)}
			</form>
			{preview && <Preview node={node} then={preview} body={body} onClose={() => setPreview(null)} onSave={() => void send(false, opened.etag)} />}
			{conflict && <ConflictDialog name={node.name} conflict={conflict} onTakeTheirs={() => void resolve(false)} onApplyMine={() => void resolve(true)} />}
		</Card>
	);
}

function Preview({ node, then, body, onClose, onSave }: { node: Node; then: Node; body: NodeEdit; onClose(): void; onSave(): void }) {
	return (
		<Dialog title={`Change ${node.name}?`} onClose={onClose} wide>
			<div class="dialog-body">
				<p>The hub has checked it. Branches that are connected learn it at once.</p>
				<DiffTable items={differences(node, then)} />
				{body.addresses && <p class="warning">A new address cuts whoever uses the old one, until they learn the new.</p>}
			</div>
			<footer class="dialog-foot">
				<button type="button" onClick={onClose}>
					Back
				</button>
				<button type="button" class="primary" onClick={onSave}>
					Save changes
				</button>
			</footer>
		</Dialog>
	);
}
