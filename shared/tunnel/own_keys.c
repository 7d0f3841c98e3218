/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/own_keys.h"

#include <stdlib.h>

#include "shared/base/log.h"
#include "shared/ipc/channel.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/timers.h"
#include "shared/tunnel/tunnel.h"

/* After a change of key: time for the neighbours to hear of it before the first handshake with it.
 */
#define OWN_KEY_REKEY_DELAY_MS 1000u

static void key_free(struct own_key *k)
{
	if (!k)
		return;
	handshake_self_fini(&k->self);
	cookie_checker_fini(&k->checker);
	secret_zero(k, sizeof(*k));
	free(k);
}

static enum err key_new(struct tunnel *t, const struct secret_key *secret, struct own_key **out)
{
	struct own_key *k = calloc(1, sizeof(*k));
	enum err e = k ? handshake_self_init(&k->self, secret) : ERR_NOMEM;

	if (!e)
		e = cookie_checker_init(&k->checker, &t->primitives, own_key_public(k));
	if (e) {
		key_free(k);
		return e;
	}
	k->number = ++t->own_keys.numbers;
	*out = k;
	return ERR_OK;
}

enum err own_keys_add(struct tunnel *t, const struct secret_key *secret)
{
	struct own_keys *o = &t->own_keys;
	struct own_key *k;
	enum err e;

	if (o->key[1])
		return ERR_EXISTS;
	e = key_new(t, secret, &k);
	if (e)
		return e;
	if (o->key[0] && public_key_equal(own_key_public(o->key[0]), own_key_public(k))) {
		key_free(k);
		return ERR_EXISTS;
	}
	o->key[o->key[0] != NULL] = k;
	return ERR_OK;
}

void own_keys_fini(struct tunnel *t)
{
	key_free(t->own_keys.key[0]);
	key_free(t->own_keys.key[1]);
	t->own_keys = (struct own_keys){ 0 };
}

const struct own_key *own_keys_find(const struct tunnel *t, uint32_t number)
{
	for (unsigned i = 0; i < ARRAY_LEN(t->own_keys.key); i++)
		if (t->own_keys.key[i] && t->own_keys.key[i]->number == number)
			return t->own_keys.key[i];
	return NULL;
}

/* Hands the new key to the monitor, which writes it beside the present one. */
static enum err keep(struct tunnel *t, struct channel *monitor, const struct secret_key *secret)
{
	struct monitor_key m = { .tag = ++t->own_keys.tag,
				 .what = MONITOR_KEY_TUNNEL,
				 .op = MONITOR_KEY_KEEP,
				 .key = *secret };
	uint8_t mem[MONITOR_KEY_BYTES];
	struct cursor c;
	enum err e;

	cursor_init_write(&c, mem, sizeof(mem));
	monitor_key_encode(&m, &c);
	e = c.err ? c.err : channel_send(monitor, MONITOR_KEY, mem, cursor_pos(&c), -1);
	secret_zero(mem, sizeof(mem));
	secret_zero(&m, sizeof(m));
	return e;
}

void own_keys_make(struct tunnel *t, struct channel *monitor)
{
	struct own_keys *o = &t->own_keys;
	struct secret_key secret;
	enum err e;

	if (o->key[1]) {
		if (!o->unkept)
			report_keys(t, ERR_OK);
		return;
	}
	secret_random(secret.b, sizeof(secret.b));
	/* RFC 7748 section 5, so that the file holds the number that is meant. */
	secret.b[0] &= 248;
	secret.b[31] = (uint8_t)((secret.b[31] & 127) | 64);
	e = own_keys_add(t, &secret);
	if (!e) {
		o->unkept = true;
		e = monitor ? keep(t, monitor, &secret) : ERR_CLOSED;
	}
	secret_zero(&secret, sizeof(secret));
	if (!e)
		return;
	own_keys_retire(t);
	report_keys(t, e);
}

enum err own_keys_kept(struct tunnel *t, struct cursor *body)
{
	struct monitor_done m;
	enum err e = monitor_done_decode(body, &m);

	if (e || !t->own_keys.unkept || m.tag != t->own_keys.tag)
		return e;
	t->own_keys.unkept = false;
	if (m.result) {
		log_error("the new tunnel key cannot be kept: %s; the old one stays",
			  m.text[0] ? m.text : err_str(m.result));
		own_keys_retire(t);
	}
	report_keys(t, m.result);
	return ERR_OK;
}

/* Every session gets keys of the new one; spread out, as a crowd's handshakes at once would be a
 * burst of work for all. */
static void rekey_all(struct tunnel *t)
{
	struct table_node *n = NULL;
	uint64_t sessions = 0;

	while ((n = table_next(&t->by_id, n))) {
		struct peer *p = container_of(n, struct peer, by_id);

		if (p->session.current && peer_is_agent(p))
			timers_rekey(p, OWN_KEY_REKEY_DELAY_MS +
						sessions++ * 1000 / MOVER_REKEYS_PER_S);
	}
}

void own_keys_use(struct tunnel *t, const struct public_key *key)
{
	struct own_keys *o = &t->own_keys;
	struct own_key *first = o->key[0];

	if (!o->key[1] || o->unkept || !public_key_equal(own_key_public(o->key[1]), key))
		return;
	o->key[0] = o->key[1];
	o->key[1] = first;
	log_notice("handshakes begin with the other tunnel key now");
	rekey_all(t);
}

void own_keys_retire(struct tunnel *t)
{
	key_free(t->own_keys.key[1]);
	t->own_keys.key[1] = NULL;
	t->own_keys.unkept = false;
}

enum cookie_verdict own_keys_check(struct tunnel *t, const uint8_t *msg, size_t n,
				   const struct cookie_source *from, struct own_key **own)
{
	for (unsigned i = 0; i < ARRAY_LEN(t->own_keys.key); i++) {
		enum cookie_verdict v;

		if (!t->own_keys.key[i])
			continue;
		v = cookie_check(&t->own_keys.key[i]->checker, &t->primitives, msg, n, from,
				 t->now_ms);
		if (v == COOKIE_BAD)
			continue;
		*own = t->own_keys.key[i];
		return v;
	}
	return COOKIE_BAD;
}
