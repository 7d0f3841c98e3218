/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * change: the only way in which the directory changes: validate -> store -> revision -> (the
 * caller) nudge. Each function is one transaction with its audit entry: after an error nothing has
 * changed. Used by api (what admins ask for) and control (what spokes ask for).
 */
#include "hub/store/store.h"

/* Something that uses what was to be deleted, or that is deleted with it. */
struct change_use {
	const char *kind;             /* "node", "policy" */
	char name[2 * NAME_SIZE + 8]; /* of a policy: "masters -> default" */
};
#define CHANGE_USES_MAX 32u /* are named in a refusal; more are only counted */

/* Who changes, and what came of it. */
struct change {
	struct store *store;
	const char *actor; /* for the audit: "unix:root", "token:ci", "node:oslo" */
	bool dry_run;      /* validate only, then roll back */

	/* results */
	uint64_t revision; /* the new revision; the present one when nothing of the directory
			      changed */
	char code[48];     /* stable problem code, as in schema/openapi.yaml: "node_exists",
			      "subnet_overlap", "store_busy" ... */
	char detail[512];  /* a sentence for the admin: what is wrong, with whom it clashes, what to
			      do */
	char pointer[64];  /* JSON pointer to the bad field ("/subnets/0/prefix"), or "" */
	unsigned n_uses;   /* that make a deletion impossible, or go with what is deleted: all, also
			      those not named */
	struct change_use uses[CHANGE_USES_MAX];
};

struct change_node_add {
	const char *name;
	enum node_kind kind;          /* NODE_SPOKE or NODE_WIREGUARD; NODE_HUB only at init */
	const struct addr *addresses; /* own addresses in the network, up to one a family; missing
					 ones are taken from the pools */
	size_t n_addresses;
	const struct node_subnet *subnets;
	size_t n_subnets;
	const char *const *endpoints; /* configured "host port" */
	size_t n_endpoints;
	const struct public_key *tunnel_key;   /* WireGuard nodes: required; hub at init */
	const struct public_key *identity_key; /* hub at init */
	const uint8_t *tunnel_sig;             /* 64 bytes, with identity_key */
	bool aes;                              /* hub at init */
	uint16_t keepalive_s;
	uint8_t compression;
	enum path_policy path_policy; /* spokes only */
	const char *comment;          /* may be NULL */
	uint64_t groups;              /* bit set; 0: "default" only */
};
/*
 * Problem codes: name_invalid, node_exists, address_invalid, address_taken, pool_exhausted,
 * subnet_invalid, subnet_in_pool, subnet_overlap, subnet_duplicate, weight_invalid, limit_reached,
 * key_exists, key_missing, key_invalid, endpoint_invalid, compression_invalid, path_policy_invalid,
 * comment_invalid, group_unknown.
 * Every change may also end in store_busy, store_full, store_readonly or store_failed.
 */
enum err change_node_add(struct change *c, const struct change_node_add *in,
			 struct node *out) must_check;
/*
 * Name, addresses, endpoints, keepalive, compression, path policy, groups, comment; NULL /
 * negative: leave alone. A new name leaves keys, addresses and sessions as they are, and the old
 * one is free. Addresses take the place of those of their families. The hub's endpoints are also
 * written to the setting "hub_addresses". Codes: not_found, node_is_hub (its name stands in
 * hub.conf), keepalive_invalid, and those of change_node_add().
 */
struct change_node_edit {
	const char *name;
	const struct addr *addresses;
	size_t n_addresses;
	const char *const *endpoints;
	size_t n_endpoints;
	bool set_endpoints;
	int keepalive_s;
	int compression;
	const enum path_policy *path_policy;
	const char *comment;
	bool set_groups;                            /* `groups` replaces those that it is in */
	uint64_t groups, join_groups, leave_groups; /* bit sets; leaving goes after joining */
};
enum err change_node_edit(struct change *c, uint32_t id, const struct change_node_edit *in,
			  struct node *out) must_check;
/* Codes: not_found, node_is_hub, node_already_revoked, reason_invalid. Revokes its keys and join
 * tokens too. */
enum err change_node_revoke(struct change *c, uint32_t id, const char *why) must_check;
/* `uses` are the subnets and open join tokens that go with it. Codes: not_found, node_is_hub. */
enum err change_node_delete(struct change *c, uint32_t id) must_check;
/*
 * A disabled node keeps its keys, addresses, subnets and groups, and has no link and no tunnels
 * until it is enabled. Codes: not_found, node_is_hub, reason_invalid, node_not_active (nobody has
 * joined under its name, or it is revoked), node_already_disabled; node_not_disabled.
 */
enum err change_node_disable(struct change *c, uint32_t id, const char *why) must_check;
enum err change_node_enable(struct change *c, uint32_t id) must_check;
/*
 * A spoke remembers that this node's key was revoked at `revision`. Disables an active node when
 * this database was restored from a backup that is older than that, once a restore: what an admin
 * decides then stays. ERR_DENIED: not so; nothing was changed.
 */
enum err change_node_quarantine(struct change *c, uint32_t id, uint64_t revision) must_check;

/*
 * Groups. A new one gets the lowest free bit. Names and comments are not of the directory, so these
 * make no new revision. Codes: name_invalid (also one of digits only), group_exists,
 * comment_invalid, limit_reached, not_found, group_is_default (it cannot be renamed nor deleted),
 * group_in_use (detail lists the nodes and policies).
 */
enum err change_group_add(struct change *c, const char *name, const char *comment,
			  struct store_group *out) must_check;
/* NULL: leave alone. */
enum err change_group_edit(struct change *c, uint8_t bit, const char *name, const char *comment,
			   struct store_group *out) must_check;
enum err change_group_delete(struct change *c, uint8_t bit) must_check;

/*
 * Policies: two groups (also one with itself) may talk to each other. Every node of theirs changes
 * with it. Codes: not_found, policy_exists (also the other way round, which means the same).
 */
enum err change_policy_add(struct change *c, uint8_t from_bit, uint8_t to_bit,
			   enum path_policy path, struct store_policy *out) must_check;
enum err change_policy_edit(struct change *c, uint8_t from_bit, uint8_t to_bit,
			    enum path_policy path, struct store_policy *out) must_check;
enum err change_policy_remove(struct change *c, uint8_t from_bit, uint8_t to_bit) must_check;
/* What holds for the group "default", in which every new node is: may its nodes talk to each other?
 * As it is already: ERR_OK without a new revision. */
enum err change_policy_default(struct change *c, bool allow) must_check;

enum subnet_flags {
	SUBNET_FAILOVER = 1, /* the very same prefix may be on two nodes: fail-over by weight */
	SUBNET_FORCE = 2,    /* although it holds an address of the hub */
};
/* `flags` of enum subnet_flags. Codes: subnet_overlap (detail names the other node and prefix),
 * subnet_duplicate, subnet_in_pool, subnet_holds_hub, not_found, limit_reached. */
enum err change_subnet_add(struct change *c, uint32_t node_id, const struct node_subnet *sub,
			   unsigned flags, struct store_subnet *out) must_check;
/* Another weight, and approval of what a spoke has proposed. Nothing new: ERR_OK without a
 * revision. Codes: not_found, weight_invalid, and those of change_subnet_add(). */
struct change_subnet_edit {
	const uint32_t *weight; /* NULL: as it is */
	bool approve;
	unsigned flags; /* of approving */
};
enum err change_subnet_edit(struct change *c, uint32_t id, const struct change_subnet_edit *in,
			    struct store_subnet *out) must_check;
enum err change_subnet_remove(struct change *c, uint32_t subnet_id) must_check;

/* Revoking a current key of a node revokes the node's membership until it joins anew (its status
 * becomes revoked). Codes: not_found, key_already_revoked, node_is_hub, reason_invalid. */
enum err change_key_revoke(struct change *c, uint32_t key_id, const char *why) must_check;

/* A join token for a node that is invited (or revoked/active: then a new join replaces its keys).
 * The token text is made by the caller from secret and settings. `expires_s` 0:
 * JOIN_TOKEN_EXPIRES_S. `secret` is zeroed on failure and in a dry run. Codes: not_found,
 * node_is_hub, node_not_spoke, expires_invalid, uses_invalid; token_already_revoked. */
enum err change_token_create(struct change *c, uint32_t node_id, uint32_t expires_s, uint32_t uses,
			     uint8_t secret[JOIN_SECRET_BYTES], struct store_token *out) must_check;
/* The same for a group: who joins with it becomes a new node in it, by a name of its own choice.
 * Codes: not_found, expires_invalid, uses_invalid. */
enum err change_token_create_group(struct change *c, uint8_t group_bit, uint32_t expires_s,
				   uint32_t uses, uint8_t secret[JOIN_SECRET_BYTES],
				   struct store_token *out) must_check;
enum err change_token_revoke(struct change *c, uint32_t token_id) must_check;

/* API tokens. `t` has all but its id; its text never comes here. Codes: name_invalid,
 * api_token_exists; not_found, api_token_already_revoked. */
enum err change_api_token_create(struct change *c, struct store_api_token *t) must_check;
enum err change_api_token_revoke(struct change *c, uint32_t id) must_check;

/* Users. Passwords come as hashes. Codes: name_invalid, user_exists, not_found. */
enum err change_user_add(struct change *c, struct store_user *u) must_check;
/*
 * The last admin who may sign in stays one (user_last_admin), unless the actor is somebody at the
 * hub's machine, "unix:...", who can always make another. NULL / negative: leave alone. Any edit
 * ends all sessions of the user.
 */
struct change_user_edit {
	const char *role;
	const char *password_hash;
	int disabled;
	bool forget_totp;
};
enum err change_user_edit(struct change *c, uint32_t id, const struct change_user_edit *in,
			  struct store_user *out) must_check;
enum err change_user_delete(struct change *c, uint32_t id) must_check;
/* `u` is written back with the code's step and the time: a code is used with the session that it
 * opens, or not at all. */
enum err change_user_sign_in(struct change *c, struct store_user *u,
			     const struct store_session *x) must_check;
/* For the audit, within limits; `from` is the address of the attempt. */
enum err change_user_sign_in_refused(struct change *c, const char *name,
				     const char *from) must_check;
enum err change_user_sign_out(struct change *c, const char *name,
			      const uint8_t hash[32]) must_check;
/* Writes `u` with another state of its TOTP; `action` for the audit. */
enum err change_user_totp(struct change *c, struct store_user *u, const char *action) must_check;

/* Whom the hub tells of events. Codes: name_invalid, url_invalid, event_invalid, comment_invalid,
 * limit_reached, webhook_exists; not_found; webhook_disabled. */
enum err change_webhook_add(struct change *c, struct store_webhook *w) must_check;
struct change_webhook_edit {
	const char *url, *events, *comment; /* NULL: leave alone; events with blanks between */
	const char *secret;
	int enabled;     /* negative: leave alone. 0 drops what waits */
	const char *why; /* the hub itself disables it; NULL: an admin does */
};
enum err change_webhook_edit(struct change *c, uint32_t id, const struct change_webhook_edit *in,
			     struct store_webhook *out) must_check;
enum err change_webhook_delete(struct change *c, uint32_t id) must_check;
/* Queues a test, or the same event once more. The body of `out` is not to be read. */
enum err change_webhook_test(struct change *c, uint32_t id, struct store_delivery *out) must_check;
enum err change_webhook_redeliver(struct change *c, uint32_t id, uint32_t delivery,
				  struct store_delivery *out) must_check;

/*
 * A spoke proves a join secret: key, token use and audit are one transaction. Codes: token_unknown,
 * token_used, token_expired, token_revoked, name_joined, node_disabled, key_exists, key_invalid.
 * With the token of a group it makes a node of that name: also name_missing, name_taken,
 * limit_reached, pool_exhausted. The same identity key with the same token again (its answer was
 * lost) is answered as the first time. A refusal is audited, too.
 */
struct change_join {
	uint8_t secret[JOIN_SECRET_BYTES];
	char name[NAME_SIZE]; /* that it would like to have, "" none; only a group's token asks */
	struct public_key identity_key;
	struct public_key tunnel_key;
	uint8_t tunnel_sig[64];
	bool aes;
};
enum err change_join(struct change *c, const struct change_join *in, struct node *out) must_check;
/* What a spoke says of itself at hello: CPU capability or tunnel key (signed by its identity) has
 * changed. No change: ERR_OK without a new revision, and without locking the database. Codes:
 * not_found, node_revoked, node_not_active, key_invalid, key_exists. */
enum err change_node_hello(struct change *c, uint32_t id, bool aes,
			   const struct public_key *tunnel_key,
			   const uint8_t tunnel_sig[64]) must_check;
/* Inserts a proposed subnet for approval: change_subnet_add() of the same prefix approves it.
 * Proposed again: nothing happens. Codes as for change_subnet_add(). */
enum err change_subnet_propose(struct change *c, uint32_t node_id,
			       const struct node_subnet *sub) must_check;
