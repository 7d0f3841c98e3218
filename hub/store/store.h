/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The store: the hub's durable facts (directory database) and its fleeting ones (presence
 * database). The only code that includes sqlite3.h. Speaks of rows and transactions, not SQL. One
 * `struct store` a process; every process of the hub opens its own.
 *
 * Errors: ERR_BUSY (locked for longer than the timeout), ERR_FULL, ERR_READONLY, ERR_IO,
 * ERR_CORRUPT, ERR_NOMEM, besides those named. After any of them the transaction has changed
 * nothing.
 *
 * A change:   store_begin() -> store_revision_next() -> store_node_put() ... store_audit_add() ->
 * store_commit(), or store_rollback().
 *
 * Callbacks get structs that are only valid during the call. They may use the store (also the
 * function that calls them), and end the walk by returning an error, which the function then
 * returns.
 */
#include "shared/base/buf.h"
#include "shared/wire/directory.h"

struct store;

/* How long a locked database is waited for; the one writer of presence.db has others to serve. */
#define STORE_BUSY_TIMEOUT_MS          2000u
#define STORE_PRESENCE_BUSY_TIMEOUT_MS 50u
#define STORE_TEXT_SIZE                256u

/* Makes the folder's databases (directory.db, presence.db) when they are missing, migrates older
 * ones (after a backup beside them). ERR_VERSION: made by a later version. */
enum err store_create(const char *dir) must_check;
/* Opens existing ones, of the present version only. */
enum err store_open(const char *dir, struct store **out) must_check;
void store_close(struct store *s);
/* What failed last, in words, for the log and for "detail" of an API error. */
const char *store_error(const struct store *s);

/* Copies the directory database to the file `to` (0600), whole and as one moment's state, while the
 * hub goes on. */
enum err store_copy(struct store *s, const char *to) must_check;

/* --- transactions (directory database) --- */
enum err store_begin(struct store *s) must_check; /* BEGIN IMMEDIATE */
/* On failure everything is rolled back. */
enum err store_commit(struct store *s) must_check;
/* Harmless when no transaction is open, as after a failed store_commit(). */
void store_rollback(struct store *s);

/* Also checks every page of both databases and all references: slow, for tests and repair.
 * ERR_CORRUPT. */
enum err store_check(struct store *s) must_check;

/* --- network settings (key/value): "network", "hub_id", "pool4", "pool6", "mtu", "keepalive",
 * "udp_port", "hub_addresses" (lines "host port") --- */
/* The revision that a backup had when it was restored, a decimal number; no such setting: none was.
 */
#define STORE_RESTORED_REVISION "restored_revision"
enum err store_setting_get(struct store *s, const char *key,
			   struct buf *out) must_check; /* ERR_NOTFOUND */
enum err store_setting_put(struct store *s, const char *key, const char *value) must_check;

/* --- revisions --- */
enum err store_revision_get(struct store *s, uint64_t *revision) must_check;
/* Inside a transaction: the next revision, with its wall time, who and what; nodes put before in
 * this transaction must be put with it. */
enum err store_revision_next(struct store *s, const char *actor, const char *what,
			     uint64_t *revision) must_check;
/*
 * As store_revision_next(), but leaves out `skipped` numbers, which then are revisions of no
 * directory of ours: store_revision_read() does not find them. ERR_LIMIT: there are not so many.
 */
enum err store_revision_skip(struct store *s, uint64_t skipped, const char *actor, const char *what,
			     uint64_t *revision) must_check;
struct store_revision {
	uint64_t revision;
	int64_t at_ms;
	char actor[64];
	char what[STORE_TEXT_SIZE];
};
/* ERR_NOTFOUND: none of ours. */
enum err store_revision_read(struct store *s, uint64_t revision,
			     struct store_revision *out) must_check;

/* --- groups and policy: bit 0 is the group "default", which is always there --- */
struct store_group {
	uint8_t bit;
	char name[NAME_SIZE];
	char comment[STORE_TEXT_SIZE];
	int64_t created_ms; /* not written */
	uint32_t n_nodes;   /* in it now; not written */
};
/* Adds the group, or changes name and comment of the one with this bit. ERR_EXISTS: the name is
 * taken. */
enum err store_group_put(struct store *s, const struct store_group *g) must_check;
typedef enum err (*store_group_cb)(void *arg, const struct store_group *g);
enum err store_groups_list(struct store *s, store_group_cb cb, void *arg) must_check;
/* With its memberships and policies. ERR_NOTFOUND. */
enum err store_group_remove(struct store *s, uint8_t bit) must_check;
/* The names of the nodes in a group, by id. */
typedef enum err (*store_name_cb)(void *arg, const char *name);
enum err store_group_nodes(struct store *s, uint8_t bit, store_name_cb cb, void *arg) must_check;
/* Allows two groups to talk to each other. ERR_NOTFOUND: no such group; ERR_EXISTS. */
enum err store_policy_put(struct store *s, uint8_t from_bit, uint8_t to_bit) must_check;
enum err store_policy_remove(struct store *s, uint8_t from_bit, uint8_t to_bit) must_check;
/* Which paths nodes of the two groups may use with each other; auto in a new row. ERR_NOTFOUND: no
 * such row. ERR_INVALID: no such policy. */
enum err store_policy_path_put(struct store *s, uint8_t from_bit, uint8_t to_bit,
			       enum path_policy path) must_check;
struct store_policy {
	uint8_t from_bit, to_bit;
	char from[NAME_SIZE], to[NAME_SIZE];
	enum path_policy path_policy;
	int64_t created_ms;
};
/* By from_bit, then to_bit. */
typedef enum err (*store_policy_cb)(void *arg, const struct store_policy *p);
enum err store_policies_list(struct store *s, store_policy_cb cb, void *arg) must_check;
/* All nodes of the group change with `revision`: a policy row of it is a part of what each is told.
 * For both groups of a row that was added, removed or changed. */
enum err store_group_touch(struct store *s, uint8_t bit, uint64_t revision) must_check;
/* Replaces the groups that a node is in. ERR_NOTFOUND: no such node or group. */
enum err store_node_groups_put(struct store *s, uint32_t node_id, uint64_t groups) must_check;

/* --- nodes (with their subnets, endpoints, and current keys) --- */
struct store_node_meta {
	int64_t created_ms, updated_ms, revoked_ms;
	int64_t identity_made_ms, tunnel_made_ms; /* its current keys; 0: it has none */
	char revoked_why[STORE_TEXT_SIZE];
	char comment[STORE_TEXT_SIZE];
};
/*
 * New node: n->id = 0 gets one, and is put into n->groups (none: into "default"). Otherwise the
 * whole record is replaced (settings, endpoints, addresses; not groups, subnets nor keys).
 * ERR_EXISTS: the name or address is taken. ERR_INVALID: a value out of its range.
 */
enum err store_node_put(struct store *s, struct node *n) must_check;
enum err store_node_comment(struct store *s, uint32_t id, const char *comment) must_check;
enum err store_node_get(struct store *s, uint32_t id, struct node *out,
			struct store_node_meta *meta) must_check; /* `meta` may be NULL */
enum err store_node_find(struct store *s, const char *name, struct node *out,
			 struct store_node_meta *meta) must_check; /* not deleted ones */
/* By identity key, also of revoked and deleted nodes and of old keys: whose was it, and is it valid
 * now? That is the node's current key, and one that it has replaced until its overlap ends. */
enum err store_node_by_identity(struct store *s, const struct public_key *key, uint32_t *id,
				bool *valid) must_check;
/* Status with its reason; revoking also revokes all its keys, deleting frees name, addresses and
 * subnets (the row stays as a tombstone). */
enum err store_node_status(struct store *s, uint32_t id, enum node_status status, const char *why,
			   uint64_t revision) must_check;
enum err store_node_touch(struct store *s, uint32_t id, uint64_t revision) must_check;
typedef enum err (*store_node_cb)(void *arg, const struct node *n,
				  const struct store_node_meta *meta);
/* How many there are, deleted ones left aside. */
enum err store_nodes_count(struct store *s, uint32_t *count) must_check;
/* The same by kind and status. */
struct store_nodes_sum {
	uint32_t n[NODE_WIREGUARD + 1][NODE_DELETED + 1];
};
enum err store_nodes_sum(struct store *s, struct store_nodes_sum *out) must_check;
/* All addresses in `pool` that nodes have, in ascending order. */
typedef enum err (*store_addr_cb)(void *arg, const struct addr *a);
enum err store_addresses_in(struct store *s, const struct prefix *pool, store_addr_cb cb,
			    void *arg) must_check;
/* All nodes changed after `revision`, tombstones too, by id. `limit` 0: all; `after_id` 0: from the
 * start. */
enum err store_nodes_since(struct store *s, uint64_t revision, uint32_t after_id, uint32_t limit,
			   store_node_cb cb, void *arg) must_check;
/* All nodes by id, tombstones too, with nothing but id, name, kind, status and revision: what a
 * walk over ten thousand needs to be quick. */
enum err store_nodes_brief(struct store *s, store_node_cb cb, void *arg) must_check;

/* --- keys --- */
enum key_kind { KEY_IDENTITY = 1, KEY_TUNNEL = 2 };
enum key_status { KEY_CURRENT = 1, KEY_RETIRED = 2, KEY_REVOKED = 3 };
struct store_key {
	uint32_t id, node_id;
	char node_name[NAME_SIZE];
	enum key_kind kind;
	enum key_status status;
	struct public_key key;
	uint8_t fingerprint[32]; /* SHA-256 of the key */
	uint8_t signature[64];   /* tunnel: by the identity key; identity: by the one before. zeros:
				    none */
	bool unbroken;
	int64_t created_ms, revoked_ms; /* 0: none */
	int64_t expires_ms; /* of a retired key: it is taken until then; 0: not any more */
	char revoked_why[STORE_TEXT_SIZE];
	uint32_t token_id; /* the join token that brought it, 0 none */
};
/* Adds a current key; the current one of that node and kind is retired. ERR_EXISTS: this key is
 * known already (also of another node, also a revoked one). */
enum err store_key_put(struct store *s, struct store_key *k) must_check;
/* The current key of that node and kind, which is about to be replaced by the node itself, is taken
 * until then. Before store_key_put() of the new one. None: ERR_OK. */
enum err store_key_overlap(struct store *s, uint32_t node_id, enum key_kind kind,
			   int64_t until_ms) must_check;
/* The current tunnel key gets a signature of the node's new identity key. ERR_NOTFOUND. */
enum err store_key_sign(struct store *s, uint32_t node_id, const uint8_t sig[64]) must_check;
enum err store_key_revoke(struct store *s, uint32_t id, const char *why) must_check;
enum err store_key_get(struct store *s, uint32_t id, struct store_key *out) must_check;
/* By its bytes, whatever its status and whoever's it is. */
enum err store_key_find(struct store *s, enum key_kind kind, const struct public_key *key,
			struct store_key *out) must_check;
/* The node's current one. ERR_NOTFOUND: it has none. */
enum err store_key_current(struct store *s, uint32_t node_id, enum key_kind kind,
			   struct store_key *out) must_check;
typedef enum err (*store_key_cb)(void *arg, const struct store_key *k);
enum err store_keys_list(struct store *s, uint32_t node_id /* 0 all */, uint32_t after_id,
			 uint32_t limit, store_key_cb cb, void *arg) must_check;

/* --- subnets --- */
enum subnet_status { SUBNET_PROPOSED = 1, SUBNET_APPROVED = 2 };
struct store_subnet {
	uint32_t id, node_id;
	char node_name[NAME_SIZE];
	struct node_subnet subnet;
	enum subnet_status status;
	int64_t created_ms;
};
/* ERR_EXISTS: this node has it already. Overlaps are judged by change.c. */
enum err store_subnet_put(struct store *s, struct store_subnet *sub) must_check;
enum err store_subnet_get(struct store *s, uint32_t id, struct store_subnet *out) must_check;
enum err store_subnet_remove(struct store *s, uint32_t id) must_check;
enum err store_subnet_status(struct store *s, uint32_t id, enum subnet_status status,
			     uint32_t weight) must_check;
typedef enum err (*store_subnet_cb)(void *arg, const struct store_subnet *s);
enum err store_subnets_list(struct store *s, uint32_t node_id /* 0 all */, uint32_t after_id,
			    uint32_t limit, store_subnet_cb cb, void *arg) must_check;
/* Of one node, or of all (0); any status. */
enum err store_subnets_count(struct store *s, uint32_t node_id, uint32_t *count) must_check;
/* Subnets (any status) and pool addresses of other nodes that overlap `p`, not those of
 * `except_node`. An address is given as a subnet with id 0. */
enum err store_subnets_overlapping(struct store *s, const struct prefix *p, uint32_t except_node,
				   store_subnet_cb cb, void *arg) must_check;

/* --- audit: each row holds the hash of the one before --- */
struct store_audit {
	const char *actor, *action, *object, *detail_json;
};
enum err store_audit_add(struct store *s, const struct store_audit *a) must_check;
/* How many entries with this action were written since. */
enum err store_audit_count(struct store *s, const char *action, int64_t since_ms,
			   uint64_t *count) must_check;
/* Walks the whole chain. ERR_CORRUPT and the first bad row's id. */
enum err store_audit_verify(struct store *s, uint64_t *bad_id) must_check;
/*
 * The same piece by piece: at most `limit` rows behind `*after` (0: from the start), which is moved
 * on to the last that was good. `*more`: there are rows behind that. The end of the log is looked
 * at with the last piece.
 */
enum err store_audit_verify_part(struct store *s, uint64_t *after, uint32_t limit, bool *more,
				 uint64_t *bad_id) must_check;
struct store_audit_entry {
	uint64_t id;
	int64_t at_ms;
	char actor[64], action[64], object[STORE_TEXT_SIZE];
	const char *detail; /* JSON */
	uint8_t hash[32];
};
/* NULL and 0: whatever it is. */
struct store_audit_filter {
	const char *actor, *object;
	const char *action; /* one that ends with "." is the beginning of several: "node." */
	int64_t since_ms, until_ms; /* from then on; before then */
	bool newest_first;
};
/* By id from `after` on, which is left out (0: from the start, or from the end when the newest come
 * first). */
typedef enum err (*store_audit_cb)(void *arg, const struct store_audit_entry *a);
enum err store_audit_list(struct store *s, const struct store_audit_filter *f, uint64_t after,
			  uint32_t limit, store_audit_cb cb, void *arg) must_check;

/* --- presence database: not durable, no transaction of its own is needed --- */
struct store_presence {
	uint32_t node_id;
	bool online;
	int64_t since_ms;     /* of the present state */
	struct endpoint link; /* the link's remote address */
	char version[32];
	uint64_t acked_revision;
	int64_t acked_ms;         /* wall time of that ack */
	uint8_t path, reason;     /* hub's own view: enum path_kind, path_reason */
	struct endpoint endpoint; /* tunnel endpoint */
	int64_t handshake_ms;
	uint64_t rx_bytes, tx_bytes;
	uint32_t rtt_us;
	uint8_t nat; /* enum nat_mapping, as the node tells */
};
/* One transaction for `n` rows. */
enum err store_presence_put(struct store *s, const struct store_presence *rows,
			    size_t n) must_check;
enum err store_presence_get(struct store *s, uint32_t node_id,
			    struct store_presence *out) must_check; /* ERR_NOTFOUND */
/* How many nodes are online, `except` left aside. */
enum err store_presence_online(struct store *s, uint32_t except, uint32_t *count) must_check;
typedef enum err (*store_presence_cb)(void *arg, const struct store_presence *p);
enum err store_presence_list(struct store *s, store_presence_cb cb, void *arg) must_check;
/* One of the last STORE_PRESENCE_CHANGES_MAX times that a node came, went or got another path. */
#define STORE_PRESENCE_CHANGES_MAX 4096u
struct store_presence_change {
	uint64_t number; /* counts up for ever */
	uint32_t node_id;
	int64_t at_ms;
	bool online, was_online;
	uint8_t path; /* enum path_kind */
};
typedef enum err (*store_presence_change_cb)(void *arg, const struct store_presence_change *p);
/* Those behind `after`, by number. */
enum err store_presence_changes(struct store *s, uint64_t after, uint32_t limit,
				store_presence_change_cb cb, void *arg) must_check;
/* The numbers that are there; 0 and 0: none. */
enum err store_presence_changes_range(struct store *s, uint64_t *oldest,
				      uint64_t *newest) must_check;
/* At control's start: nobody is online. */
enum err store_presence_reset(struct store *s) must_check;
/*
 * One number or fact that the hub's workers tell about themselves: "engine.drops.malformed", 17. A
 * name is of small letters, digits, ".", "_" and "-", a fact of letters, digits, ".", "/" and "-":
 * neither ever needs to be escaped.
 */
#define STORE_TOTAL_SIZE 48u
struct store_total {
	char name[STORE_TOTAL_SIZE];
	uint64_t value;              /* 0 with a fact */
	char fact[STORE_TOTAL_SIZE]; /* empty with a number */
};
/* In place of all that were there before, in one transaction. ERR_INVALID: a name or fact with
 * other characters, a value above INT64_MAX. */
enum err store_totals_put(struct store *s, const struct store_total *rows, size_t n) must_check;
/* In the order in which they were put. What `cb` returns ends the walk unless it is ERR_OK. */
typedef enum err (*store_total_cb)(void *arg, const struct store_total *t);
enum err store_totals_list(struct store *s, store_total_cb cb, void *arg) must_check;
/* --- pairs: how nodes reach each other, as each of them tells --- */
struct store_pair {
	uint32_t id;               /* of the row: pages go by it. Given by the store */
	uint32_t node_id, peer_id; /* who tells, about whom */
	uint8_t path, reason;      /* enum path_kind, path_reason */
	struct endpoint endpoint;  /* where its packets go */
	int64_t since_ms;          /* of path and reason, by its clock; 0 not known */
	int64_t handshake_ms;
	uint64_t rx_bytes, tx_bytes; /* as it counts them */
	uint32_t rtt_us;
	uint16_t loss_permille, pmtu;
	int64_t told_ms; /* by the hub's clock */
};
/* All rows that a node has told, or all about a node: the other id is 0. */
struct store_pair_gone {
	uint32_t node_id, peer_id;
};
/* One transaction: what is `gone` goes, then `rows` are put. */
enum err store_pairs_put(struct store *s, const struct store_pair_gone *gone, size_t n_gone,
			 const struct store_pair *rows, size_t n) must_check;
/* At control's start: nobody has told anything. */
enum err store_pairs_clear(struct store *s) must_check;
/* Those with an id above `after`, in its order; of one node (either side) unless `node_id` is 0.
 * What `cb` returns ends the walk unless it is ERR_OK. */
typedef enum err (*store_pair_cb)(void *arg, const struct store_pair *p);
enum err store_pairs_list(struct store *s, uint32_t after, uint32_t node_id, store_pair_cb cb,
			  void *arg) must_check;
/* How many there are of each path and reason. */
typedef enum err (*store_pair_count_cb)(void *arg, uint8_t path, uint8_t reason, uint32_t n);
enum err store_pairs_count(struct store *s, store_pair_count_cb cb, void *arg) must_check;

#include "hub/store/access.h"
#include "hub/store/attention.h"
#include "hub/store/history.h"
#include "hub/store/webhook.h"
#include "hub/store/revocation.h"
#include "hub/store/rotation.h"
#include "hub/store/key_age.h"
#include "hub/store/held.h"
#include "hub/store/token.h"
