// SPDX-License-Identifier: GPL-3.0-or-later
// The second factor: password, then the secret as a QR code, then a code of it.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { TotpSecret } from "../../api/schema";
import { Mono } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Qr } from "../../parts/qr";
import { tell } from "../../parts/toast";
import { useCell } from "../../state/cell";
import { loadSession, session } from "../../state/session";

export function SecondFactorDialog({ onClose }: { onClose(): void }) {
	const on = useCell(session)?.user?.totp ?? false;
	const [turningOff] = useState(on);
	const [secret, setSecret] = useState<TotpSecret | null>(null);
	const [password, setPassword] = useState("");
	const [code, setCode] = useState("");
	const [error, setError] = useState("");
	const step = async () => {
		if (turningOff) {
			await call("POST /api/v1/session/totp/disable", { body: { code } });
		} else if (!secret) {
			setSecret((await call("POST /api/v1/session/totp", { body: { password } })).data);
			return;
		} else {
			await call("PATCH /api/v1/session/totp", { body: { code } });
		}
		await loadSession();
		tell(turningOff ? "Your second factor is off." : "Your second factor is on: from now on you sign in with a code, too.");
		onClose();
	};
	const submit = (e: Event) => {
		e.preventDefault();
		setError("");
		step().catch((e: unknown) => setError(messageOf(e)));
	};
	const codeField = <Field label="Code of your authenticator" value={code} onInput={setCode} required autofocus inputMode="numeric" maxLength={8} autocomplete="one-time-code" error={error} />;
	return (
		<Dialog title={turningOff ? "Turn your second factor off" : "Set up a second factor"} onClose={onClose}>
			<form onSubmit={submit}>
				<div class="dialog-body">
					{turningOff ? (
						<>
							<p>Afterwards your password alone is enough to sign in.</p>
							{codeField}
						</>
					) : secret ? (
						<>
							<p>Scan this with your authenticator, or type the secret; then enter the code that it shows.</p>
							<Qr text={secret.uri} label="Secret for your authenticator" />
							<Mono text={secret.secret} what="the secret" />
							{codeField}
						</>
					) : (
						<>
							<p>An authenticator on your phone then gives a code for each sign-in, so that your password alone is worth nothing.</p>
							<Field label="Your password" type="password" value={password} onInput={setPassword} required autofocus autocomplete="current-password" error={error} />
						</>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class={turningOff ? "danger" : "primary"}>
						{turningOff ? "Turn it off" : secret ? "Turn it on" : "Go on"}
					</button>
				</footer>
			</form>
		</Dialog>
	);
}
