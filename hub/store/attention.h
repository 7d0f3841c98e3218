/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* attention: rows of several tables that wait for an admin, or that an admin should know of. A part
 * of store.h, which includes it. */
#include "hub/store/store.h"

/* The reason of a node that is disabled because a restored backup had brought it back. */
#define STORE_QUARANTINED_WHY "a spoke remembers its revocation; a backup had brought it back"

enum attention_kind {
	ATTENTION_QUARANTINED = 1,   /* a restored backup had brought the node back */
	ATTENTION_KEY_PROPOSED,      /* the node's new keys wait for approval */
	ATTENTION_SUBNET_PROPOSED,   /* so do `n` subnets of it */
	ATTENTION_SETTINGS_REVERTED, /* it has taken back what the hub had set; `why` */
	ATTENTION_KEY_CHANGED,      /* it has joined anew: nobody but the hub vouches for its key */
	ATTENTION_WEBHOOK_DISABLED, /* the hub has given up on the webhook `name`; `why` */
};
struct store_attention {
	enum attention_kind kind;
	char name[NAME_SIZE]; /* of the node, unless its kind says otherwise */
	int64_t at_ms;
	uint32_t n;
	char why[STORE_TEXT_SIZE];
};
typedef enum err (*store_attention_cb)(void *arg, const struct store_attention *a);
/* By kind, then by time; at most `limit`. A changed key counts if it was changed after `since_ms`.
 */
enum err store_attention_list(struct store *s, int64_t since_ms, uint32_t limit,
			      store_attention_cb cb, void *arg) must_check;
