// SPDX-License-Identifier: GPL-3.0-or-later
// Join tokens: which commands are still good for something.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { JoinToken } from "../../api/schema";
import { Badge, Card, Head } from "../../parts/bits";
import { ask } from "../../parts/dialog";
import { Icon } from "../../parts/icons";
import { List } from "../../parts/list";
import { Content, Empty } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago, Until } from "../../parts/time";
import { tell } from "../../parts/toast";
import { groups, tokens, useResource } from "../../state/resource";
import { href } from "../../state/route";
import { may } from "../../state/session";
import { who } from "../../parts/happening";
import { GroupTokenDialog } from "./group_token";

const TONE = { open: "good", used: "off", expired: "off", revoked: "bad" } as const;

/** "oslo", or "new branches in shops". */
function target(t: JoinToken): string {
	return t.node ?? `new branches in ${t.group}`;
}

function askRevoke(t: JoinToken): void {
	ask({
		title: `Revoke the join command of ${target(t)}`,
		body: <p>{`The command that was made for ${target(t)} no longer lets anybody in. Nothing changes for who has joined already.`}</p>,
		action: "Revoke command",
		danger: true,
		async run() {
			await call("POST /api/v1/tokens/{id}/revoke", { id: t.id, body: {} });
			tell(`The join command of ${target(t)} is revoked.`);
		},
	});
}

const columns: Column<JoinToken>[] = [
	{ id: "node", title: "For", sort: target, cell: (t) => (t.node ? <a href={href(["branches", t.node])}>{t.node}</a> : target(t)) },
	{ id: "state", title: "State", sort: (t) => t.state, cell: (t) => <Badge tone={TONE[t.state]}>{t.state}</Badge> },
	{ id: "uses", title: "Uses", align: "right", sort: (t) => t.uses, cell: (t) => `${t.uses} of ${t.uses_max}` },
	{ id: "left", title: "Good for", sort: (t) => (t.state === "open" ? t.expires_at : null), cell: (t) => (t.state === "open" ? <Until at={t.expires_at} over="expired" /> : "–") },
	{ id: "made", title: "Made", sort: (t) => t.created_at, cell: (t) => <><Ago at={t.created_at} /> by {who(t.created_by)}</> },
	{ id: "used", title: "Used", sort: (t) => t.used_at, cell: (t) => <Ago at={t.used_at} /> },
	{ id: "act", title: "", cell: (t) => may("operator") && t.state === "open" && <button type="button" class="danger-soft" aria-label={`Revoke the join command of ${target(t)}`} onClick={() => askRevoke(t)}>Revoke…</button> },
];

export function TokensView() {
	const loaded = useResource(tokens);
	const known = useResource(groups);
	const [adding, setAdding] = useState(false);
	return (
		<>
			<Head title="Join tokens" note="Each stands in a command that lets branches in. The hub keeps only hashes of them.">
				{may("operator") && (
					<button type="button" class="primary" disabled={!known.items} onClick={() => setAdding(true)}>
						<Icon name="plus" /> Command for a group
					</button>
				)}
			</Head>
			<Content what="join tokens" loaded={loaded}>
				{(all) => (
					<Card>
						{all.length ? <List label="Join tokens" columns={columns} rows={all} keyOf={(t) => t.id} by="made" down /> : <Empty icon="tokens" title="No join token was made yet"><p>One is made with each new branch.</p></Empty>}
					</Card>
				)}
			</Content>
			{adding && known.items && <GroupTokenDialog groups={known.items} onClose={() => setAdding(false)} />}
		</>
	);
}
