/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * attention: what an admin should look at, as a list for GET /status: {code, node, text, since}.
 * The text says what is the matter and what to do.
 */
#include "hub/api/context.h"
#include "hub/api/totals.h"

#define ATTENTION_ROWS_MAX        100u /* that wait for an admin */
#define ATTENTION_KEYS_MAX        10u /* named of each due; the others are counted in one more item */
#define ATTENTION_REVOCATIONS_MAX 8u /* the newest of them are looked at */
/* So long a restored backup and a changed key are told of. */
#define ATTENTION_RECENT_MS (7 * 86400 * INT64_C(1000))

/* Appends to `list`. `now_ms` is wall time. */
enum err attention_collect(struct api *a, const struct totals *totals, int64_t now_ms,
			   uint32_t hub_id, json_t *list) must_check;
