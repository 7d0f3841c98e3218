// SPDX-License-Identifier: GPL-3.0-or-later
// What holds for all keys: who approves new ones, how long old ones still count, how old they may get.
import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import type { KeySettings, KeySettingsEdit } from "../../api/schema";
import { Card } from "../../parts/bits";
import { type Conflict, ConflictDialog } from "../../parts/conflict";
import { Dialog } from "../../parts/dialog";
import { DurationField } from "../../parts/duration_field";
import { Field } from "../../parts/field";
import { duration } from "../../parts/format";
import { Content } from "../../parts/states";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { happenings } from "../../state/happenings";
import { may } from "../../state/session";

interface Opened {
	rules: KeySettings;
	etag: string | null;
}

/** As in the API's description. */
const OVERLAP_MAX_S = 2_592_000;
const AGE_MAX_S = 315_360_000;

async function fetchRules(): Promise<Opened> {
	const { data, etag } = await call("GET /api/v1/key-settings");
	return { rules: data, etag };
}

function useRules() {
	const [loaded, setLoaded] = useState<{ items: Opened[] | null; error: unknown }>({ items: null, error: null });
	const reload = useCallback(() => {
		fetchRules().then(
			(opened) => setLoaded({ items: [opened], error: null }),
			(error: unknown) => setLoaded({ items: null, error }),
		);
	}, []);
	const heard = useCell(happenings).find((h) => h.kind === "audit" && h.entry.action === "key.settings")?.key;
	useEffect(reload, [reload, heard]);
	return { ...loaded, reload };
}

function ages(r: KeySettings): string {
	if (!r.max_age_s) {
		return "any age; nothing is flagged as old";
	}
	return `at most ${duration(r.max_age_s)}${r.warn_s ? `; flagged ${duration(r.warn_s)} before` : ""}`;
}

function Facts({ rules }: { rules: KeySettings }) {
	return (
		<dl class="facts card-body">
			<dt>Keys may have</dt>
			<dd>{ages(rules)}</dd>
			<dt>When they are older</dt>
			<dd>{rules.rotate_at_max_age ? "the hub asks the branch for new ones by itself" : "it is shown here and in the overview; nothing happens by itself"}</dd>
			<dt>New keys that a branch makes unasked</dt>
			<dd>{rules.approval === "admin" ? "count when an admin has approved them" : "count at once"}</dd>
			<dt>Keys that were replaced</dt>
			<dd>still count for {duration(rules.overlap_s)}</dd>
		</dl>
	);
}

interface Draft {
	approval: KeySettings["approval"];
	overlap_s: number | null;
	max_age_s: number | null;
	warn_s: number | null;
	rotate_at_max_age: boolean;
}

/** Only what differs. */
function editOf(before: KeySettings, now: Draft): KeySettingsEdit {
	const names = Object.keys(now) as (keyof Draft)[];
	return Object.fromEntries(names.filter((n) => now[n] !== before[n]).map((n) => [n, now[n]]));
}

function within(value: number | null, min: number, max: number): boolean {
	return value !== null && value >= min && value <= max;
}

function isRight(d: Draft): boolean {
	return within(d.overlap_s, 1, OVERLAP_MAX_S) && within(d.max_age_s, 0, AGE_MAX_S) && within(d.warn_s, 0, AGE_MAX_S);
}

const APPROVALS = [
	{ value: "auto", label: "Count at once: the old key has signed them" },
	{ value: "admin", label: "Count when an admin has approved them" },
];

function Fields({ draft, setDraft, errorOf }: { draft: Draft; setDraft(d: Draft): void; errorOf(name: string): string | undefined }) {
	const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
	return (
		<>
			<DurationField label="Keys may be as old as" value={draft.max_age_s} onInput={(max_age_s) => set({ max_age_s })} min={0} max={AGE_MAX_S} hint="0: any age, and nothing is flagged." error={errorOf("max_age_s")} />
			<DurationField label="Flag them so long before that" value={draft.warn_s} onInput={(warn_s) => set({ warn_s })} min={0} max={AGE_MAX_S} hint="So that there is time to replace them." error={errorOf("warn_s")} />
			<label class="check">
				<input type="checkbox" checked={draft.rotate_at_max_age} disabled={!draft.max_age_s} onChange={() => set({ rotate_at_max_age: !draft.rotate_at_max_age })} />
				<span>
					When keys are too old, ask their branch for new ones, 20 branches a minute.
					{!draft.max_age_s && <span class="muted"> Needs an age above.</span>}
				</span>
			</label>
			<Field label="New keys that a branch makes unasked" value={draft.approval} onInput={(approval) => set({ approval: approval as Draft["approval"] })} options={APPROVALS} error={errorOf("approval")} />
			<DurationField label="Keys that were replaced still count for" value={draft.overlap_s} onInput={(overlap_s) => set({ overlap_s })} min={1} max={OVERLAP_MAX_S} hint="Long enough that branches which are away for a while learn the new ones." error={errorOf("overlap_s")} />
		</>
	);
}

function EditDialog({ opened, onClose, reload }: { opened: Opened; onClose(): void; reload(): void }) {
	const [base, setBase] = useState(opened);
	const [draft, setDraft] = useState<Draft>(opened.rules);
	const [error, setError] = useState<{ pointer?: string; text: string } | null>(null);
	const [conflict, setConflict] = useState<Conflict<KeySettings> | null>(null);
	const body = editOf(base.rules, draft);
	const errorOf = (name: string) => (error?.pointer === `/${name}` ? error.text : undefined);
	const send = async (etag: string | null) => {
		setError(null);
		try {
			await call("PATCH /api/v1/key-settings", { body, ifMatch: etag });
			tell("The rules for keys are saved.");
			reload();
			onClose();
		} catch (e) {
			if (e instanceof ApiError && e.status === 412) {
				const now = await fetchRules();
				setBase({ ...base, etag: now.etag });
				setConflict({ opened: base.rules, now: now.rules, mine: body as Partial<KeySettings> });
			} else {
				setError({ pointer: e instanceof ApiError ? e.pointer : undefined, text: messageOf(e) });
			}
		}
	};
	const failed = (e: unknown) => setError({ text: messageOf(e) });
	if (conflict) {
		return (
			<ConflictDialog
				name="The rules for keys"
				conflict={conflict}
				onTakeTheirs={() => (reload(), onClose())}
				onApplyMine={() => (setConflict(null), void send(base.etag).catch(failed))}
			/>
		);
	}
	return (
		<Dialog title="Rules for keys" onClose={onClose}>
			<form
				onSubmit={(e) => {
					e.preventDefault();
					void send(base.etag).catch(failed);
				}}
			>
				<div class="dialog-body">
					<Fields draft={draft} setDraft={setDraft} errorOf={errorOf} />
					{error && !error.pointer && (
						<p class="error" role="alert">
							{error.text}
						</p>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="primary" disabled={!isRight(draft) || Object.keys(body).length === 0}>
						Save rules
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

export function RulesCard() {
	const loaded = useRules();
	const [editing, setEditing] = useState<Opened | null>(null);
	const change = may("admin") && loaded.items && (
		<button type="button" onClick={() => setEditing(loaded.items?.[0] ?? null)}>
			Change…
		</button>
	);
	return (
		<Card title="Rules for keys" actions={change}>
			<Content what="the rules for keys" loaded={loaded}>
				{([opened]) => (opened ? <Facts rules={opened.rules} /> : null)}
			</Content>
			{editing && <EditDialog opened={editing} onClose={() => setEditing(null)} reload={loaded.reload} />}
		</Card>
	);
}
