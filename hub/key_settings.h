/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* key_settings: what holds for the age and the replacement of all nodes' keys; kept as settings of
 * the store, of which absent ones have their defaults. */
#include "hub/store/store.h"

#define KEY_MAX_AGE_MAX_S  315360000u /* 10 years */
#define KEY_WARN_DEFAULT_S 1209600u   /* two weeks before the maximum age */

struct key_settings {
	bool approve;           /* keys that a spoke replaces unasked wait for an admin */
	uint32_t overlap_s;     /* a key that was replaced is still taken for so long; 1 to
				   KEY_OVERLAP_MAX_S */
	uint32_t max_age_s;     /* 0: keys may have any age */
	uint32_t warn_s;        /* before the maximum age is reached */
	bool rotate_at_max_age; /* spokes are asked for new keys then */
};

/* ERR_CORRUPT: a value that does not parse; and the store's. */
enum err key_settings_read(struct store *s, struct key_settings *out) must_check;
enum err key_settings_write(struct store *s, const struct key_settings *k) must_check;

/*
 * Current keys made until `*soon_ms` are old, those made until `*over_ms` overdue. False: keys may
 * have any age, and both are 0, before all keys.
 */
bool key_settings_limits(const struct key_settings *s, int64_t now_ms, int64_t *soon_ms,
			 int64_t *over_ms);

/* Up to which key the ones that have become old were told of; that is kept as a setting, too. */
enum err key_settings_mark_read(struct store *s, struct store_key_mark *out) must_check;
enum err key_settings_mark_write(struct store *s, const struct store_key_mark *m) must_check;

/* How old may a key become? Keys that are not current have no age to speak of: KEY_DUE_NO. */
enum key_due { KEY_DUE_NO, KEY_DUE_SOON, KEY_DUE_OVER };
const char *key_due_str(enum key_due d); /* "no", "soon", "overdue" */
/* `*due_ms` (wall) is when the maximum age is reached, 0 never. Keys of WireGuard nodes have no
 * agent that could replace them, but they age like all others. */
enum key_due key_settings_due(const struct key_settings *s, const struct store_key *k,
			      int64_t now_ms, int64_t *due_ms);
