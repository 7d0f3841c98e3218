/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* hub_identity: where the replacement of the hub's own identity key stands, and who knows the key
 * that counts, as the store has it. */
#include "hub/store/hub_identity.h"

/* How long the next key is announced before it is in force. */
#define HUB_IDENTITY_OVERLAP_DEFAULT_S 604800u   /* a week: branches that are off over a holiday */
#define HUB_IDENTITY_OVERLAP_MAX_S     31536000u /* a year */

struct hub_identity {
	struct store_key current;
	bool has_next; /* `next` is a row of the store */
	struct store_hub_identity next;
	/* Spokes are asked whether they know this one: the next key while it is announced, else the
	 * present one. */
	struct public_key key;
	int64_t since_ms; /* as in store_hub_identity_sum() */
	struct store_hub_identity_sum sum;
};

/* Can nobody who has joined miss it: is it the first one that the hub has, and not being replaced?
 * Costs the same for any number of nodes. ERR_NOTFOUND: the hub has no identity key. */
enum err hub_identity_known_by_all(struct store *s, uint32_t hub_id, bool *known) must_check;
/* ERR_NOTFOUND: the hub has no identity key. */
enum err hub_identity_read(struct store *s, uint32_t hub_id, struct hub_identity *out) must_check;
