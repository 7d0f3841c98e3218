// SPDX-License-Identifier: GPL-3.0-or-later
// One command that lets several new branches in, as members of a group.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { Group } from "../../api/schema";
import { CopyButton } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Until } from "../../parts/time";
import { EXPIRIES, type Token } from "../add/invite";

export function GroupTokenDialog({ groups, onClose }: { groups: Group[]; onClose(): void }) {
	const [group, setGroup] = useState(groups[0]?.name ?? "");
	const [uses, setUses] = useState("10");
	const [expiry, setExpiry] = useState("86400");
	const [made, setMade] = useState<Token | null>(null);
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		call("POST /api/v1/tokens", { body: { group, uses: Number(uses), expires_s: Number(expiry) } }).then(
			({ data }) => setMade(data),
			(e: unknown) => setError(messageOf(e)),
		);
	};
	if (made) {
		return (
			<Dialog title={`Join command for new branches in ${group}`} onClose={onClose} wide>
				<div class="dialog-body">
					<p>Paste this on the server of each new branch, as root; it is shown only now:</p>
					<div class="command">
						<pre>
							<code>{made.command}</code>
						</pre>
						<CopyButton text={made.command ?? ""} what="the command" />
					</div>
					<p class="muted small">
						Good for {uses} branches, for <Until at={made.join_token.expires_at} over="no longer: it has expired" />. Each is called as its host, unless <code>--name NAME</code> is added. Networks behind it
						(<code>Subnet</code> in its hosts file) wait for your approval.
					</p>
				</div>
			</Dialog>
		);
	}
	return (
		<Dialog title="Join command for a group" onClose={onClose}>
			<form onSubmit={submit}>
				<div class="dialog-body">
					<p class="muted">Whoever has the command before it expires can become a branch of this group. To replace a branch that is there, make a command for that branch instead.</p>
					<Field label="Group" value={group} onInput={setGroup} options={groups.map((g) => ({ value: g.name, label: g.name }))} />
					<Field label="Good for so many branches" type="number" value={uses} onInput={setUses} required />
					<Field label="Good for" value={expiry} onInput={setExpiry} options={EXPIRIES} error={error || undefined} />
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="primary">
						Make the command
					</button>
				</footer>
			</form>
		</Dialog>
	);
}
