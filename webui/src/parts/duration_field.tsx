// SPDX-License-Identifier: GPL-3.0-or-later
// A length of time as a number and its unit; seconds outside.
import { useId, useState } from "preact/hooks";
import { duration } from "./format";

const UNITS: [seconds: number, name: string][] = [
	[86_400, "days"],
	[3600, "hours"],
	[60, "minutes"],
	[1, "seconds"],
];

/** The largest unit in which it is a whole number. */
function unitOf(seconds: number): number {
	return seconds ? (UNITS.find(([size]) => seconds % size === 0)?.[0] ?? 1) : 86_400;
}

export interface DurationProps {
	label: string;
	/** null: what is typed is no number. */
	value: number | null;
	onInput(seconds: number | null): void;
	min: number;
	max: number;
	hint: string;
	error?: string;
}

export function DurationField(p: DurationProps) {
	const id = useId();
	const [unit, setUnit] = useState(() => unitOf(p.value ?? 0));
	const [text, setText] = useState(() => String((p.value ?? 0) / unit));
	const change = (typed: string, size: number) => {
		setText(typed);
		setUnit(size);
		p.onInput(/^\d{1,9}$/.test(typed.trim()) ? Number(typed) * size : null);
	};
	const wrong = p.value === null || p.value < p.min || p.value > p.max;
	const error = p.error ?? (wrong ? `A whole number; ${p.min ? `at least ${duration(p.min)}, ` : ""}at most ${duration(p.max)}.` : undefined);
	return (
		<div class="field">
			<label for={id}>{p.label}</label>
			<span class="joined">
				<input id={id} value={text} inputMode="numeric" autoComplete="off" aria-describedby={`${id}-note`} aria-invalid={error ? true : undefined} onInput={(e) => change(e.currentTarget.value, unit)} />
				<select aria-label={`Unit of: ${p.label}`} value={unit} onChange={(e) => change(text, Number(e.currentTarget.value))}>
					{UNITS.map(([size, name]) => (
						<option key={size} value={size}>
							{name}
						</option>
					))}
				</select>
			</span>
			<p id={`${id}-note`} class={error ? "error" : "hint"} role={error ? "alert" : undefined}>
				{error ?? p.hint}
			</p>
		</div>
	);
}
