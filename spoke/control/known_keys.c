/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/known_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/keys/keys.h"

#define FILE_MAX_BYTES (8u << 20)
#define LINE_SIZE      (NAME_SIZE + 2 * KEY_BASE64_SIZE + 40)

static struct known_key *entry_of(struct table_node *n)
{
	return n ? container_of(n, struct known_key, by_name) : NULL;
}

enum err known_keys_init(struct known_keys *k)
{
	enum err e;

	*k = (struct known_keys){ 0 };
	e = table_init(&k->by_name, TABLE_KEY(struct known_key, by_name, name));
	if (!e)
		e = table_init(&k->by_id, TABLE_KEY(struct known_key, by_id, id));
	if (e)
		known_keys_fini(k);
	return e;
}

/* The entry has its id no more: another name has. */
static void release_id(struct known_keys *k, struct known_key *x)
{
	if (!x->id)
		return;
	table_remove(&k->by_id, &x->by_id);
	x->id = 0;
}

static void clear(struct known_keys *k)
{
	struct table_node *n, *next;

	for (n = table_next(&k->by_name, NULL); n; n = next) {
		next = table_next(&k->by_name, n);
		release_id(k, entry_of(n));
		table_remove(&k->by_name, n);
		free(entry_of(n));
	}
	k->n_doubted = 0;
}

void known_keys_fini(struct known_keys *k)
{
	if (k->by_name.buckets)
		clear(k);
	table_fini(&k->by_name);
	table_fini(&k->by_id);
	*k = (struct known_keys){ 0 };
}

/* --- the file --- */

static enum err encode_entry(const struct known_key *x, struct buf *out)
{
	char key[KEY_BASE64_SIZE], offered[KEY_BASE64_SIZE];
	enum err e = buf_printf(out, "%" PRIu32 " %s %s", x->id, x->name,
				base64_encode(x->key.b, KEY_BYTES, key));

	if (!e && x->is_doubted)
		e = buf_printf(out, " %s %" PRId64, base64_encode(x->offered.b, KEY_BYTES, offered),
			       x->since_ms);
	return e ? e : buf_put(out, "\n", 1);
}

enum err known_keys_encode(const struct known_keys *k, struct buf *out)
{
	struct table_node *n = NULL;
	enum err e = ERR_OK;

	while (!e && (n = table_next(&k->by_name, n)))
		e = encode_entry(entry_of(n), out);
	return e;
}

/* A number of decimal digits, at most `max`. */
static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
	if (!text || !*text || strlen(text) > 19 || text[strspn(text, "0123456789")])
		return false;
	*out = strtoull(text, NULL, 10);
	return *out <= max;
}

static enum err decode_line(char *line, struct known_key *x)
{
	char *save = NULL, *id = strtok_r(line, " ", &save), *name = strtok_r(NULL, " ", &save);
	char *key = strtok_r(NULL, " ", &save), *offered = strtok_r(NULL, " ", &save);
	char *since = strtok_r(NULL, " ", &save);
	uint64_t number, since_ms = 0;

	if (!key || strtok_r(NULL, " ", &save) || !name_is_valid(name) ||
	    !read_number(id, UINT32_MAX, &number) ||
	    (offered && !read_number(since, INT64_MAX, &since_ms)))
		return ERR_INVALID;
	*x = (struct known_key){ .id = (uint32_t)number,
				 .is_doubted = offered != NULL,
				 .since_ms = (int64_t)since_ms };
	snprintf(x->name, sizeof(x->name), "%s", name);
	if (base64_decode_key(key, x->key.b) ||
	    (offered && base64_decode_key(offered, x->offered.b)))
		return ERR_INVALID;
	return ERR_OK;
}

static struct known_key *find(const struct known_keys *k, const char *name)
{
	char key[NAME_SIZE] = { 0 };

	snprintf(key, sizeof(key), "%s", name);
	return entry_of(table_find(&k->by_name, key));
}

static struct known_key *find_id(const struct known_keys *k, uint32_t id)
{
	struct table_node *n = id ? table_find(&k->by_id, &id) : NULL;

	return n ? container_of(n, struct known_key, by_id) : NULL;
}

/* The entry gets the id, which no other may have. */
static enum err take_id(struct known_keys *k, struct known_key *x, uint32_t id)
{
	enum err e = ERR_OK;

	x->id = id;
	if (id)
		e = table_insert(&k->by_id, &x->by_id);
	if (e)
		x->id = 0;
	return e;
}

/* A copy of `x` becomes an entry. Neither its name nor its id is there. */
static enum err append(struct known_keys *k, const struct known_key *x)
{
	struct known_key *copy;
	enum err e;

	if (k->by_name.count >= KNOWN_KEYS_MAX)
		return ERR_LIMIT;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return ERR_NOMEM;
	*copy = *x;
	e = take_id(k, copy, x->id);
	if (!e)
		e = table_insert(&k->by_name, &copy->by_name);
	if (e) {
		release_id(k, copy);
		free(copy);
		return e;
	}
	k->n_doubted += x->is_doubted;
	return ERR_OK;
}

enum err known_keys_decode(struct known_keys *k, const char *text, size_t len)
{
	const char *end = text + len;
	char line[LINE_SIZE];
	struct known_key x;
	enum err e = ERR_OK;

	while (text < end && !e) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = stop ? (size_t)(stop - text) : 0;

		if (!stop || n >= sizeof(line) || memchr(text, '\0', n)) {
			e = ERR_INVALID;
			break;
		}
		memcpy(line, text, n);
		line[n] = '\0';
		e = decode_line(line, &x);
		if (!e && (find(k, x.name) || find_id(k, x.id)))
			e = ERR_INVALID;
		if (!e)
			e = append(k, &x);
		text = stop + 1;
	}
	if (e)
		clear(k);
	return e;
}

enum err known_keys_load(struct known_keys *k, const char *path)
{
	struct buf b;
	enum err e;

	buf_init(&b, FILE_MAX_BYTES);
	e = file_read(path, &b);
	if (!e)
		e = known_keys_decode(k, (const char *)buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return e;
}

enum err known_keys_save(struct known_keys *k, const char *path)
{
	struct buf b;
	enum err e;

	if (!k->is_changed)
		return ERR_OK;
	buf_init(&b, FILE_MAX_BYTES);
	e = known_keys_encode(k, &b);
	if (!e)
		e = file_write_atomic(path, buf_data(&b), buf_len(&b), 0600);
	buf_fini(&b);
	k->is_changed = e != ERR_OK;
	return e;
}

/* --- what is known --- */

const struct known_key *known_keys_find(const struct known_keys *k, const char *name)
{
	return find(k, name);
}

/* What this node is held against, or NULL. */
static const struct known_key *yardstick(const struct known_keys *k, const struct node *n)
{
	const struct known_key *x = find(k, n->name);

	return x ? x : find_id(k, n->id);
}

static enum known_verdict verdict_of(const struct known_key *x, const struct node *n)
{
	if (!x)
		return KNOWN_NEW;
	if (public_key_equal(&x->key, &n->identity_key))
		return KNOWN_SAME;
	return keys_identity_follows(&x->key, n) ? KNOWN_FOLLOWS : KNOWN_BROKEN;
}

enum known_verdict known_keys_judge(const struct known_keys *k, const struct node *n)
{
	return verdict_of(yardstick(k, n), n);
}

static bool same_entry(const struct known_key *a, const struct known_key *b)
{
	return a->id == b->id && public_key_equal(&a->key, &b->key) &&
	       a->is_doubted == b->is_doubted && public_key_equal(&a->offered, &b->offered);
}

/* `fresh` takes the place of what is known under its name; other names of its node are of before.
 */
static enum err put(struct known_keys *k, const struct known_key *fresh)
{
	struct known_key *x = find(k, fresh->name), *before = find_id(k, fresh->id);
	enum err e;

	if (!x && k->by_name.count >= KNOWN_KEYS_MAX)
		return ERR_LIMIT; /* and what is known stays */
	if (before && before != x)
		release_id(k, before);
	if (!x) {
		e = append(k, fresh);
		k->is_changed |= e == ERR_OK;
		return e;
	}
	if (same_entry(x, fresh))
		return ERR_OK;
	if (x->id != fresh->id) {
		release_id(k, x);
		e = take_id(k, x, fresh->id);
		if (e)
			return e;
	}
	k->n_doubted = k->n_doubted - x->is_doubted + fresh->is_doubted;
	x->key = fresh->key;
	x->is_doubted = fresh->is_doubted;
	x->offered = fresh->offered;
	x->since_ms = fresh->since_ms;
	k->is_changed = true;
	return ERR_OK;
}

enum err known_keys_note(struct known_keys *k, const struct node *n, int64_t now_ms, bool *news)
{
	const struct known_key *before = yardstick(k, n);
	struct known_key fresh = { .id = n->id, .key = n->identity_key };
	enum err e;

	*news = false;
	snprintf(fresh.name, sizeof(fresh.name), "%s", n->name);
	if (verdict_of(before, n) == KNOWN_BROKEN) {
		*news = !before->is_doubted ||
			!public_key_equal(&before->offered, &n->identity_key);
		fresh.key = before->key;
		fresh.is_doubted = true;
		fresh.offered = n->identity_key;
		fresh.since_ms = *news ? now_ms : before->since_ms;
	}
	e = put(k, &fresh);
	*news = *news && !e;
	return e;
}

bool known_keys_doubts(const struct known_keys *k, const struct node *n)
{
	return n->has_identity && known_keys_judge(k, n) == KNOWN_BROKEN;
}

enum err known_keys_accept(struct known_keys *k, const struct node *n)
{
	struct known_key fresh = { .id = n->id, .key = n->identity_key };

	snprintf(fresh.name, sizeof(fresh.name), "%s", n->name);
	return put(k, &fresh);
}
