/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/hub_pin.h"

#include <string.h>

#include "shared/base/base64.h"
#include "shared/base/log.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/keys/keys.h"
#include "shared/monitor/key_files.h"
#include "spoke/control/spoke.h"

/* --- the files --- */

static enum err read_files(const struct spoke *s, struct hub_pin *out)
{
	char path[PATHS_FILE_SIZE + sizeof(KEY_FILES_NEXT)];
	enum err e = keys_read_public(s->cfg->hub_pin_file, &out->pin), next;

	out->has_pin = e == ERR_OK;
	snprintf(path, sizeof(path), "%s" KEY_FILES_NEXT, s->cfg->hub_pin_file);
	next = keys_read_public(path, &out->next);
	out->has_next = next == ERR_OK;
	if (next && next != ERR_NOTFOUND)
		log_warn("%s: %s; it is passed over", path, err_str(next));
	return e;
}

enum err hub_pin_read(struct spoke *s)
{
	enum err e = read_files(s, &s->hub_pin);

	if (!e || (e == ERR_NOTFOUND && cache_hub(&s->cache)))
		return ERR_OK;
	log_error("%s: %s; without it the hub cannot be told from another", s->cfg->hub_pin_file,
		  err_str(e));
	return e;
}

void hub_pin_reload(struct spoke *s)
{
	struct hub_pin *x = &s->hub_pin, fresh = { 0 };
	enum err e = read_files(s, &fresh);

	if (e) {
		log_error("%s: %s; the hub's key stays as it was", s->cfg->hub_pin_file,
			  err_str(e));
		return;
	}
	/* In hub.pin.next stands what hub.pin is about to have: nothing was changed by hand. */
	if (x->unpromoted || x->keep_tag)
		return;
	if (!x->has_pin || !public_key_equal(&x->pin, &fresh.pin))
		log_notice("%s has another key than before", s->cfg->hub_pin_file);
	x->has_pin = true;
	x->pin = fresh.pin;
	x->has_next = fresh.has_next;
	x->next = fresh.next;
	x->has_refused = false;
}

static uint32_t ask_monitor(struct spoke *s, enum monitor_key_op op, const struct public_key *key)
{
	struct monitor_key m = { .tag = ++s->net.tag, .what = MONITOR_KEY_HUB_PIN, .op = op };
	uint8_t mem[MONITOR_KEY_BYTES];
	uint32_t tag = m.tag;
	struct cursor c;
	enum err e;

	if (key)
		memcpy(m.key.b, key->b, KEY_BYTES);
	cursor_init_write(&c, mem, sizeof(mem));
	monitor_key_encode(&m, &c);
	e = net_feed_send(&s->net, MONITOR_KEY, &c);
	if (!e)
		return tag;
	log_warn("the hub's new key cannot be kept: %s", err_str(e));
	return 0;
}

/* --- who is our hub --- */

/* The directory's hub has a key that leads back to hub.pin, by signatures alone. */
static bool is_of_directory(const struct spoke *s, const struct public_key *peer)
{
	const struct node *hub = cache_hub(&s->cache);
	const struct hub_pin *x = &s->hub_pin;

	if (!hub || !hub->has_identity || !public_key_equal(peer, &hub->identity_key))
		return false;
	return x->has_pin ? keys_identity_follows(&x->pin, hub)
			  : !engine_feed_holds(&s->engine, hub);
}

/* The newest key of our hub that we know of: a link may be older than the last change of keys. */
static const struct public_key *present(const struct spoke *s)
{
	const struct node *hub = cache_hub(&s->cache);
	const struct hub_pin *x = &s->hub_pin;

	if (hub && hub->has_identity && is_of_directory(s, &hub->identity_key))
		return &hub->identity_key;
	return x->has_pin ? &x->pin : &x->shown;
}

static bool is_ours(const struct spoke *s, const struct public_key *peer)
{
	const struct hub_pin *x = &s->hub_pin;

	return (x->has_pin && public_key_equal(peer, &x->pin)) ||
	       (x->has_next && public_key_equal(peer, &x->next)) || is_of_directory(s, peer);
}

bool hub_pin_check(struct spoke *s, const struct endpoint *at, const struct public_key *peer)
{
	char where[ENDPOINT_STR_SIZE], fingerprint[KEYS_FINGERPRINT_SIZE];

	if (is_ours(s, peer))
		return true;
	s->hub_pin.has_refused = true;
	s->hub_pin.refused = *peer;
	if (log_allowed(&s->wrong_hub_limit))
		log_error(
			"%s is not our hub: its key has the fingerprint %s, which is neither that "
			"of hub.pin nor one that our hub has announced. If the hub's identity was "
			"replaced while this branch was away, \"branchline-hub identity show\" "
			"shows this fingerprint: then say \"branchline-spoke pin %s\". Otherwise "
			"somebody is between this branch and its hub",
			endpoint_format(at, where), keys_fingerprint(peer, fingerprint),
			fingerprint);
	return false;
}

void hub_pin_shown(struct spoke *s, const struct public_key *peer) { s->hub_pin.shown = *peer; }

/* --- 1. the next key --- */

static void confirm(struct spoke *s, const struct public_key *key)
{
	struct control_msg m = { .type = CONTROL_HUB_KEY_KNOWN };

	if (!client_is_up(&s->client) || !(s->client.capabilities & CAP_HUB_KEY))
		return;
	m.hub_key_known.key = *key;
	client_send(&s->client, &m);
}

static void keep(struct spoke *s, const struct public_key *key, bool adopt)
{
	struct hub_pin *x = &s->hub_pin;

	x->keep_tag = ask_monitor(s, MONITOR_KEY_KEEP, key);
	x->keeping = *key;
	x->adopt = adopt;
}

static void promote(struct spoke *s);

static void kept(struct spoke *s, const struct monitor_done *m)
{
	struct hub_pin *x = &s->hub_pin;

	x->keep_tag = 0;
	if (m->result) {
		log_error("the hub's next key cannot be kept in %s" KEY_FILES_NEXT ": %s; the hub "
			  "is not told that it is known",
			  s->cfg->hub_pin_file, m->text[0] ? m->text : err_str(m->result));
		return;
	}
	x->has_next = true;
	x->next = x->keeping;
	if (x->adopt) {
		promote(s);
		confirm(s, &x->pin);
		return;
	}
	log_notice("the hub is about to replace its identity key: the next one is known");
	confirm(s, &x->next);
}

/* The hub has no next key, or took it back. */
static void drop(struct spoke *s)
{
	struct hub_pin *x = &s->hub_pin;

	x->waiting.has_key = false;
	if (x->unpromoted || (!x->has_next && !x->keep_tag))
		return;
	if (x->keep_tag && x->adopt)
		return;
	x->keep_tag = 0;
	x->has_next = false;
	(void)ask_monitor(s, MONITOR_KEY_DROP, NULL);
	log_notice("the hub has taken its next identity key back");
}

void hub_pin_told(struct spoke *s, const struct control_hub_key *k)
{
	struct hub_pin *x = &s->hub_pin;

	if (!k->has_key) {
		drop(s);
	} else if (!keys_identity_is_signed(present(s), &k->key, k->sig)) {
		log_error("the hub announces a next identity key that its present one has not "
			  "signed: it is not taken");
	} else if (public_key_equal(&x->pin, &k->key) ||
		   (x->has_next && public_key_equal(&x->next, &k->key))) {
		confirm(s, &k->key);
	} else if (x->unpromoted || x->keep_tag) {
		/* The file has another key to hold just now. */
		x->waiting = *k;
	} else {
		keep(s, &k->key, false);
	}
}

/* What had to wait for a step of the monitor. */
static void go_on(struct spoke *s)
{
	struct hub_pin *x = &s->hub_pin;
	struct control_hub_key k = x->waiting;

	if (!k.has_key || x->unpromoted || x->keep_tag)
		return;
	x->waiting.has_key = false;
	if (client_is_up(&s->client))
		hub_pin_told(s, &k);
}

/* --- 2. in force --- */

static void promote(struct spoke *s)
{
	struct hub_pin *x = &s->hub_pin;

	if (x->has_next) {
		x->pin = x->next;
		x->has_pin = true;
		x->has_next = false;
		x->unpromoted = true;
		log_notice("the hub has a new identity key; the old one is not taken any more");
	}
	if (!x->promote_tag)
		x->promote_tag = ask_monitor(s, MONITOR_KEY_PROMOTE, NULL);
}

static void promoted(struct spoke *s, const struct monitor_done *m)
{
	struct hub_pin *x = &s->hub_pin;

	x->promote_tag = 0;
	x->unpromoted = m->result != ERR_OK && m->result != ERR_NOTFOUND;
	if (m->result == ERR_NOTFOUND)
		keep(s, &x->pin, true); /* somebody has removed the file */
	else if (m->result)
		log_error("the hub's new key cannot take its place in %s: %s; it is tried again",
			  s->cfg->hub_pin_file, m->text[0] ? m->text : err_str(m->result));
}

void hub_pin_settle(struct spoke *s)
{
	const struct node *hub = cache_hub(&s->cache);
	struct hub_pin *x = &s->hub_pin;

	if (x->unpromoted) {
		promote(s);
		return;
	}
	if (!hub || !hub->has_identity || !x->has_pin ||
	    public_key_equal(&x->pin, &hub->identity_key))
		return;
	if (x->has_next && public_key_equal(&x->next, &hub->identity_key))
		promote(s);
	else if (!x->keep_tag && keys_identity_follows(&x->pin, hub))
		keep(s, &hub->identity_key, true);
}

void hub_pin_welcomed(struct spoke *s, const struct control_welcome *w)
{
	struct hub_pin *x = &s->hub_pin;

	x->has_refused = false;
	if (x->unpromoted || (x->has_next && public_key_equal(&x->next, &x->shown)))
		promote(s);
	if (w->capabilities & CAP_HUB_KEY)
		hub_pin_told(s, &w->hub_key);
}

bool hub_pin_monitor_done(struct spoke *s, const struct monitor_done *m)
{
	struct hub_pin *x = &s->hub_pin;

	if (!m->tag || (m->tag != x->keep_tag && m->tag != x->promote_tag))
		return false;
	if (m->tag == x->keep_tag)
		kept(s, m);
	else
		promoted(s, m);
	go_on(s);
	return true;
}
