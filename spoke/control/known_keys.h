/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * known_keys: which identity key belongs to whom, as this branch has learnt it, in
 * STATE/known-keys, so that not even the hub can put another machine in a branch's place unseen
 * (DESIGN section 3, key continuity). A node's first key is taken as it comes. Another one is taken
 * only when the key before has signed for it (keys_identity_follows()); otherwise it is in doubt
 * until the admin of this branch accepts it. What doubt means is for others to say (trust.h).
 *
 * People go by names, so what counts is the name: whoever comes under a known one must have its
 * key, also a node that is new, and also after the old one has left the directory. A node that
 * comes under a new name must have the key that it had under the last one. Nothing is ever
 * forgotten by itself: else a flood of nodes would wash out what is known.
 *
 * The file has a line a name: "ID NAME KEY" and, with a key in doubt, "ID NAME KEY OFFERED SINCE".
 * ID is 0 when that node has another name now; keys in base64, SINCE in ms of wall clock. Pure but
 * for load and save.
 */
#include "shared/base/buf.h"
#include "shared/base/table.h"
#include "shared/wire/directory.h"

#define KNOWN_KEYS_FILE "known-keys"
#define KNOWN_KEYS_MAX  (2 * NODES_MAX) /* names; more are not remembered */

struct known_key {
	struct table_node by_name, by_id;
	char name[NAME_SIZE]; /* zeros behind its end */
	uint32_t id;          /* of the node that had the name last; 0: it has another one now */
	struct public_key key;
	bool is_doubted;           /* the node came with another key: */
	struct public_key offered; /* this one, */
	int64_t since_ms;          /* since then, wall clock */
};

struct known_keys {
	struct table by_name; /* struct known_key, owned */
	struct table by_id;   /* those with an id */
	uint32_t n_doubted;
	bool is_changed; /* since it was loaded or saved */
};

enum known_verdict {
	KNOWN_NEW,     /* nothing is known of it */
	KNOWN_SAME,    /* the key that it had */
	KNOWN_FOLLOWS, /* another one, signed for by the one that it had */
	KNOWN_BROKEN   /* another one */
};

enum err known_keys_init(struct known_keys *k) must_check;
void known_keys_fini(struct known_keys *k);
/* Appends the file's text to `out`. */
enum err known_keys_encode(const struct known_keys *k, struct buf *out) must_check;
/* Into an empty one. ERR_INVALID: a line makes no sense, or a name or id comes twice. ERR_LIMIT,
 * ERR_NOMEM. It is empty after an error. */
enum err known_keys_decode(struct known_keys *k, const char *text, size_t len) must_check;
/* ERR_NOTFOUND; errors of file_read() and of known_keys_decode(). */
enum err known_keys_load(struct known_keys *k, const char *path) must_check;
/* Nothing if nothing has changed. Errors of file_write_atomic(). */
enum err known_keys_save(struct known_keys *k, const char *path) must_check;

const struct known_key *known_keys_find(const struct known_keys *k, const char *name);
/* Of a node with an identity key. */
enum known_verdict known_keys_judge(const struct known_keys *k, const struct node *n);
/*
 * Judges and remembers: a key that is new, the same or follows is known from now on, another one is
 * in doubt. *news: doubt has begun, or is about yet another key. ERR_NOMEM, ERR_LIMIT: nothing is
 * remembered.
 */
enum err known_keys_note(struct known_keys *k, const struct node *n, int64_t now_ms,
			 bool *news) must_check;
/* Is the key that this node has now in doubt? */
bool known_keys_doubts(const struct known_keys *k, const struct node *n);
/* The node's present key is the right one. Errors as known_keys_note(). */
enum err known_keys_accept(struct known_keys *k, const struct node *n) must_check;
