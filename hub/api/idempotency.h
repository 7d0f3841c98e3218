/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * idempotency: answers to POST requests that came with an Idempotency-Key, so that a client that
 * lost the answer may ask again without doing the thing twice. Kept in memory of the api process
 * (answers hold join tokens, which the disk never sees): the last IDEMPOTENCY_MAX for a day. A
 * restart of the process forgets them.
 */
#include <stdint.h>

#include "hub/api/reply.h"

#define IDEMPOTENCY_MAX            1024u
#define IDEMPOTENCY_KEEP_MS        (24u * 3600u * 1000u)
#define IDEMPOTENCY_KEY_MAX_CHARS  255u
#define IDEMPOTENCY_BODY_MAX_BYTES 16384u /* longer answers are not kept */

struct idempotency;

/* What one request is known by. */
struct idempotency_id {
	uint8_t who[32];  /* hash of actor and key */
	uint8_t what[32]; /* hash of route, query and body */
};

enum err idempotency_new(struct idempotency **out) must_check;
/* Zeroes the kept answers. Accepts NULL. */
void idempotency_free(struct idempotency *t);

/* `target` is the method and whole path with its query. */
void idempotency_make_id(const char *actor, const char *key, const char *target, const void *body,
			 size_t n, struct idempotency_id *out);
/* ERR_OK: `reply` is the answer of then. ERR_NOTFOUND: new. ERR_CONFLICT: the key came before with
 * another request. */
enum err idempotency_find(const struct idempotency *t, const struct idempotency_id *id,
			  uint64_t now_ms, struct reply *reply) must_check;
/* Keeps an answer; the oldest goes when all places are taken. What cannot be kept is let go. */
void idempotency_put(struct idempotency *t, const struct idempotency_id *id, uint64_t now_ms,
		     const struct reply *reply);
