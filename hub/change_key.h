/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change_key: keys that are replaced by their own node (struct change as in change.h).
 *
 *     change_rotation_request()    an admin, or the age of the keys, asks
 *              |                     control asks the spoke, which makes the keys
 *     change_rotation_take()       the spoke has made them: they are the current ones, or
 *              |                     wait for an admin when the spoke was not asked
 *     change_rotation_approve(), change_rotation_refuse()
 */
#include "hub/change.h"
#include "hub/key_settings.h"
#include "shared/wire/control.h"

/*
 * `keys`: ROTATION_* bits. Asked for again: both together. Codes: not_found, node_not_spoke,
 * node_not_active, rotation_proposed (there are new keys to be approved or refused).
 */
enum err change_rotation_request(struct change *c, uint32_t node_id, unsigned keys,
				 struct store_rotation *out) must_check;
/*
 * What the node has made. The same again: nothing happens. *waits: for an admin. Keys that are
 * replaced are taken until the overlap ends. Codes: not_found, node_revoked, node_not_active,
 * key_invalid, key_exists, key_refused (an admin has; said once).
 */
enum err change_rotation_take(struct change *c, uint32_t node_id,
			      const struct control_rotate_key *in, bool *waits) must_check;
/* Codes: not_found, rotation_not_proposed, and those of change_rotation_take(). */
enum err change_rotation_approve(struct change *c, uint32_t node_id) must_check;
/* Takes a request back, or refuses what was proposed. `out`: what it was. Codes: not_found. */
enum err change_rotation_refuse(struct change *c, uint32_t node_id,
				struct store_rotation *out) must_check;
/* Codes: overlap_invalid, warn_invalid. */
enum err change_key_settings(struct change *c, const struct key_settings *k) must_check;

/* What one look at the age of keys may do; there is more when it did all of that. */
#define KEY_AGE_NOTICES_MAX  64u /* keys that have become old */
#define KEY_AGE_REQUESTS_MAX 20u /* spokes: each new key is a revision that all others hear of */
struct change_key_ages {
	unsigned noticed;   /* keys with an entry key.old */
	unsigned requested; /* spokes that are asked for new keys */
};
/*
 * At `now_ms` (wall): each key that has become old (the time of the warning before its maximum age
 * has come) gets one entry key.old in the audit log, and with rotate_at_max_age and `may_ask`
 * spokes with overdue keys are asked for new ones. Costs a look into an index when there is nothing
 * to do.
 */
enum err change_key_ages(struct change *c, int64_t now_ms, bool may_ask,
			 struct change_key_ages *out) must_check;
