// SPDX-License-Identifier: GPL-3.0-or-later
// Dialogs: the browser's own, so that focus stays inside and Escape closes. One question at a time can be asked from
// anywhere with ask().
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client";
import { Cell, useCell } from "../state/cell";
import { Icon } from "./icons";

export interface DialogProps {
	title: string;
	onClose(): void;
	children: ComponentChildren;
	/** Cannot be left without an answer. */
	modalOnly?: boolean;
	wide?: boolean;
}

export function Dialog({ title, onClose, children, modalOnly, wide }: DialogProps) {
	const box = useRef<HTMLDialogElement>(null);
	const heading = useId();
	useEffect(() => {
		const before = document.activeElement;
		box.current?.showModal();
		return () => {
			if (before instanceof HTMLElement && before.isConnected) {
				before.focus();
			}
		};
	}, []);
	return (
		<dialog
			ref={box}
			class={wide ? "dialog wide" : "dialog"}
			aria-labelledby={heading}
			onCancel={(e) => {
				e.preventDefault();
				if (!modalOnly) {
					onClose();
				}
			}}
		>
			<header class="dialog-head">
				<h2 id={heading}>{title}</h2>
				{!modalOnly && (
					<button type="button" class="ghost square" aria-label="Close" onClick={onClose}>
						<Icon name="close" />
					</button>
				)}
			</header>
			{children}
		</dialog>
	);
}

export interface Question {
	title: string;
	/** What will happen, to whom. */
	body: ComponentChildren;
	/** The button: a verb and its object. */
	action: string;
	danger?: boolean;
	/** Asks for a line of text, too. */
	input?: { label: string; placeholder?: string; value?: string };
	/** Done while the dialog is open; an error is shown there. */
	run(input: string): Promise<void>;
}

const question = new Cell<Question | null>(null);

export function ask(q: Question): void {
	question.set(q);
}

/** Stands once in the page. */
export function QuestionDialog() {
	const q = useCell(question);
	return q ? <Asked key={q.title} q={q} /> : null;
}

function Asked({ q }: { q: Question }) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState("");
	const [input, setInput] = useState(q.input?.value ?? "");
	const close = () => question.set(null);
	const run = async (e: Event) => {
		e.preventDefault();
		setBusy(true);
		try {
			await q.run(input);
			if (question.get() === q) {
				close();
			}
		} catch (e) {
			setError(messageOf(e));
			setBusy(false);
		}
	};
	return (
		<Dialog title={q.title} onClose={close}>
			<form onSubmit={(e) => void run(e)}>
				<div class="dialog-body">
					{q.body}
					{q.input && (
						<label class="field">
							<span>{q.input.label}</span>
							<input value={input} placeholder={q.input.placeholder} maxLength={255} onInput={(e) => setInput(e.currentTarget.value)} />
						</label>
					)}
					{error && (
						<p class="error" role="alert">
							{error}
						</p>
					)}
				</div>
				<footer class="dialog-foot">
					<button type="button" onClick={close} disabled={busy} autofocus={!!q.danger && !q.input}>
						Cancel
					</button>
					<button type="submit" class={q.danger ? "danger" : "primary"} disabled={busy}>
						{busy ? "Working…" : q.action}
					</button>
				</footer>
			</form>
		</Dialog>
	);
}
