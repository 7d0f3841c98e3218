// SPDX-License-Identifier: GPL-3.0-or-later
// Who is signed in, and what they may do.
import { ApiError, call, watchCalls } from "../api/client";
import type { Session } from "../api/schema";
import { Cell } from "./cell";

export type Role = Session["role"];

/** undefined: not asked yet; null: nobody. */
export const session = new Cell<Session | null | undefined>(undefined);
/** It ended while somebody was working: the page stays, and a dialog asks to sign in again. */
export const sessionOver = new Cell(false);
/** The hub does not answer at all. */
export const hubAway = new Cell(false);

const RANK: Record<Role, number> = { auditor: 1, operator: 2, admin: 3 };

export function may(role: Role): boolean {
	const who = session.get();
	return !!who && RANK[who.role] >= RANK[role];
}

watchCalls((error) => {
	hubAway.set(error?.status === 0);
	if (error?.status === 401 && error.code !== "code_required" && error.code !== "sign_in_failed" && session.get()) {
		sessionOver.set(true);
	}
});

export async function loadSession(): Promise<void> {
	try {
		session.set((await call("GET /api/v1/session")).data);
	} catch (e) {
		if (e instanceof ApiError && e.status === 401) {
			session.set(null);
		} else {
			throw e;
		}
	}
}

export async function signIn(user: string, password: string, code?: string): Promise<void> {
	const body = code ? { user, password, code } : { user, password };
	const opened = (await call("POST /api/v1/session", { body })).data;
	sessionOver.set(false);
	session.set(opened);
}

export async function signOut(): Promise<void> {
	try {
		await call("DELETE /api/v1/session");
	} finally {
		// Everything that was loaded goes with the page.
		location.reload();
	}
}
