/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/table.h"

#include <string.h>

#include "shared/base/secret.h"

#define TABLE_FIRST_BUCKETS 16u

static uint64_t rotate(uint64_t v, unsigned bits) { return v << bits | v >> (64 - bits); }

/* One SipRound: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), figure 2.1. */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void sip_absorb(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

/* Up to 8 bytes as a little-endian number. */
static uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

/* SipHash-2-4 of the key: without the seed nobody can pick keys that fall into one bucket. */
static uint64_t hash_key(const struct table *t, const uint8_t *p)
{
	uint64_t v[4] = { t->seed[0] ^ 0x736f6d6570736575u, t->seed[1] ^ 0x646f72616e646f6du,
			  t->seed[0] ^ 0x6c7967656e657261u, t->seed[1] ^ 0x7465646279746573u };
	size_t n = t->key_len;

	for (; n >= 8; p += 8, n -= 8)
		sip_absorb(v, load_le(p, 8));
	sip_absorb(v, load_le(p, n) | (uint64_t)(t->key_len & 0xff) << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const uint8_t *key_of(const struct table *t, const struct table_node *n)
{
	return (const uint8_t *)n + (ptrdiff_t)t->key_offset;
}

static struct table_node **bucket_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[hash & (t->n_buckets - 1)];
}

enum err table_init(struct table *t, size_t key_offset, size_t key_len)
{
	struct table_node **buckets = calloc(TABLE_FIRST_BUCKETS, sizeof(struct table_node *));

	if (!buckets)
		return ERR_NOMEM;
	*t = (struct table){ .buckets = buckets,
			     .n_buckets = TABLE_FIRST_BUCKETS,
			     .key_offset = key_offset,
			     .key_len = key_len };
	secret_random(t->seed, sizeof(t->seed));
	return ERR_OK;
}

void table_fini(struct table *t)
{
	free(t->buckets);
	*t = (struct table){ 0 };
}

/* Doubles the buckets. Without memory for it the chains just get longer. */
static void grow(struct table *t)
{
	struct table bigger = *t;
	struct table_node *n, *next;

	bigger.n_buckets = t->n_buckets * 2;
	bigger.buckets = calloc(bigger.n_buckets, sizeof(struct table_node *));
	if (!bigger.buckets)
		return;
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (n = t->buckets[i]; n; n = next) {
			struct table_node **at = bucket_of(&bigger, n->hash);

			next = n->next;
			n->next = *at;
			*at = n;
		}
	}
	free(t->buckets);
	*t = bigger;
}

/* The node with this key in its bucket, or NULL. */
static struct table_node *find_hashed(const struct table *t, const uint8_t *key, uint64_t hash)
{
	struct table_node *n = *bucket_of(t, hash);

	while (n && (n->hash != hash || memcmp(key_of(t, n), key, t->key_len)))
		n = n->next;
	return n;
}

enum err table_insert(struct table *t, struct table_node *n)
{
	const uint8_t *key = key_of(t, n);
	uint64_t hash = hash_key(t, key);
	struct table_node **at;

	if (!t->buckets)
		return ERR_NOMEM;
	BUG_ON(find_hashed(t, key, hash));
	if (t->count >= t->n_buckets)
		grow(t);
	n->hash = hash;
	at = bucket_of(t, hash);
	n->next = *at;
	*at = n;
	t->count++;
	return ERR_OK;
}

void table_remove(struct table *t, struct table_node *n)
{
	struct table_node **at = bucket_of(t, n->hash);

	while (*at && *at != n)
		at = &(*at)->next;
	BUG_ON(!*at);
	*at = n->next;
	n->next = NULL;
	t->count--;
}

struct table_node *table_find(const struct table *t, const void *key)
{
	return t->count ? find_hashed(t, key, hash_key(t, key)) : NULL;
}

struct table_node *table_next(const struct table *t, const struct table_node *after)
{
	size_t i = 0;

	if (after && after->next)
		return after->next;
	if (after)
		i = (after->hash & (t->n_buckets - 1)) + 1;
	for (; i < t->n_buckets; i++)
		if (t->buckets[i])
			return t->buckets[i];
	return NULL;
}
