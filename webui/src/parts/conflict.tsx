// SPDX-License-Identifier: GPL-3.0-or-later
// Somebody else changed the same thing meanwhile (412): what they did, what one wanted, and a choice.
import { Dialog } from "./dialog";
import { differences, nice, show } from "./diff";

export interface Conflict<T extends object> {
	/** As it was when the form was opened, as it is now, and what was going to be sent. */
	opened: T;
	now: T;
	mine: Partial<T>;
}

export function ConflictDialog<T extends object>(props: { name: string; conflict: Conflict<T>; onTakeTheirs(): void; onApplyMine(): void }) {
	const { opened, now, mine } = props.conflict;
	const theirs = differences(opened, now);
	const names = [...new Set([...theirs.map((d) => d.name), ...Object.keys(mine)])];
	const of = (from: object, name: string) => show((from as Record<string, unknown>)[name]);
	return (
		<Dialog title={`${props.name} was changed by somebody else`} onClose={props.onTakeTheirs} wide>
			<div class="dialog-body">
				<p>Nothing of yours was saved. This is what differs:</p>
				<table class="diff">
					<thead>
						<tr>
							<th scope="col">What</th>
							<th scope="col">When you began</th>
							<th scope="col">Now</th>
							<th scope="col">Yours</th>
						</tr>
					</thead>
					<tbody>
						{names.map((name) => (
							<tr key={name}>
								<th scope="row">{nice(name)}</th>
								<td>{of(opened, name)}</td>
								<td>{of(now, name) === of(opened, name) ? "the same" : <strong>{of(now, name)}</strong>}</td>
								<td>{name in mine ? <ins>{of(mine, name)}</ins> : "not touched"}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			<footer class="dialog-foot">
				<button type="button" onClick={props.onTakeTheirs}>
					Keep theirs
				</button>
				<button type="button" class="primary" onClick={props.onApplyMine}>
					Save mine on top
				</button>
			</footer>
		</Dialog>
	);
}
