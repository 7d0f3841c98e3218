/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/presence.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

static void flush_fired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	presence_flush(container_of(t, struct control, presence.flush));
}

static void flush_at(struct control *c, uint64_t at_ms)
{
	struct timer *t = &c->presence.flush;

	if (!timer_armed(t) || t->at_ms > at_ms)
		timer_arm(loop_timers(c->loop), t, at_ms);
}

/* --- rows --- */

struct presence_node *presence_find(struct control *c, uint32_t id)
{
	struct table_node *n = table_find(&c->presence.by_id, &id);

	return n ? container_of(n, struct presence_node, by_id) : NULL;
}

struct presence_node *presence_get(struct control *c, uint32_t id)
{
	struct presence_node *p = presence_find(c, id);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		goto out;
	p->id = p->row.node_id = id;
	p->row.since_ms = clock_wall_ms();
	bucket_init(&p->hellos, LINK_HELLO_COSTS_PER_S, LINK_HELLO_COSTS_BURST,
		    loop_now_ms(c->loop));
	list_init(&p->in_changed);
	if (table_insert(&c->presence.by_id, &p->by_id) == ERR_OK)
		return p;
	free(p);
out:
	if (log_allowed(&c->log_system))
		log_error("control: out of memory for the presence of a node");
	return NULL;
}

void presence_changed(struct control *c, struct presence_node *p)
{
	if (list_empty(&p->in_changed)) {
		list_push_back(&c->presence.changed, &p->in_changed);
		c->presence.n_changed++;
	}
	flush_at(c, loop_now_ms(c->loop) + PRESENCE_FLUSH_MS);
}

void presence_online(struct control *c, const struct conn *conn)
{
	struct presence_node *p = presence_get(c, conn->id);

	if (!p)
		return;
	if (!p->row.online)
		p->row.since_ms = clock_wall_ms();
	p->row.online = true;
	p->row.link = conn->remote;
	memcpy(p->row.version, conn->version, sizeof(p->row.version));
	presence_changed(c, p);
}

void presence_hub(struct control *c)
{
	struct presence_node *p = presence_get(c, c->settings.hub_id);

	if (!p)
		return;
	p->row.online = true;
	p->row.since_ms = clock_wall_ms();
	snprintf(p->row.version, sizeof(p->row.version), "%s", BRANCHLINE_VERSION);
	presence_changed(c, p);
}

void presence_offline(struct control *c, uint32_t id)
{
	struct presence_node *p = presence_get(c, id);

	if (!p || !p->row.online)
		return;
	p->row.online = false;
	p->row.since_ms = clock_wall_ms();
	presence_changed(c, p);
}

void presence_acked(struct control *c, uint32_t id, uint64_t revision)
{
	struct presence_node *p = presence_get(c, id);

	if (!p || p->row.acked_revision == revision)
		return;
	p->row.acked_revision = revision;
	p->row.acked_ms = clock_wall_ms();
	presence_changed(c, p);
	if (revision == c->dir.revision)
		presence_flush_soon(c);
}

void presence_spared(struct control *c, uint32_t id, uint64_t before, uint64_t now)
{
	const struct presence_node *p = presence_get(c, id);

	if (p && p->row.acked_revision == before)
		presence_acked(c, id, now);
}

void presence_holds(struct control *c, uint32_t id, uint64_t revision)
{
	struct presence_node *p = presence_get(c, id);

	if (!p || p->row.acked_revision <= revision)
		return;
	p->row.acked_revision = revision;
	presence_changed(c, p);
}

bool presence_path(struct control *c, struct presence_node *p, enum path_kind path,
		   enum path_reason reason, const struct endpoint *at)
{
	bool was_tcp = p->row.path == PATH_HUB_TCP, is_tcp = path == PATH_HUB_TCP;
	bool moved =
		(endpoint_is_set(at) && !endpoint_equal(at, &p->row.endpoint)) || was_tcp != is_tcp;

	if (!moved && p->row.path == path && p->row.reason == reason)
		return false;
	p->row.path = (uint8_t)path;
	p->row.reason = (uint8_t)reason;
	/* A path that is down keeps its last endpoint: the first place to look again. Not where a
	 * TCP connection came from. */
	if (endpoint_is_set(at) || was_tcp)
		p->row.endpoint = *at;
	presence_changed(c, p);
	return moved;
}

bool presence_nat(struct control *c, uint32_t id, uint8_t nat)
{
	struct presence_node *p = presence_get(c, id);

	/* A later spoke may know of more kinds than we do. */
	if (nat > NAT_HARD)
		nat = NAT_UNKNOWN;
	if (!p || p->row.nat == nat)
		return false;
	p->row.nat = nat;
	presence_changed(c, p);
	return true;
}

void presence_traffic(struct control *c, struct presence_node *p, const struct engine_status *s)
{
	struct store_presence *r = &p->row;

	if (r->handshake_ms == s->handshake_wall_ms && r->rx_bytes == s->rx_bytes &&
	    r->tx_bytes == s->tx_bytes && r->rtt_us == s->rtt_us)
		return;
	/* Zero after the engine was restarted: the last handshake is still a fact. */
	if (s->handshake_wall_ms)
		r->handshake_ms = s->handshake_wall_ms;
	r->rx_bytes = s->rx_bytes;
	r->tx_bytes = s->tx_bytes;
	r->rtt_us = s->rtt_us;
	presence_changed(c, p);
}

/* --- the database --- */

void presence_flush_soon(struct control *c)
{
	uint64_t now_ms = loop_now_ms(c->loop);
	uint64_t at_ms = c->presence.flushed_ms + PRESENCE_SOON_MS;

	flush_at(c, at_ms > now_ms ? at_ms : now_ms);
}

/* Copies the changed rows into c->presence.rows. */
static enum err gather(struct presence *x)
{
	struct list *pos, *tmp;
	size_t n = 0;

	if (x->rows_cap < x->n_changed) {
		struct store_presence *rows = reallocarray(x->rows, x->n_changed, sizeof(*rows));
		if (!rows)
			return ERR_NOMEM;
		x->rows = rows;
		x->rows_cap = x->n_changed;
	}
	list_for_each(pos, tmp, &x->changed)
		x->rows[n++] = list_entry(pos, struct presence_node, in_changed)->row;
	return ERR_OK;
}

void presence_flush(struct control *c)
{
	struct presence *x = &c->presence;
	uint64_t now_ms = loop_now_ms(c->loop);

	timer_disarm(loop_timers(c->loop), &x->flush);
	if (x->n_changed == 0)
		return;
	enum err e = gather(x);
	if (e == ERR_OK)
		e = store_presence_put(c->store, x->rows, x->n_changed);
	x->flushed_ms = now_ms;
	if (e) {
		(void)core_store_failed(c, e, "write presence");
		flush_at(c, now_ms + PRESENCE_RETRY_MS);
		return;
	}
	while (!list_empty(&x->changed))
		list_del(x->changed.next);
	x->n_changed = 0;
	/* One nudge for both. */
	(void)revocations_look(c);
	core_nudge(c, NUDGE_PRESENCE);
}

/* --- start and end --- */

/* One row of the last run: what it says of acks and endpoints still holds. */
static enum err take_over(void *arg, const struct store_presence *row)
{
	struct control *c = arg;
	const struct node *n = directory_find(&c->dir, row->node_id);

	if (!n || n->status == NODE_DELETED)
		return ERR_OK;
	struct presence_node *p = presence_get(c, row->node_id);
	if (!p)
		return ERR_NOMEM;
	p->row = *row;
	p->row.online = false;
	p->row.path = PATH_DOWN;
	p->row.reason = PATH_REASON_NONE;
	/* Of a directory that was replaced by an older copy: its numbers are given out anew. */
	if (row->acked_revision > c->dir.revision)
		p->row.acked_revision = 0;
	if (row->online)
		p->row.since_ms = clock_wall_ms();
	presence_changed(c, p);
	return ERR_OK;
}

enum err presence_init(struct control *c)
{
	struct presence *x = &c->presence;

	list_init(&x->changed);
	x->flush.fire = flush_fired;
	return table_init(&x->by_id, TABLE_KEY(struct presence_node, by_id, id));
}

/* What cannot be read is lost (DESIGN "Store"): presence then begins empty. */
void presence_start(struct control *c)
{
	enum err e = store_presence_list(c->store, take_over, c);

	if (e)
		(void)core_store_failed(c, e, "read presence");
	e = store_presence_reset(c->store);
	if (e)
		(void)core_store_failed(c, e, "reset presence");
}

void presence_fini(struct control *c)
{
	struct presence *x = &c->presence;
	struct table_node *n = table_next(&x->by_id, NULL);

	while (n) {
		struct table_node *next = table_next(&x->by_id, n);
		free(container_of(n, struct presence_node, by_id));
		n = next;
	}
	table_fini(&x->by_id);
	timer_disarm(loop_timers(c->loop), &x->flush);
	free(x->rows);
	x->rows = NULL;
	x->rows_cap = 0;
}
