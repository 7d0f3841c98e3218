/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* totals: what the hub's engine and the link have counted, as control wrote it last
 * (hub/control/totals.h has the names), as the API shows it. */
#include <jansson.h>

#include "hub/store/store.h"

struct totals {
	json_t *engine; /* null while there is no engine, or it has not told anything yet */
	json_t *link;   /* counter -> number */
	json_t *fanout; /* le_MS, longer and sum_ms -> number; in the order of the buckets */
	json_t *queue;  /* name -> bytes */
};

/* Caller frees with totals_fini(), also after an error. Nothing in it needs to be escaped. */
enum err totals_load(struct store *s, struct totals *out) must_check;
void totals_fini(struct totals *t);
