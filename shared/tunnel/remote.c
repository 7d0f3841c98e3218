/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/remote.h"

#include <stdlib.h>

static enum err compute(struct peer *p, const struct own_key *own, const struct public_key *key,
			struct handshake_peer *remote, struct cookie_maker *cookie)
{
	enum err e = handshake_peer_init(remote, &own->self, key, NULL);

	if (e)
		return e;
	e = cookie_maker_init(cookie, &p->tunnel->primitives, key);
	if (e)
		handshake_peer_fini(remote);
	return e;
}

enum err remote_init(struct peer *p)
{
	const struct own_key *own = p->tunnel->own_keys.key[0];

	p->session.remote_own = own->number;
	return compute(p, own, &p->tunnel_key, &p->session.remote, &p->session.cookie);
}

void remote_forget_old(struct peer *p)
{
	if (!p->session.old)
		return;
	list_del(&p->session.old->link);
	free(p->session.old);
	p->session.old = NULL;
}

/* The present key becomes the old one. Without memory it is not kept: the peer's new key does. */
static void keep_old(struct peer *p)
{
	struct old_key *old = p->session.old;

	if (!old) {
		old = calloc(1, sizeof(*old));
		if (!old)
			return;
		list_push_back(&p->tunnel->old_keys, &old->link);
		p->session.old = old;
	}
	old->peer = p;
	old->key = p->tunnel_key;
	old->until_ms = p->tunnel->now_ms + OLD_KEY_MS;
}

enum err remote_change(struct peer *p, const struct public_key *key)
{
	const struct own_key *own = p->tunnel->own_keys.key[0];
	struct session *s = &p->session;
	struct handshake_peer remote;
	struct cookie_maker cookie;
	enum err e;

	if (p->tunnel->mover)
		return ERR_OK;
	e = compute(p, own, key, &remote, &cookie);
	if (e)
		return e;
	keep_old(p);
	handshake_peer_fini(&s->remote);
	cookie_maker_fini(&s->cookie);
	s->remote = remote;
	s->cookie = cookie;
	s->remote_own = own->number;
	secret_zero(&remote, sizeof(remote));
	secret_zero(&cookie, sizeof(cookie));
	return ERR_OK;
}

void remote_fini(struct peer *p)
{
	remote_forget_old(p);
	handshake_peer_fini(&p->session.remote);
	cookie_maker_fini(&p->session.cookie);
}

/* What is kept with the session goes by our first key, which is another since. */
static enum err renew(struct peer *p, const struct own_key *own)
{
	struct session *s = &p->session;
	struct handshake_peer remote;
	enum err e;

	if (s->remote_own == own->number)
		return ERR_OK;
	e = handshake_peer_init(&remote, &own->self, &p->tunnel_key, NULL);
	if (e)
		return e;
	s->remote = remote;
	s->remote_own = own->number;
	secret_zero(&remote, sizeof(remote));
	return ERR_OK;
}

enum err remote_open(struct peer *p, const struct own_key *own, const struct public_key *theirs,
		     struct remote *out)
{
	enum err e;

	*out = (struct remote){ .peer = &out->own_peer, .cookie = &out->own_cookie };
	if (!public_key_equal(theirs, &p->tunnel_key))
		return compute(p, own, theirs, &out->own_peer, &out->own_cookie);
	out->cookie = &p->session.cookie;
	if (own == p->tunnel->own_keys.key[0]) {
		out->peer = &p->session.remote;
		return renew(p, own);
	}
	e = handshake_peer_init(&out->own_peer, &own->self, theirs, NULL);
	return e;
}

void remote_close(struct remote *r)
{
	handshake_peer_fini(&r->own_peer);
	cookie_maker_fini(&r->own_cookie);
}

struct peer *remote_find_old(struct tunnel *t, const struct public_key *key)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &t->old_keys) {
		struct old_key *old = list_entry(pos, struct old_key, link);

		if (t->now_ms >= old->until_ms)
			remote_forget_old(old->peer);
		else if (public_key_equal(&old->key, key))
			return old->peer;
	}
	return NULL;
}
