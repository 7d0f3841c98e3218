// SPDX-License-Identifier: GPL-3.0-or-later
// Who is signed in: appearance, password, second factor, signing out.
import { useState } from "preact/hooks";
import { Icon } from "../../parts/icons";
import { Menu } from "../../parts/menu";
import { useCell } from "../../state/cell";
import { setTheme, theme, type Theme } from "../../state/prefs";
import { session, signOut } from "../../state/session";
import { PasswordDialog } from "./password";
import { SecondFactorDialog } from "./second_factor";

const THEMES: [Theme, string][] = [
	["auto", "As the system"],
	["light", "Light"],
	["dark", "Dark"],
];

function ThemeChoice() {
	const chosen = useCell(theme);
	return (
		<fieldset class="choices">
			<legend class="note">Appearance</legend>
			{THEMES.map(([value, label]) => (
				<label key={value} class="check">
					<input type="radio" name="theme" checked={chosen === value} onChange={() => setTheme(value)} />
					{label}
				</label>
			))}
		</fieldset>
	);
}

export function AccountMenu() {
	const who = useCell(session);
	const [dialog, setDialog] = useState<"password" | "totp" | null>(null);
	if (!who) {
		return null;
	}
	const name = who.user?.name ?? who.actor;
	return (
		<>
			<Menu
				label={`Account of ${name}`}
				class="ghost"
				button={
					<>
						<Icon name="person" />
						<span class="only-wide">{name}</span>
					</>
				}
			>
				{(close) => (
					<>
						<p class="note">
							{name}, {who.role}
						</p>
						<ThemeChoice />
						<button type="button" class="ghost" onClick={() => (close(), setDialog("password"))}>
							Change password…
						</button>
						<button type="button" class="ghost" onClick={() => (close(), setDialog("totp"))}>
							{who.user?.totp ? "Turn the second factor off…" : "Set up a second factor…"}
						</button>
						<button type="button" class="ghost" onClick={() => void signOut()}>
							Sign out
						</button>
					</>
				)}
			</Menu>
			{dialog === "password" && <PasswordDialog onClose={() => setDialog(null)} />}
			{dialog === "totp" && <SecondFactorDialog onClose={() => setDialog(null)} />}
		</>
	);
}
