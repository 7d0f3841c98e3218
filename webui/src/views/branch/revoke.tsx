// SPDX-License-Identifier: GPL-3.0-or-later
// Cutting a branch off, and watching it happen everywhere.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { Node } from "../../api/schema";
import { AppliedProgress } from "../../parts/applied";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";

export function RevokeDialog({ node, onClose }: { node: Node; onClose(): void }) {
	const [reason, setReason] = useState("");
	const [revision, setRevision] = useState<number | null>(null);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const revoke = (e: Event) => {
		e.preventDefault();
		setBusy(true);
		call("POST /api/v1/nodes/{id}/revoke", { id: `id:${node.id}`, body: reason ? { reason } : {} })
			.then((answer) => setRevision(answer.data.revision))
			.catch((e: unknown) => {
				setError(messageOf(e));
				setBusy(false);
			});
	};
	if (revision !== null) {
		return (
			<Dialog title={`${node.name} is revoked`} onClose={onClose}>
				<div class="dialog-body">
					<p>The hub has dropped it at once. The other branches are told now; each confirms when it has dropped the tunnel.</p>
					<AppliedProgress revision={revision} except={node.id} />
				</div>
				<footer class="dialog-foot">
					<button type="button" class="primary" onClick={onClose}>
						Done
					</button>
				</footer>
			</Dialog>
		);
	}
	return (
		<Dialog title={`Revoke ${node.name}`} onClose={onClose}>
			<form onSubmit={revoke}>
				<div class="dialog-body">
					<p>
						All keys and join tokens of <strong>{node.name}</strong> stop working everywhere within a second: its tunnels to the hub and to every other branch end
						{node.subnets.length ? `, and ${node.subnets.map((s) => s.prefix).join(", ")} cannot be reached any more` : ""}.
					</p>
					<p>Its name, addresses and settings stay. To come back it must join again with a new token.</p>
					<Field label="Reason" value={reason} onInput={setReason} placeholder="stolen" maxLength={255} hint="Stands in the audit log." error={error || undefined} autofocus />
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="danger" disabled={busy}>
						Revoke {node.name}
					</button>
				</footer>
			</form>
		</Dialog>
	);
}
