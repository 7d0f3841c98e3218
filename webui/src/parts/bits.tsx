// SPDX-License-Identifier: GPL-3.0-or-later
// Small things that stand in many places.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons";
import { tell } from "./toast";

export type Tone = "good" | "warn" | "bad" | "off" | "info";

export function Badge({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }) {
	return (
		<span class={`badge ${tone}`} title={title}>
			<span class="dot" aria-hidden="true" />
			{children}
		</span>
	);
}

export function Chip({ children, title }: { children: ComponentChildren; title?: string }) {
	return (
		<span class="chip" title={title}>
			{children}
		</span>
	);
}

export function CopyButton({ text, what }: { text: string; what: string }) {
	const [done, setDone] = useState(false);
	const copy = () => {
		navigator.clipboard.writeText(text).then(
			() => {
				setDone(true);
				setTimeout(() => setDone(false), 2000);
			},
			() => tell("The browser does not let this page copy; select the text and copy it yourself.", true),
		);
	};
	return (
		<button type="button" class="ghost square" aria-label={done ? `Copied ${what}` : `Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
			<Icon name={done ? "check" : "copy"} size={16} />
		</button>
	);
}

/** A text to copy: keys, addresses, commands. */
export function Mono({ text, shown, what }: { text: string; shown?: string; what: string }) {
	return (
		<span class="mono-copy">
			<code title={text}>{shown ?? text}</code>
			<CopyButton text={text} what={what} />
		</span>
	);
}

export function Head({ title, children, note }: { title: string; children?: ComponentChildren; note?: ComponentChildren }) {
	return (
		<div class="page-head">
			<div>
				<h1 tabIndex={-1}>{title}</h1>
				{note && <p class="muted">{note}</p>}
			</div>
			<div class="actions">{children}</div>
		</div>
	);
}

export function Card({ title, children, actions, class: name }: { title?: string; children: ComponentChildren; actions?: ComponentChildren; class?: string }) {
	return (
		<section class={`card ${name ?? ""}`}>
			{title && (
				<header class="card-head">
					<h2>{title}</h2>
					<div class="actions">{actions}</div>
				</header>
			)}
			{children}
		</section>
	);
}

/** Samples as a line; what it says stands beside it as a number. */
export function Spark({ values }: { values: number[] }) {
	if (values.length < 2) {
		return <svg class="spark" viewBox="0 0 60 18" aria-hidden="true" />;
	}
	const top = Math.max(...values, 1);
	const step = 60 / (values.length - 1);
	const points = values.map((v, i) => `${(i * step).toFixed(1)},${(17 - (v / top) * 16).toFixed(1)}`).join(" ");
	return (
		<svg class="spark" viewBox="0 0 60 18" preserveAspectRatio="none" aria-hidden="true">
			<polyline points={points} fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" />
		</svg>
	);
}

/** A button that does something at the hub. `why` says what is missing when it cannot be pressed. */
export function Act(props: { onClick(): void; disabled?: boolean; why?: string; class?: string; children: ComponentChildren }) {
	return (
		<button type="button" class={props.class} disabled={props.disabled} title={props.disabled ? props.why : undefined} onClick={props.onClick}>
			{props.children}
		</button>
	);
}
