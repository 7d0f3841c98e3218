/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * own_keys: the tunnel keys of this node. Normally one; while it is being replaced two, and both
 * are good for whoever begins a handshake with us. Our own handshakes begin with the first; a try
 * that is not answered is repeated with the other, since the peer may not have heard of the new key
 * yet, or have forgotten the old one.
 *
 *   1. own_keys_make()    a second key, handed to the monitor to be kept; own_keys_kept()
 *   2. own_keys_use()     the directory names it: from now on it is the first
 *   3. own_keys_retire()  the other one is forgotten
 *
 * Sessions go on with the keys that they have; after 2. those that there are get new ones.
 */
#include "shared/base/secret.h"
#include "shared/noise/cookie.h"
#include "shared/noise/handshake.h"

struct tunnel;
struct cursor;
struct channel;

struct own_key {
	struct handshake_self self;
	struct cookie_checker checker;
	uint32_t number; /* counts up: no two keys of a process have the same */
};

struct own_keys {
	struct own_key *key[2]; /* [0] is there from engine_load() on; [1] NULL: there is none */
	uint32_t numbers;
	bool unkept;  /* [1] was made here, and is not on the disk yet */
	uint32_t tag; /* of the request to keep it */
};

static inline const struct public_key *own_key_public(const struct own_key *k)
{
	return &k->self.key.public;
}

/* Tells the few keys apart that a node has had: the first four bytes of the public one, big-endian.
 */
static inline uint32_t own_key_mark(const struct public_key *key)
{
	return (uint32_t)key->b[0] << 24 | (uint32_t)key->b[1] << 16 | (uint32_t)key->b[2] << 8 |
	       key->b[3];
}

/* For engine_load(), the first call sets [0], the second [1]. ERR_CRYPTO, ERR_NOMEM; ERR_EXISTS:
 * both are there, or it is the same key. */
enum err own_keys_add(struct tunnel *t, const struct secret_key *secret) must_check;
void own_keys_fini(struct tunnel *t);
/* The key with this number, NULL when it is gone. */
const struct own_key *own_keys_find(const struct tunnel *t, uint32_t number);
/*
 * A second key is made and given to the monitor to be kept. With one there already nothing is made.
 * Control is told of the keys in any case (ENGINE_KEYS), of a new one when it is kept.
 */
void own_keys_make(struct tunnel *t, struct channel *monitor);
/* MONITOR_DONE. ERR_INVALID: malformed. */
enum err own_keys_kept(struct tunnel *t, struct cursor *body) must_check;
/* The directory names this key as ours; another than ours, or zeros: nothing changes. */
void own_keys_use(struct tunnel *t, const struct public_key *key);
/* Forgets the second key. */
void own_keys_retire(struct tunnel *t);
/*
 * Judges the MACs of an initiation or response, made for any of our keys; `*own` is the one.
 */
enum cookie_verdict own_keys_check(struct tunnel *t, const uint8_t *msg, size_t n,
				   const struct cookie_source *from, struct own_key **own);
