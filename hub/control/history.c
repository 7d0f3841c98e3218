/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/history.h"

#include <stdlib.h>

#include "hub/control/core.h"
#include "shared/base/clock.h"

struct history_node {
	struct table_node by_id;
	uint32_t id;
	bool known; /* the counters below are of this run */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets; /* as the engine told last */
	struct store_sample second, minute;
	uint64_t rtt_sum, loss_sum, up_ms; /* of this minute */
	uint32_t n_rtt, n_loss;
};

/* NULL when memory is out: then there is no history of it. */
static struct history_node *node_of(struct control *c, uint32_t id)
{
	struct table_node *t = table_find(&c->history.by_id, &id);
	struct history_node *n;

	if (t)
		return container_of(t, struct history_node, by_id);
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = n->second.node_id = n->minute.node_id = id;
	if (table_insert(&c->history.by_id, &n->by_id) == ERR_OK)
		return n;
	free(n);
	return NULL;
}

/* --- what is counted --- */

/* How much was added; a counter that fell began anew. */
static uint64_t added(uint64_t *last, uint64_t now)
{
	uint64_t n = now >= *last ? now - *last : now;

	*last = now;
	return n;
}

static void add_traffic(struct store_sample *to, const struct store_sample *x)
{
	to->rx_bytes += x->rx_bytes;
	to->tx_bytes += x->tx_bytes;
	to->rx_packets += x->rx_packets;
	to->tx_packets += x->tx_packets;
}

static void note_quality(struct history_node *n, const struct engine_status *m)
{
	n->second.path = n->minute.path = (uint8_t)m->path;
	if (m->path == PATH_DOWN)
		return;
	n->second.rtt_us = m->rtt_us;
	n->second.loss_known = true;
	n->second.loss_permille = m->loss_permille;
	n->rtt_sum += m->rtt_us;
	n->n_rtt += m->rtt_us != 0;
	n->loss_sum += m->loss_permille;
	n->n_loss++;
}

void history_engine(struct control *c, const struct engine_status *m)
{
	struct history_node *n = node_of(c, m->id);
	struct store_sample x = { 0 };

	if (!n)
		return;
	x.rx_bytes = added(&n->rx_bytes, m->rx_bytes);
	x.tx_bytes = added(&n->tx_bytes, m->tx_bytes);
	x.rx_packets = added(&n->rx_packets, m->rx_packets);
	x.tx_packets = added(&n->tx_packets, m->tx_packets);
	note_quality(n, m);
	if (n->known) {
		add_traffic(&n->second, &x);
		add_traffic(&n->minute, &x);
		add_traffic(&c->history.second, &x);
		add_traffic(&c->history.minute, &x);
	}
	n->known = true;
}

void history_pair(struct control *c, const struct store_pair *old, const struct store_pair *now)
{
	struct history_node *n;
	uint64_t rx, tx;

	if (now->node_id == c->settings.hub_id || now->peer_id == c->settings.hub_id)
		return;
	n = node_of(c, now->node_id);
	if (!n)
		return;
	/* What it received went to it. */
	rx = now->tx_bytes >= old->tx_bytes ? now->tx_bytes - old->tx_bytes : now->tx_bytes;
	tx = now->rx_bytes >= old->rx_bytes ? now->rx_bytes - old->rx_bytes : now->rx_bytes;
	n->minute.spokes_rx_bytes += rx;
	n->minute.spokes_tx_bytes += tx;
	c->history.minute.spokes_rx_bytes += rx;
	c->history.minute.spokes_tx_bytes += tx;
}

/* --- writing --- */

/* Room for the hub and every node. */
static bool make_room(struct control *c)
{
	struct history *h = &c->history;
	size_t n = (size_t)c->dir.count + 1;
	struct store_sample *rows;

	if (n <= h->rows_cap)
		return true;
	rows = reallocarray(h->rows, n, sizeof(*rows));
	if (!rows)
		return false;
	h->rows = rows;
	h->rows_cap = n;
	return true;
}

static void write_rows(struct control *c, enum history_ring ring, size_t n)
{
	enum err e = core_store_rests(c) ? ERR_OK
					 : store_history_put(c->store, ring, c->history.rows, n);

	if (e)
		(void)core_store_failed(c, e, "write the history of traffic");
}

static bool is_online(const struct control *c, uint32_t id)
{
	const struct table_node *t = table_find(&c->presence.by_id, &id);

	return t && container_of(t, struct presence_node, by_id)->row.online;
}

/* Is the second worth a sample? In large networks of those only through which something went. */
static bool is_second_kept(const struct control *c, const struct history_node *n)
{
	return n->second.rx_packets || n->second.tx_packets ||
	       (c->dir.count <= HISTORY_SECONDS_NODES && is_online(c, n->id));
}

static void begin_second(struct history_node *n)
{
	n->second = (struct store_sample){ .node_id = n->id, .path = n->second.path };
}

void history_swept(struct control *c)
{
	struct history *h = &c->history;
	int64_t now_s = clock_wall_ms() / 1000;
	size_t n = 1;

	if (!make_room(c))
		return;
	h->rows[0] = h->second;
	h->rows[0].at_s = now_s;
	for (uint32_t i = 0; i < c->dir.count; i++) {
		struct table_node *t = table_find(&h->by_id, &c->dir.nodes[i].id);
		struct history_node *x = t ? container_of(t, struct history_node, by_id) : NULL;

		if (!x)
			continue;
		if (is_second_kept(c, x)) {
			h->rows[n] = x->second;
			h->rows[n].at_s = now_s;
			h->rows[n++].up_s = is_online(c, x->id);
		}
		begin_second(x);
	}
	write_rows(c, HISTORY_SECOND, n);
	h->second = (struct store_sample){ .nodes_up = h->second.nodes_up };
}

/* The minute's sample of a node. False: it was not there. */
static bool close_minute(struct history_node *n, int64_t at_s, struct store_sample *out)
{
	struct store_sample *m = &n->minute;
	const uint64_t up_s = (n->up_ms + 500) / 1000;

	*out = *m;
	out->at_s = at_s;
	out->up_s = up_s < 60 ? (uint32_t)up_s : 60;
	out->rtt_us = n->n_rtt ? (uint32_t)(n->rtt_sum / n->n_rtt) : 0;
	out->loss_known = n->n_loss != 0;
	out->loss_permille = (uint16_t)(n->n_loss ? n->loss_sum / n->n_loss : 0);
	*m = (struct store_sample){ .node_id = n->id, .path = m->path };
	n->rtt_sum = n->loss_sum = n->up_ms = 0;
	n->n_rtt = n->n_loss = 0;
	return out->up_s || out->rx_packets || out->tx_packets || out->spokes_rx_bytes ||
	       out->spokes_tx_bytes;
}

static void write_minute(struct control *c)
{
	struct history *h = &c->history;
	size_t n = 1;

	if (!make_room(c))
		return;
	h->rows[0] = h->minute;
	h->rows[0].at_s = h->minute_s;
	h->minute = (struct store_sample){ 0 };
	for (uint32_t i = 0; i < c->dir.count; i++) {
		struct table_node *t = table_find(&h->by_id, &c->dir.nodes[i].id);

		if (t && close_minute(container_of(t, struct history_node, by_id), h->minute_s,
				      &h->rows[n]))
			n++;
	}
	write_rows(c, HISTORY_MINUTE, n);
}

static void roll_hour(struct control *c, int64_t hour_s)
{
	uint32_t last = c->dir.count ? c->dir.nodes[c->dir.count - 1].id : 0;
	enum err e = core_store_rests(c) ? ERR_OK : store_history_roll(c->store, hour_s, last);

	if (e)
		(void)core_store_failed(c, e, "write the history of an hour");
}

/* Its presence may outlive it. */
static void forget_pointer(struct control *c, const struct history_node *n)
{
	struct table_node *t = table_find(&c->presence.by_id, &n->id);

	if (t)
		container_of(t, struct presence_node, by_id)->history = NULL;
}

/* Nodes that are in the network no more. */
static void forget_gone(struct control *c)
{
	struct table_node *t = table_next(&c->history.by_id, NULL), *next;

	for (; t; t = next) {
		struct history_node *n = container_of(t, struct history_node, by_id);
		const struct node *now = directory_find(&c->dir, n->id);

		next = table_next(&c->history.by_id, t);
		if (now && now->status != NODE_DELETED)
			continue;
		forget_pointer(c, n);
		table_remove(&c->history.by_id, t);
		free(n);
	}
}

/* --- time --- */

static void count_online(struct control *c, uint64_t elapsed_ms)
{
	struct history *h = &c->history;
	uint32_t n_up = 0;

	for (struct table_node *t = NULL; (t = table_next(&c->presence.by_id, t));) {
		struct presence_node *p = container_of(t, struct presence_node, by_id);

		if (!p->row.online || p->id == c->settings.hub_id)
			continue;
		n_up++;
		if (!p->history)
			p->history = node_of(c, p->id);
		if (p->history)
			p->history->up_ms += elapsed_ms;
	}
	h->second.nodes_up = n_up;
	h->minute.nodes_up = n_up > h->minute.nodes_up ? n_up : h->minute.nodes_up;
}

void history_advance(struct control *c, uint64_t elapsed_ms, int64_t wall_s)
{
	struct history *h = &c->history;
	int64_t minute_s = wall_s - wall_s % 60, hour_s = h->minute_s - h->minute_s % 3600;

	count_online(c, elapsed_ms);
	if (minute_s == h->minute_s)
		return;
	write_minute(c);
	forget_gone(c);
	h->minute_s = minute_s;
	if (minute_s - minute_s % 3600 != hour_s)
		roll_hour(c, hour_s);
}

static void tick_fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, history.tick);
	struct history *h = &c->history;

	timer_arm(loop_timers(c->loop), t, now_ms + HISTORY_TICK_MS);
	history_advance(c, now_ms - h->ticked_ms, clock_wall_ms() / 1000);
	h->ticked_ms = now_ms;
	if (c->dir.count <= HISTORY_SECONDS_NODES && !c->engine.asked)
		engine_feed_ask_status(c);
}

/* --- start and end --- */

enum err history_init(struct control *c)
{
	c->history.tick.fire = tick_fired;
	return table_init(&c->history.by_id, TABLE_KEY(struct history_node, by_id, id));
}

/* The hour in which the run before ended may be over: its minutes are there. */
void history_start(struct control *c)
{
	struct history *h = &c->history;
	int64_t now_s = clock_wall_ms() / 1000, last_s;
	enum err e = store_history_newest(c->store, HISTORY_MINUTE, &last_s);

	if (e)
		(void)core_store_failed(c, e, "read the history of traffic");
	else if (last_s && last_s / 3600 < now_s / 3600)
		roll_hour(c, last_s - last_s % 3600);
	h->minute_s = now_s - now_s % 60;
	h->ticked_ms = loop_now_ms(c->loop);
	timer_arm(loop_timers(c->loop), &h->tick, h->ticked_ms + HISTORY_TICK_MS);
}

void history_fini(struct control *c)
{
	struct history *h = &c->history;
	struct table_node *t = table_next(&h->by_id, NULL), *next;

	for (; t; t = next) {
		next = table_next(&h->by_id, t);
		free(container_of(t, struct history_node, by_id));
	}
	table_fini(&h->by_id);
	timer_disarm(loop_timers(c->loop), &h->tick);
	free(h->rows);
	h->rows = NULL;
	h->rows_cap = 0;
}
