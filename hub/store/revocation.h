/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* revocation: which nodes were revoked, and what came of it, a row each, for ever; and who has
 * applied a revision. A part of store.h, which includes it. */
#include "hub/store/store.h"

enum revocation_state {
	REVOCATION_PENDING = 1, /* not all have applied it yet */
	REVOCATION_APPLIED = 2, /* all that had to have */
	REVOCATION_EXPIRED = 3, /* some had not within the time limit */
};
struct store_revocation {
	uint64_t revision; /* that took the node out of the directory */
	uint32_t node_id;
	char node_name[NAME_SIZE]; /* as it was called then */
	char actor[64];
	char reason[STORE_TEXT_SIZE];
	int64_t at_ms;
	enum revocation_state state;
	uint32_t expected, applied; /* spokes; 0 while it is pending */
	int64_t settled_ms;         /* 0: pending */
};
/* A new one, in state REVOCATION_PENDING and from now. Inside a transaction. */
enum err store_revocation_add(struct store *s, const struct store_revocation *r) must_check;
/* Writes state, expected and applied; it was pending. ERR_NOTFOUND. */
enum err store_revocation_settle(struct store *s, uint64_t revision, enum revocation_state state,
				 uint32_t expected, uint32_t applied) must_check;
enum err store_revocation_get(struct store *s, uint64_t revision,
			      struct store_revocation *out) must_check; /* ERR_NOTFOUND */
typedef enum err (*store_revocation_cb)(void *arg, const struct store_revocation *r);
/* The newest first: those below `before` (0: from the newest). */
enum err store_revocations_list(struct store *s, uint64_t before, uint32_t limit,
				store_revocation_cb cb, void *arg) must_check;
/* Those that are pending, the oldest first. */
enum err store_revocations_pending(struct store *s, uint32_t limit, store_revocation_cb cb,
				   void *arg) must_check;

/*
 * Who has applied `revision`: active spokes that are online or were when it was made (their link
 * may be coming back just now, after control was started again: they are not to be taken for
 * absent), those of them that acked it, and the last ack's wall time.
 */
struct store_applied {
	uint32_t online, applied;
	int64_t last_ms;
};
enum err store_applied(struct store *s, uint64_t revision, uint32_t except_node,
		       struct store_applied *out) must_check;
