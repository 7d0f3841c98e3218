/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* token: join tokens, of a node or of a group; a part of the store's interface, see store.h, which
 * includes it. */
#include "hub/store/store.h"

struct store_token {
	uint32_t id;
	uint32_t node_id;         /* the node that it lets in; 0: it is a group's */
	char for_name[NAME_SIZE]; /* of that node, or of that group */
	uint8_t group_bit;        /* when it is a group's: of the nodes that it makes */
	uint8_t hash[32];
	int64_t created_ms, expires_ms, revoked_ms, used_ms; /* 0: none; used_ms: the last use */
	uint32_t uses, uses_max;
	char created_by[64];
	uint32_t replaces_key; /* id of the node's current identity key when the token was made, 0
				  none: a join may replace that one only */
};
/* May it still be used? */
static inline bool store_token_is_open(const struct store_token *t, int64_t now_ms)
{
	return !t->revoked_ms && t->uses < t->uses_max &&
	       (!t->expires_ms || now_ms < t->expires_ms);
}
enum err store_token_put(struct store *s, struct store_token *t) must_check;
enum err store_token_get(struct store *s, uint32_t id, struct store_token *out) must_check;
enum err store_token_find(struct store *s, const uint8_t hash[32],
			  struct store_token *out) must_check;
enum err store_token_use(struct store *s,
			 uint32_t id) must_check; /* counts a use; ERR_USED when none is left */
enum err store_token_revoke(struct store *s, uint32_t id) must_check;
/* All tokens of a node that are not revoked yet. */
enum err store_tokens_revoke_node(struct store *s, uint32_t node_id) must_check;
typedef enum err (*store_token_cb)(void *arg, const struct store_token *t);
enum err store_tokens_list(struct store *s, uint32_t after_id, uint32_t limit, store_token_cb cb,
			   void *arg) must_check;
