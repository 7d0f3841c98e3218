/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* applied: who has applied a revision of the directory. Pure. */
#include <jansson.h>

#include "hub/store/store.h"

/* Who has applied a revision. Counts active spokes only: the others have nothing to apply. */
struct applied {
	uint64_t revision;
	int64_t at_ms;   /* wall time of the revision */
	uint32_t except; /* node id left out of the count, 0 none */
	uint32_t online,
		applied;  /* online: now, or when the revision was made; applied: of those */
	int64_t last_ms;  /* wall time of the last ack, 0 none */
	json_t *missing;  /* names: counted as online, not applied yet */
	json_t *offline;  /* names: were away already, will learn it when they connect */
	json_t *receipts; /* NULL, or one {node, state, at, exact, elapsed_ms} for each of all
			     these */
};
enum err applied_init(struct applied *a, uint64_t revision, int64_t at_ms,
		      uint32_t except) must_check;
/* Before the first applied_add(): receipts are wanted, too. */
enum err applied_want_receipts(struct applied *a) must_check;
void applied_fini(struct applied *a);
/* Counts one node; `p` may be NULL. */
void applied_add(struct applied *a, const struct node *n, const struct store_presence *p);
/*
 * How long it took from `at_ms` (the revision's wall time) until the last ack, or how long it has
 * taken so far when some are missing. Never negative, whatever the wall clock did.
 */
int64_t applied_elapsed_ms(const struct applied *a, int64_t at_ms, int64_t now_ms);
