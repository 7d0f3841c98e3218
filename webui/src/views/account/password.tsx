// SPDX-License-Identifier: GPL-3.0-or-later
import { useState } from "preact/hooks";
import { ApiError, call, messageOf } from "../../api/client";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { tell } from "../../parts/toast";
import { session, sessionOver } from "../../state/session";

export const PASSWORD_MIN_CHARS = 10;

/** The hub ends all sessions of the user with the change. */
export function PasswordDialog({ onClose }: { onClose(): void }) {
	const [old, setOld] = useState("");
	const [first, setFirst] = useState("");
	const [second, setSecond] = useState("");
	const [error, setError] = useState<{ at?: string; text: string } | null>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (first !== second) {
			setError({ at: "second", text: "The two are not the same." });
			return;
		}
		try {
			await call("PATCH /api/v1/session", { body: { old_password: old, password: first } });
			tell("Your password is changed.");
			onClose();
			sessionOver.set(!!session.get());
		} catch (e) {
			setError({ at: e instanceof ApiError && e.pointer === "/password" ? "first" : undefined, text: messageOf(e) });
		}
	};
	return (
		<Dialog title="Change your password" onClose={onClose}>
			<form onSubmit={(e) => void submit(e)}>
				<div class="dialog-body">
					<p>All your sessions end with it, on every device; sign in again with the new one.</p>
					<Field label="Present password" type="password" value={old} onInput={setOld} required autofocus autocomplete="current-password" />
					<Field label="New password" type="password" value={first} onInput={setFirst} required autocomplete="new-password" hint={`At least ${PASSWORD_MIN_CHARS} characters; several words are good.`} error={error?.at === "first" ? error.text : undefined} />
					<Field label="New password once more" type="password" value={second} onInput={setSecond} required autocomplete="new-password" error={error?.at === "second" ? error.text : undefined} />
					{error && !error.at && (
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
						Change password
					</button>
				</footer>
			</form>
		</Dialog>
	);
}
