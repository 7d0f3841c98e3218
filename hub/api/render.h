/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * render: rows of the store as JSON of the API (schemas in schema/openapi.yaml). All functions give
 * a new reference, or NULL when memory is out. Times are RFC 3339 UTC; what is unset is null.
 */
#include <jansson.h>

#include "hub/key_settings.h"
#include "hub/store/store.h"

/* "2026-11-22T14:40:01.123Z", or null for 0. */
json_t *render_time(int64_t wall_ms);
/* "203.0.113.7:6655", or null. */
json_t *render_endpoint(const struct endpoint *e);
/* The names of all groups; "" for a bit without one. */
struct render_groups {
	char names[GROUPS_MAX][NAME_SIZE];
};
enum err render_groups_load(struct store *s, struct render_groups *out) must_check;
json_t *render_node(const struct node *n, const struct store_node_meta *meta,
		    const struct render_groups *groups);
json_t *render_group(const struct store_group *g);
/* In the API groups and policies have ids from 1 on. */
static inline uint32_t render_group_id(const struct store_group *g) { return g->bit + 1u; }
static inline uint32_t render_policy_id(const struct store_policy *p)
{
	return p->from_bit * GROUPS_MAX + p->to_bit + 1u;
}
json_t *render_policy(const struct store_policy *p);
/* Whether it is old: by the settings, at `now_ms` (wall). */
json_t *render_key(const struct store_key *k, const struct key_settings *settings, int64_t now_ms);
json_t *render_rotation(const struct store_rotation *r);
json_t *render_revocation(const struct store_revocation *r);
/* `node`: who holds it back; `peer`: whose key it is. */
json_t *render_held(const struct store_held *h, const char *node, const struct node *peer);
json_t *render_key_settings(const struct key_settings *k);
json_t *render_subnet(const struct store_subnet *s);
/* `now_ms` (wall) decides between "open" and "expired". */
json_t *render_join_token(const struct store_token *t, int64_t now_ms);
/* Never its hash. `now_ms` as above. */
json_t *render_api_token(const struct store_api_token *t, int64_t now_ms);
json_t *render_user(const struct store_user *u);
/* A detail that is no JSON any more is given as a string. */
json_t *render_audit(const struct store_audit_entry *a);
/* One node of GET /status. `p` may be NULL: nothing was ever heard of it. */
json_t *render_presence(const struct node *n, const struct store_presence *p);
/* How `node` reaches `peer`, as it tells; the names stand for the ids of `p`. */
json_t *render_pair(const struct store_pair *p, const char *node, const char *peer);
/* The node's own addresses in the network. */
json_t *render_addresses(const struct node *n);
/* SHA-256 of a public key, as lower-case hex. */
json_t *render_fingerprint(const struct public_key *key);
/* In base64. */
json_t *render_public_key(const struct public_key *key);
