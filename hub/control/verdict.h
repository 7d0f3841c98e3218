/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* verdict: may the holder of this identity key have a link, and if not, what is it told? */
#include "shared/wire/control.h"

struct control;

#define VERDICT_BUSY_MS 5000u /* retry when the store cannot be asked now */

/*
 * Looks in memory first, so that spokes are let in whatever the store's state. A key that is not
 * found there, or whose node is not active, is looked up in the store, which may be ahead of us.
 * True: `*id` is the node's. False: `*why` is what to say; counted.
 */
bool verdict_of_key(struct control *c, const struct public_key *key, uint32_t *id,
		    struct control_bye *why);
/*
 * The same for a link that exists, from memory: is it still that of an active node with that key?
 * Only a link that was opened with another key costs a look into the store.
 */
bool verdict_of_link(struct control *c, uint32_t id, const struct public_key *key,
		     struct control_bye *why);
