// SPDX-License-Identifier: GPL-3.0-or-later
// One labelled input of a form, with its hint and its error.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface FieldProps {
	label: string;
	value: string;
	onInput(value: string): void;
	hint?: ComponentChildren;
	error?: string;
	warning?: ComponentChildren;
	type?: "text" | "password" | "number" | "search" | "date" | "url";
	placeholder?: string;
	required?: boolean;
	disabled?: boolean;
	autofocus?: boolean;
	autocomplete?: string;
	maxLength?: number;
	inputMode?: "numeric";
	options?: { value: string; label: string }[];
	lines?: number;
}

export function Field(p: FieldProps) {
	const id = useId();
	const note = p.error ?? p.warning ?? p.hint;
	const common = {
		id,
		value: p.value,
		required: p.required,
		disabled: p.disabled,
		autofocus: p.autofocus,
		"aria-describedby": note ? `${id}-note` : undefined,
		"aria-invalid": p.error ? true : undefined,
		onInput: (e: { currentTarget: { value: string } }) => p.onInput(e.currentTarget.value),
	};
	return (
		<div class="field">
			<label for={id}>{p.label}</label>
			{p.options ? (
				<select {...common}>
					{p.options.map((o) => (
						<option key={o.value} value={o.value}>
							{o.label}
						</option>
					))}
				</select>
			) : p.lines ? (
				<textarea {...common} rows={p.lines} maxLength={p.maxLength} placeholder={p.placeholder} spellcheck={false} />
			) : (
				<input
					{...common}
					type={(p.type ?? "text") as "text"}
					placeholder={p.placeholder}
					autoComplete={p.autocomplete ?? "off"}
					maxLength={p.maxLength}
					inputMode={p.inputMode}
					spellcheck={false}
				/>
			)}
			{note && (
				<p id={`${id}-note`} class={p.error ? "error" : p.warning ? "warning" : "hint"} role={p.error ? "alert" : undefined}>
					{note}
				</p>
			)}
		</div>
	);
}
