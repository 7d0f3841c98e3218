// SPDX-License-Identifier: GPL-3.0-or-later
// Who may sign in, and as what.
import { useState } from "preact/hooks";
import { call, messageOf } from "../../api/client";
import type { User, UserEdit } from "../../api/schema";
import { Badge, Card, Head } from "../../parts/bits";
import { ask, Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Icon } from "../../parts/icons";
import { List } from "../../parts/list";
import { Menu } from "../../parts/menu";
import { Content } from "../../parts/states";
import type { Column } from "../../parts/table";
import { Ago } from "../../parts/time";
import { tell } from "../../parts/toast";
import { useResource, users } from "../../state/resource";
import { may, type Role, session } from "../../state/session";
import { PASSWORD_MIN_CHARS } from "../account/password";

export const ROLES: { value: Role; label: string }[] = [
	{ value: "auditor", label: "auditor: may look at everything" },
	{ value: "operator", label: "operator: may change the network, too" },
	{ value: "admin", label: "admin: may do everything, also with users" },
];

function edit(u: User, body: UserEdit, done: string): Promise<void> {
	return call("PATCH /api/v1/users/{id}", { id: u.name, body }).then(() => {
		tell(done);
		void users.load();
	});
}

function askEdit(u: User, body: UserEdit, title: string, text: string, done: string, danger = false): void {
	ask({ title, body: <p>{`${text} ${u.name} has to sign in again.`}</p>, action: title, danger, run: () => edit(u, body, done) });
}

function askDelete(u: User): void {
	ask({
		title: `Delete the user ${u.name}`,
		body: <p>{`${u.name} is signed out everywhere and cannot sign in any more. What ${u.name} did stays in the audit log.`}</p>,
		action: `Delete ${u.name}`,
		danger: true,
		async run() {
			await call("DELETE /api/v1/users/{id}", { id: u.name });
			tell(`The user ${u.name} is deleted.`);
		},
	});
}

function Actions({ u, setPassword }: { u: User; setPassword(u: User): void }) {
	const own = session.get()?.user?.id === u.id;
	return (
		<Menu label={`Actions for ${u.name}`} button={<>Actions <span aria-hidden="true">▾</span></>}>
			{(close) => {
				const item = (text: string, run: () => void, danger = false) => (
					<button key={text} type="button" class={danger ? "ghost danger-soft" : "ghost"} onClick={() => (close(), run())}>
						{text}
					</button>
				);
				return (
					<>
						{ROLES.filter((r) => r.value !== u.role && !own).map((r) => item(`Make ${r.value}…`, () => askEdit(u, { role: r.value }, `Make ${u.name} ${r.value}`, `${u.name} is then ${r.label.replace(":", ", who")}.`, `${u.name} is now ${r.value}.`)))}
						{item("New password…", () => setPassword(u))}
						{u.totp && item("Forget second factor…", () => askEdit(u, { forget_totp: true }, "Forget second factor", `Only do this when ${u.name} has lost it, and it is really ${u.name} who asks.`, `${u.name} signs in without a code now.`, true))}
						{!own && item(u.disabled ? "Enable…" : "Disable…", () => askEdit(u, { disabled: !u.disabled }, `${u.disabled ? "Enable" : "Disable"} ${u.name}`, u.disabled ? `${u.name} may sign in again.` : `${u.name} is signed out everywhere and cannot sign in.`, `${u.name} is ${u.disabled ? "enabled" : "disabled"}.`, !u.disabled), !u.disabled)}
						{!own && item("Delete…", () => askDelete(u), true)}
					</>
				);
			}}
		</Menu>
	);
}

/** For a new user, or a new password of one that is there. */
function UserDialog({ user, onClose }: { user: User | null; onClose(): void }) {
	const [name, setName] = useState(user?.name ?? "");
	const [role, setRole] = useState<Role>("operator");
	const [password, setPassword] = useState("");
	const [error, setError] = useState("");
	const submit = (e: Event) => {
		e.preventDefault();
		const change = user ? edit(user, { password }, `${name} has a new password.`) : call("POST /api/v1/users", { body: { name, role, password } }).then(() => tell(`The user ${name} is added.`));
		change.then(onClose, (e: unknown) => setError(messageOf(e)));
	};
	return (
		<Dialog title={user ? `New password for ${name}` : "Add a user"} onClose={onClose}>
			<form onSubmit={submit}>
				<div class="dialog-body">
					{!user && <Field label="Name" value={name} onInput={setName} required autofocus maxLength={63} />}
					{!user && <Field label="Role" value={role} onInput={(r) => setRole(r as Role)} options={ROLES} />}
					<Field label="Password" type="password" value={password} onInput={setPassword} required autofocus={!!user} autocomplete="new-password" hint={`At least ${PASSWORD_MIN_CHARS} characters; ${name || "the user"} can change it at the account menu.`} />
					{error && (
						<p class="error" role="alert">
							{error}
						</p>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" class="primary">
						{user ? "Set password" : "Add user"}
					</button>
				</footer>
			</form>
		</Dialog>
	);
}

export function UsersView() {
	const loaded = useResource(users);
	const [dialog, setDialog] = useState<User | "new" | null>(null);
	const columns: Column<User>[] = [
		{ id: "name", title: "Name", sort: (u) => u.name, cell: (u) => <strong>{u.name}</strong> },
		{ id: "role", title: "Role", sort: (u) => u.role, cell: (u) => u.role },
		{ id: "state", title: "State", sort: (u) => (u.disabled ? 1 : 0), cell: (u) => <Badge tone={u.disabled ? "off" : "good"}>{u.disabled ? "disabled" : "may sign in"}</Badge> },
		{ id: "totp", title: "Second factor", sort: (u) => (u.totp ? 1 : 0), cell: (u) => (u.totp ? "yes" : "no") },
		{ id: "seen", title: "Last signed in", sort: (u) => u.signed_in_at, cell: (u) => <Ago at={u.signed_in_at} /> },
		{ id: "act", title: "", cell: (u) => may("admin") && <Actions u={u} setPassword={setDialog} /> },
	];
	return (
		<>
			<Head title="Users" note="People who sign in to this page.">
				{may("admin") && (
					<button type="button" class="primary" onClick={() => setDialog("new")}>
						<Icon name="plus" /> Add a user
					</button>
				)}
			</Head>
			<Content what="users" loaded={loaded}>
				{(all) => (
					<Card class="roomy">
						<List label="Users" columns={columns} rows={all} keyOf={(u) => u.id} by="name" />
					</Card>
				)}
			</Content>
			{dialog && <UserDialog user={dialog === "new" ? null : dialog} onClose={() => setDialog(null)} />}
		</>
	);
}
