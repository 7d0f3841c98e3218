/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/tunnel/feed.h"

#include "shared/base/log.h"
#include "shared/tunnel/movers.h"
#include "shared/tunnel/path.h"
#include "shared/tunnel/probe.h"
#include "shared/tunnel/report.h"
#include "shared/tunnel/session.h"
#include "shared/tunnel/steer.h"

/* Owner of our own prefixes in t->own; only its presence counts. */
#define OWN_ID 0u

static enum err own_add(struct tunnel *t, const struct prefix *p)
{
	return route_add(&t->own, p, NULL, OWN_ID, 0);
}

/* Starts our own prefixes anew, with our addresses. */
static enum err own_reset(struct tunnel *t)
{
	route_clear(&t->own);
	for (unsigned i = 0; i < ARRAY_LEN(t->self.addresses); i++) {
		struct prefix host;
		enum err e;

		if (!t->self.addresses[i].family)
			continue;
		host = prefix_of_host(&t->self.addresses[i]);
		e = own_add(t, &host);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err receive_self(struct tunnel *t, struct cursor *body)
{
	struct engine_self m;
	enum err e = engine_self_decode(body, &m);
	bool same_addresses;

	if (e)
		return e;
	same_addresses = addr_equal(&m.addresses[0], &t->self.addresses[0]) &&
			 addr_equal(&m.addresses[1], &t->self.addresses[1]);
	t->self = m;
	t->configured = true;
	udp_set_discovery(t->udp, m.pmtu_discovery);
	own_keys_use(t, &m.tunnel_key);
	peer_self_changed(t);
	movers_tell_self(t);
	nat_self_changed(t);
	return same_addresses ? ERR_OK : own_reset(t);
}

/* Our own record: its prefixes are those that packets may be handed to the kernel for. */
static enum err receive_own(struct tunnel *t, const struct engine_peer *m)
{
	enum err e = m->append ? ERR_OK : own_reset(t);

	for (uint16_t i = 0; i < m->n_subnets && !e; i++)
		e = own_add(t, &m->subnets[i].prefix);
	if (!e && t->movers)
		e = movers_tell_own(t, m);
	return e;
}

static enum err receive_peer(struct tunnel *t, struct cursor *body)
{
	struct engine_peer m;
	enum err e = engine_peer_decode(body, &m);

	if (e)
		return e;
	if (m.id == t->self.id)
		return receive_own(t, &m);
	e = peer_set(t, &m);
	/* Control is right about the protocol, only this peer cannot be had: the others go on. */
	if (e)
		log_error("%s cannot be a peer: %s", m.name, err_str(e));
	else
		movers_tell_peer(t, &m);
	return ERR_OK;
}

static enum err receive_peer_gone(struct tunnel *t, struct cursor *body)
{
	struct engine_peer_gone m;
	enum err e = engine_peer_gone_decode(body, &m);
	struct peer *p;

	if (e)
		return e;
	p = peer_find(t, m.id);
	if (p)
		peer_drop(p);
	return ERR_OK;
}

static enum err receive_revision(struct tunnel *t, struct cursor *body, bool ends_sync)
{
	struct engine_revision m;
	enum err e = engine_revision_decode(body, &m);

	if (e)
		return e;
	if (ends_sync)
		peer_drop_unseen(t, t->sync);
	t->syncing = t->syncing && !ends_sync;
	if (t->movers)
		movers_commit(t, m.revision);
	else
		report_applied(t, m.revision);
	return ERR_OK;
}

static enum err receive_endpoints(struct tunnel *t, struct cursor *body)
{
	struct engine_endpoints m;
	enum err e = engine_endpoints_decode(body, &m);
	struct peer *p;

	if (e)
		return e;
	p = peer_find(t, m.id);
	if (!p)
		return ERR_OK;
	path_candidates(p, &m);
	/* Somebody who is to be connected always, or is waited for, need not wait for the next
	 * packet. Who is looking for us makes the session itself while the hub relays. */
	if (!p->session.current &&
	    ((m.punch && !path_relay_works(p)) || p->set.keepalive_s || p->session.pending.n))
		session_initiate(p, false);
	return ERR_OK;
}

static enum err receive_ping(struct tunnel *t, struct cursor *body)
{
	struct engine_ping m;
	enum err e = engine_ping_decode(body, &m);

	if (!e)
		probe_ping(t, &m);
	return e;
}

static enum err receive_forget(struct tunnel *t, struct cursor *body)
{
	struct engine_forget m;
	enum err e = engine_forget_decode(body, &m);

	if (!e)
		report_forgotten(t, m.tag, peer_forget(t, m.id));
	return e;
}

static enum err receive_status_get(struct tunnel *t, struct cursor *body)
{
	struct engine_tag m;
	enum err e = engine_tag_decode(body, &m);

	if (!e)
		report_status(t, m.tag);
	return e;
}

static enum err receive_rebind(struct tunnel *t, const struct cursor *body)
{
	enum err e = cursor_end(body);

	if (!e)
		steer_rebind(t);
	if (!e)
		nat_rebind(t);
	return e;
}

static enum err receive_key_retire(struct tunnel *t, const struct cursor *body)
{
	enum err e = cursor_end(body);

	if (e)
		return e;
	own_keys_retire(t);
	report_keys(t, ERR_OK);
	return ERR_OK;
}

enum err feed_receive(struct tunnel *t, uint16_t type, struct cursor *body)
{
	if (!t->configured && type != ENGINE_SELF)
		return ERR_INVALID;
	switch (type) {
	case ENGINE_SELF:
		return receive_self(t, body);
	case ENGINE_SYNC_BEGIN:
		t->sync++;
		t->syncing = true;
		return cursor_end(body);
	case ENGINE_PEER:
		return receive_peer(t, body);
	case ENGINE_PEER_GONE:
		return receive_peer_gone(t, body);
	case ENGINE_SYNC_END:
		return receive_revision(t, body, true);
	case ENGINE_COMMIT:
		return receive_revision(t, body, false);
	case ENGINE_ENDPOINTS:
		return receive_endpoints(t, body);
	case ENGINE_PING:
		return receive_ping(t, body);
	case ENGINE_FORGET:
		return receive_forget(t, body);
	case ENGINE_STATUS_GET:
		return receive_status_get(t, body);
	case ENGINE_REBIND:
		return receive_rebind(t, body);
	case ENGINE_KEY_RETIRE:
		return receive_key_retire(t, body);
	default:
		return ERR_INVALID;
	}
}
