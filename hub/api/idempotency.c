/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/idempotency.h"

#include <openssl/evp.h>
#include <string.h>

#include "shared/base/secret.h"

struct entry {
	struct idempotency_id id;
	uint64_t at_ms;
	unsigned status; /* 0: free */
	const char *content_type;
	unsigned n_headers;
	struct reply_header headers[REPLY_HEADERS_MAX];
	uint8_t *body;
	size_t n;
};

struct idempotency {
	unsigned next; /* the oldest, which is replaced next */
	struct entry entries[IDEMPOTENCY_MAX];
};

enum err idempotency_new(struct idempotency **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NOMEM;
}

static void entry_clear(struct entry *e)
{
	if (e->body)
		secret_zero(e->body, e->n);
	free(e->body);
	memset(e, 0, sizeof(*e));
}

void idempotency_free(struct idempotency *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < IDEMPOTENCY_MAX; i++)
		entry_clear(&t->entries[i]);
	free(t);
}

/* SHA-256 over pieces, each with its length before it so that no two splits are alike. */
static void hash_pieces(const void *const *pieces, const size_t *sizes, unsigned n, uint8_t out[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (unsigned i = 0; i < n && ok; i++)
		ok = EVP_DigestUpdate(ctx, &sizes[i], sizeof(sizes[i])) == 1 &&
		     EVP_DigestUpdate(ctx, pieces[i], sizes[i]) == 1;
	BUG_ON(!ok || EVP_DigestFinal_ex(ctx, out, NULL) != 1);
	EVP_MD_CTX_free(ctx);
}

void idempotency_make_id(const char *actor, const char *key, const char *target, const void *body,
			 size_t n, struct idempotency_id *out)
{
	const void *who[] = { actor, key }, *what[] = { target, body };
	size_t who_sizes[] = { strlen(actor), strlen(key) }, what_sizes[] = { strlen(target), n };

	hash_pieces(who, who_sizes, 2, out->who);
	hash_pieces(what, what_sizes, 2, out->what);
}

enum err idempotency_find(const struct idempotency *t, const struct idempotency_id *id,
			  uint64_t now_ms, struct reply *reply)
{
	const struct entry *e = NULL;

	for (unsigned i = 0; i < IDEMPOTENCY_MAX && !e; i++)
		if (t->entries[i].status &&
		    memcmp(t->entries[i].id.who, id->who, sizeof(id->who)) == 0)
			e = &t->entries[i];
	if (!e || now_ms - e->at_ms > IDEMPOTENCY_KEEP_MS)
		return ERR_NOTFOUND;
	if (memcmp(e->id.what, id->what, sizeof(id->what)) != 0)
		return ERR_CONFLICT;
	reply_clear(reply);
	if (buf_put(&reply->body, e->body, e->n) != ERR_OK)
		return ERR_NOMEM;
	reply->status = e->status;
	reply->content_type = e->content_type;
	reply->n_headers = e->n_headers;
	memcpy(reply->headers, e->headers, sizeof(e->headers));
	return ERR_OK;
}

void idempotency_put(struct idempotency *t, const struct idempotency_id *id, uint64_t now_ms,
		     const struct reply *reply)
{
	size_t n = buf_len(&reply->body);
	struct entry *e;

	if (reply->fixed || n > IDEMPOTENCY_BODY_MAX_BYTES)
		return;
	e = &t->entries[t->next];
	for (unsigned i = 0; i < IDEMPOTENCY_MAX; i++)
		if (t->entries[i].status &&
		    memcmp(t->entries[i].id.who, id->who, sizeof(id->who)) == 0)
			e = &t->entries[i];
	if (e == &t->entries[t->next])
		t->next = (t->next + 1) % IDEMPOTENCY_MAX;
	entry_clear(e);
	e->body = malloc(n ? n : 1);
	if (!e->body)
		return;
	memcpy(e->body, buf_data(&reply->body), n);
	e->n = n;
	e->id = *id;
	e->at_ms = now_ms;
	e->content_type = reply->content_type;
	e->n_headers = reply->n_headers;
	memcpy(e->headers, reply->headers, sizeof(e->headers));
	e->status = reply->status;
}
