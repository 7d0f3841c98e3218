/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* node: one entry of the directory, as the store holds it, the link carries it and the spoke caches
 * it. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/addr.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"
#include "shared/base/secret.h"
#include "shared/wire/limits.h"
#include "shared/wire/path_policy.h"

enum node_kind { NODE_HUB = 1, NODE_SPOKE = 2, NODE_WIREGUARD = 3 };
/* invited: made by the admin, no keys yet. active. disabled: keeps its keys, may not connect.
 * revoked: its keys are worthless for ever. deleted: gone (a tombstone in deltas). */
enum node_status {
	NODE_INVITED = 1,
	NODE_ACTIVE = 2,
	NODE_DISABLED = 3,
	NODE_REVOKED = 4,
	NODE_DELETED = 5
};

const char *node_kind_str(enum node_kind k); /* "hub", "spoke", "wireguard" */
enum err node_kind_parse(const char *s, enum node_kind *out) must_check;
const char *node_status_str(enum node_status s); /* "invited", ... */
enum err node_status_parse(const char *s, enum node_status *out) must_check;

struct node_subnet {
	struct prefix prefix;
	uint32_t weight; /* 0..SUBNET_WEIGHT_MAX, lower wins */
};

/* An identity key that a node had before, and its signature over the one that came after it. */
struct node_link {
	struct public_key key;
	uint8_t sig[64];
};

struct node {
	uint32_t id; /* > 0, never used again for another node */
	char name[NAME_SIZE];
	enum node_kind kind;
	enum node_status status;
	uint64_t revision; /* of the directory, when this node changed last */
	bool has_identity;
	struct public_key identity_key; /* Ed25519; not for WireGuard nodes */
	bool has_tunnel;
	struct public_key tunnel_key; /* X25519 */
	uint8_t tunnel_sig[64];       /* identity key's signature over the tunnel key, see
					 node_tunnel_sign_input(); zeros without one */
	bool key_unbroken; /* this identity key was vouched for by the one before, or is the first
			    */
	uint8_t n_chain;   /* at most NODE_CHAIN_MAX */
	struct node_link *chain; /* owned; [0].key has signed identity_key, [1].key [0].key, ... */
	bool aes;                /* CPU has AES instructions */
	uint8_t compression;     /* 0..11 */
	uint16_t keepalive_s;    /* persistent keepalive towards this node, 0 none */
	uint64_t groups;         /* bit set of groups that it is in; bit 0 is the group "default" */
	uint64_t reach; /* bit set of groups that its groups may talk to, by policy, in either
			   direction */
	enum path_policy path_policy; /* of a spoke: how it and other spokes may reach each other */
	/* Bit sets of groups, by policy, in either direction: with nodes of these all goes through
	 * the hub, or nothing does. Parts of `reach`. */
	uint64_t hub_only, direct_only;
	struct addr addresses[2]; /* its own in the network: [0] IPv4, [1] IPv6; family 0 none */
	uint32_t n_subnets;
	struct node_subnet *subnets; /* owned; sorted by prefix_cmp; approved ones only */
	uint32_t n_endpoints;        /* at most NODE_ENDPOINTS_MAX */
	/* Owned: configured Address lines, "host port". Most nodes have none. */
	char (*endpoints)[ENDPOINT_NAME_SIZE];
};

/* Zeroes the struct. */
void node_init(struct node *n);
void node_fini(struct node *n);
enum err node_copy(struct node *dst, const struct node *src) must_check;
/* The next older link of the chain. ERR_LIMIT, ERR_NOMEM. */
enum err node_chain_add(struct node *n, const struct node_link *link) must_check;
/* Keeps the subnets sorted. ERR_EXISTS, ERR_LIMIT, ERR_NOMEM. */
enum err node_subnet_add(struct node *n, const struct node_subnet *s) must_check;
/* Calls `cb` for each subnet of `old` that `now` does not have (`up` false), then for each that
 * only `now` has; either may be NULL. A weight that is another makes no other subnet. */
void node_subnets_compare(const struct node *old, const struct node *now,
			  void (*cb)(void *arg, const struct node_subnet *s, bool up), void *arg);
/* One more Address line, which is shorter than ENDPOINT_NAME_SIZE. ERR_LIMIT, ERR_NOMEM. */
enum err node_endpoint_add(struct node *n, const char *line) must_check;
/* True when both say the same, revision left aside. */
bool node_equal(const struct node *a, const struct node *b);
/* Policy: may these two talk to each other? */
bool node_may_talk(const struct node *a, const struct node *b);
/* Policy: which paths may the two use? Between others than spokes there is no choice: auto. */
enum path_policy node_path_policy(const struct node *a, const struct node *b);

/*
 * A new JSON object (caller owns the reference), NULL when memory is out. Fields as documented in
 * schema/CONTROL.md: id, name, kind, status, revision, identity_key, tunnel_key, tunnel_sig
 * (base64), aes, compression, keepalive, groups, reach (decimal strings), path_policy, hub_only,
 * direct_only (these three only when they say something), addresses [..], subnets [{prefix,
 * weight}], endpoints [..], key_unbroken,
 * identity_chain [{key, sig}] (only when there is one).
 */
json_t *node_to_json(const struct node *n);
/* Strict about what it knows, blind to unknown fields. `out` is initialised by this function; on
 * failure nothing has to be freed. */
enum err node_from_json(const json_t *j, struct node *out) must_check;
/* One element of "subnets": an object with "prefix" and "weight". */
enum err node_subnet_from_json(const json_t *j, struct node_subnet *out) must_check;

/* The bytes that a tunnel key's signature covers: "branchline tunnel key v1" and a NUL, then the 32
 * bytes; and that of an identity key by the one before: "branchline identity key v1" likewise. They
 * return the number of bytes. */
#define NODE_SIGN_INPUT_MAX 64u
size_t node_tunnel_sign_input(const struct public_key *tunnel_key,
			      uint8_t out[NODE_SIGN_INPUT_MAX]);
size_t node_identity_sign_input(const struct public_key *identity_key,
				uint8_t out[NODE_SIGN_INPUT_MAX]);
