/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/keys/keys.h"
#include "spoke/control/spoke.h"

static const char *file_of(const struct spoke *s, char path[PATHS_FILE_SIZE])
{
	return paths_join(path, s->cfg->paths.state, KNOWN_KEYS_FILE);
}

static void save(struct spoke *s)
{
	char path[PATHS_FILE_SIZE];
	enum err e = known_keys_save(&s->known, file_of(s, path));

	if (e && log_allowed(&s->cache_limit))
		log_warn("%s cannot be written: %s; after a restart keys of other nodes that have "
			 "changed meanwhile may not be noticed",
			 path, err_str(e));
}

/* We, invited and revoked nodes, and devices without an identity are not judged. */
static bool is_judged(const struct spoke *s, const struct node *n)
{
	return n->has_identity && n->status == NODE_ACTIVE && n->id != s->cache.welcome.id;
}

static void warn(struct spoke *s, const struct node *n)
{
	char now[KEYS_FINGERPRINT_SIZE], before[KEYS_FINGERPRINT_SIZE] = "?";
	const struct known_key *x = known_keys_find(&s->known, n->name);

	if (x)
		keys_fingerprint(&x->key, before);
	log_warn("node %s has another identity key (fingerprint %s) than this branch knows (%s), "
		 "and "
		 "the one before has not signed for it: it was joined anew, or somebody has put "
		 "another machine in its place. Ask its admin, then: branchline-spoke key accept "
		 "%s%s",
		 n->name, keys_fingerprint(&n->identity_key, now), before, n->name,
		 s->cfg->strict_keys ? ". Until then there is no tunnel to it (StrictKeys)" : "");
}

static void judge(struct spoke *s, const struct node *n)
{
	enum known_verdict v;
	bool news = false;
	enum err e;

	if (!is_judged(s, n))
		return;
	v = known_keys_judge(&s->known, n);
	/* hub.pin is the word of this branch's own admin. */
	if (n->id == s->cache.welcome.hub_id && s->hub_pin.has_pin &&
	    public_key_equal(&s->hub_pin.pin, &n->identity_key))
		e = known_keys_accept(&s->known, n);
	else
		e = known_keys_note(&s->known, n, clock_wall_ms(), &news);
	if (v == KNOWN_FOLLOWS)
		log_notice("node %s has a new identity key, signed for by the one before", n->name);
	if (news)
		warn(s, n);
	if (e && log_allowed(&s->cache_limit))
		log_error("the identity key of node %s cannot be remembered: %s", n->name,
			  err_str(e));
}

void trust_start(struct spoke *s)
{
	char path[PATHS_FILE_SIZE], aside[PATHS_FILE_SIZE + 16];
	enum err e = known_keys_load(&s->known, file_of(s, path));

	if (e && e != ERR_NOTFOUND) {
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		log_error("%s: %s; it is moved to %s, and the keys of all nodes are learnt anew",
			  path, err_str(e), aside);
		if (rename(path, aside) < 0)
			log_error("%s: %s", aside, strerror(errno));
	}
	for (uint32_t i = 0; i < s->cache.dir.count; i++)
		judge(s, &s->cache.dir.nodes[i]);
	save(s);
}

void trust_judge(struct spoke *s, const struct delta *x)
{
	for (uint32_t i = 0; i < x->n_changed; i++)
		judge(s, &x->changed[i]);
	save(s);
}

/* The keys in doubt of active nodes. */
static void collect(const struct spoke *s, struct control_held_keys *out)
{
	for (uint32_t i = 0; s->known.n_doubted && i < s->cache.dir.count; i++) {
		const struct node *x = &s->cache.dir.nodes[i];

		if (out->n < LINK_HELD_KEYS_MAX && is_judged(s, x) &&
		    known_keys_doubts(&s->known, x))
			out->keys[out->n++] =
				(struct control_held_key){ .id = x->id,
							   .identity_key = x->identity_key };
	}
}

void trust_tell(struct spoke *s)
{
	struct control_msg m;

	if (!client_is_up(&s->client) || !(s->client.capabilities & CAP_HELD_KEYS))
		return;
	/* Without it the hello has said that there are none. */
	if (!s->cfg->strict_keys) {
		s->has_told_held = false;
		return;
	}
	memset(&m, 0, sizeof(m)); /* with what is between its members: it is compared */
	m.type = CONTROL_HELD_KEYS;
	collect(s, &m.held);
	if (s->has_told_held && memcmp(&m.held, &s->told_held, sizeof(m.held)) == 0)
		return;
	s->told_held = m.held;
	s->has_told_held = true;
	client_send(&s->client, &m);
}

void trust_link_up(struct spoke *s)
{
	s->has_told_held = false;
	trust_tell(s);
}

enum err trust_accept(struct spoke *s, const char *name)
{
	const struct node *n = directory_find_name(&s->cache.dir, name);
	enum err e;

	if (!n || !is_judged(s, n))
		return ERR_NOTFOUND;
	if (!known_keys_doubts(&s->known, n))
		return ERR_EXISTS;
	e = known_keys_accept(&s->known, n);
	if (e)
		return e;
	log_notice("the identity key of node %s is accepted by the admin of this branch", name);
	save(s);
	apply_cache(s);
	trust_tell(s);
	return ERR_OK;
}

/* "known", or what is in doubt: "held" is no peer until it is accepted, "changed" was warned of. */
static const char *state_of(const struct spoke *s, const struct known_key *x)
{
	if (!x->is_doubted)
		return "known";
	return s->cfg->strict_keys ? "held" : "changed";
}

static bool is_member(const struct spoke *s, const struct known_key *x)
{
	const struct node *n = directory_find(&s->cache.dir, x->id);

	return n && n->status == NODE_ACTIVE && strcmp(n->name, x->name) == 0;
}

json_t *trust_json(const struct spoke *s)
{
	char key[KEYS_FINGERPRINT_SIZE], offered[KEYS_FINGERPRINT_SIZE], since[CLOCK_RFC3339_SIZE];
	const struct table_node *n = NULL;
	json_t *list = json_array();

	while ((n = table_next(&s->known.by_name, n))) {
		const struct known_key *x = container_of(n, struct known_key, by_name);

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:b}", "name", x->name, "state",
				  state_of(s, x), "fingerprint", keys_fingerprint(&x->key, key),
				  "offered_fingerprint",
				  x->is_doubted
					  ? json_string(keys_fingerprint(&x->offered, offered))
					  : json_null(),
				  "since",
				  x->is_doubted
					  ? json_string(clock_format_rfc3339(x->since_ms, since))
					  : json_null(),
				  "member", (int)is_member(s, x)));
	}
	return json_pack("{s:b, s:b, s:o}", "done", 1, "strict", (int)s->cfg->strict_keys, "known",
			 list);
}
