/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * identities: whose identity key is it? An index over the current keys of the directory in memory,
 * so that a reconnect needs no database, and none that is locked or full keeps spokes out.
 */
#include "shared/base/table.h"
#include "shared/wire/node.h"

struct identities {
	struct table by_key;
};

enum err identities_init(struct identities *x) must_check;
void identities_fini(struct identities *x);
/* Follows one change of the directory; `old` may be NULL. ERR_NOMEM. */
enum err identities_change(struct identities *x, const struct node *old,
			   const struct node *now) must_check;
/*
 * The node whose current identity key this is, 0 when there is none. The caller looks at the node's
 * status.
 */
uint32_t identities_find(const struct identities *x, const struct public_key *key);
