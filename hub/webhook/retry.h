/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * retry: what becomes of a delivery, and of its webhook, after an attempt.
 *
 *	attempt   1     2     3      4      5       6        7       8
 *	failed    +1 s  +5 s  +30 s  +2 min +10 min +1 h     +6 h    given up
 *
 * Any answer 2xx is a success. A receiver that answers 410 Gone, or that has taken nothing for a
 * day and RETRY_DISABLE_FAILURES attempts, is told nothing more. Pure.
 */
#include "hub/store/store.h"

#define RETRY_ATTEMPTS_MAX     8u
#define RETRY_DISABLE_FAILURES 20u
#define RETRY_DISABLE_MS       (24 * 3600 * 1000LL)

/* What came of one attempt. */
struct retry_outcome {
	int64_t at_ms; /* wall time */
	uint16_t http_status;
	uint32_t took_ms;
	const char *error; /* NULL when there was an answer */
};

/* Notes the outcome in both. False: nothing changes for the webhook but its counts; true: it is to
 * be disabled, and w->disabled_why says why. */
bool retry_note(struct store_delivery *d, struct store_webhook *w, const struct retry_outcome *o);
