// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in, with the code of an authenticator for who has one; and again when a session has ended.
import { useRef, useState } from "preact/hooks";
import { ApiError, messageOf } from "../api/client";
import { Dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { startLive } from "../state/live";
import { session, signIn } from "../state/session";

function SignInForm({ user: known, done }: { user?: string; done?: () => void }) {
	const [user, setUser] = useState(known ?? "");
	const [password, setPassword] = useState("");
	const [code, setCode] = useState("");
	const [codeWanted, setCodeWanted] = useState(false);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const form = useRef<HTMLFormElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		setBusy(true);
		setError("");
		try {
			await signIn(user, password, code.replace(/\s/g, "") || undefined);
			done?.();
		} catch (e) {
			const needsCode = e instanceof ApiError && e.code === "code_required";
			setCodeWanted(codeWanted || needsCode);
			setCode("");
			setError(needsCode ? "" : messageOf(e));
			setBusy(false);
			form.current?.querySelector<HTMLInputElement>(needsCode ? "input[inputmode]" : "input[type=password]")?.focus();
		}
	};
	return (
		<form class="form" ref={form} onSubmit={(e) => void submit(e)}>
			<Field label="User" value={user} onInput={setUser} required autofocus={!known} autocomplete="username" disabled={!!known} />
			<Field label="Password" type="password" value={password} onInput={setPassword} required autofocus={!!known} autocomplete="current-password" />
			{codeWanted && (
				<Field label="Code of your authenticator" value={code} onInput={setCode} required autofocus inputMode="numeric" maxLength={8} autocomplete="one-time-code" hint="Six digits; a new one every 30 seconds." />
			)}
			{error && (
				<p class="error" role="alert">
					{error}
				</p>
			)}
			<button type="submit" class="primary" disabled={busy}>
				{busy ? "Signing in…" : "Sign in"}
			</button>
		</form>
	);
}

export function SignInView() {
	return (
		<main class="signin">
			<div class="signin-box">
				<h1 class="brand">
					<img src="ui/icon.svg" alt="" />
					Branchline
				</h1>
				<SignInForm />
				<p class="muted small">
					The first user is “admin”; the hub printed its password when the network was made. Lost it? On the hub's server:{" "}
					<code>branchline-hub -n NETWORK user passwd admin</code>
				</p>
			</div>
		</main>
	);
}

export function SignedOutDialog() {
	const user = session.get()?.user?.name;
	return (
		<Dialog title="Your session has ended" onClose={() => undefined} modalOnly>
			<div class="dialog-body">
				<p>Sign in again to go on where you were; nothing on this page is lost.</p>
				<SignInForm user={user} done={startLive} />
			</div>
		</Dialog>
	);
}
