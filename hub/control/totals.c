/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/totals.h"

#include <string.h>

#include "hub/control/core.h"

/* The next row, named `group` and `name`. */
static struct store_total *add_row(struct totals *t, const char *group, const char *name)
{
	struct store_total *row;

	BUG_ON(t->n == TOTALS_MAX);
	row = &t->rows[t->n++];
	snprintf(row->name, sizeof(row->name), "%s.%s", group, name);
	return row;
}

/* Neither the store nor JSON has larger numbers. */
static void add_number(struct totals *t, const char *group, const char *name, uint64_t value)
{
	add_row(t, group, name)->value = value < INT64_MAX ? value : INT64_MAX;
}

static void add_engine(struct totals *t, const struct engine_status_end *m)
{
	struct store_total *crypto = add_row(t, "engine", "crypto");

	snprintf(crypto->fact, sizeof(crypto->fact), "%s", m->crypto);
	add_number(t, "engine", "peers", m->n_peers);
	add_number(t, "engine", "sessions", m->n_sessions);
	add_number(t, "engine", "handshakes", m->handshakes);
	add_number(t, "engine", "relayed_packets", m->relayed_packets);
	add_number(t, "engine", "relayed_bytes", m->relayed_bytes);
	add_number(t, "engine.compression", "tried", m->compress_tried);
	add_number(t, "engine.compression", "compressed", m->compress_packed);
	add_number(t, "engine.compression", "before_bytes", m->compress_before);
	add_number(t, "engine.compression", "after_bytes", m->compress_after);
	add_number(t, "engine.compression", "timed", m->compress_timed);
	add_number(t, "engine.compression", "timed_ns", m->compress_timed_ns);
	add_number(t, "queue", "engine_pending_packets", m->pending_packets);
	add_number(t, "queue", "engine_pending_packets_max", m->pending_packets_max);
	add_number(t, "queue", "engine_socket_bytes", m->socket_bytes);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		add_number(t, "engine.drops", engine_drop_str((enum engine_drop)i), m->drops[i]);
	for (unsigned i = 0; i < ENGINE_OFFLOAD_BITS; i++)
		add_number(t, "engine.offloads", engine_offload_str((enum engine_offload)(1u << i)),
			   m->offloads >> i & 1u);
}

/* Buckets of a histogram by their upper ends; the last has none. */
static void add_fanout(struct totals *t, const struct fanout *f)
{
	char name[24];

	for (unsigned i = 0; i < FANOUT_BUCKETS; i++) {
		snprintf(name, sizeof(name), "le_%u", fanout_end_ms(i));
		add_number(t, "fanout", name, f->n[i]);
	}
	add_number(t, "fanout", "longer", f->n[FANOUT_BUCKETS]);
	add_number(t, "fanout", "sum_ms", f->sum_ms);
}

/* What waits for spokes that do not take it at once. */
static void add_queues(struct totals *t, const struct control *c)
{
	uint64_t all = 0, longest = 0;

	for (struct conn *conn = registry_next(&c->registry, NULL); conn;
	     conn = registry_next(&c->registry, conn)) {
		uint64_t n = conn->stream ? stream_queued(conn->stream) : 0;

		all += n;
		longest = n > longest ? n : longest;
	}
	add_number(t, "queue", "links_bytes", all);
	add_number(t, "queue", "longest_link_bytes", longest);
}

/* Writes what is different from what was written last; after a failure the next answer is. */
static void put(struct control *c, const struct engine_status_end *m)
{
	struct totals now, *written = &c->totals;
	enum err e;

	memset(&now, 0, sizeof(now));
	now.tag = written->tag;
	if (m)
		add_engine(&now, m);
	for (unsigned i = 0; i < COUNTERS; i++)
		add_number(&now, "link", counter_str((enum counter)i), c->counters.n[i]);
	add_fanout(&now, &c->fanout);
	add_queues(&now, c);
	if (core_store_rests(c) ||
	    (now.n == written->n && memcmp(now.rows, written->rows, sizeof(now.rows)) == 0))
		return;
	e = store_totals_put(c->store, now.rows, now.n);
	if (e) {
		(void)core_store_failed(c, e, "write totals");
		now.n = 0;
	}
	*written = now;
}

void totals_engine(struct control *c, const struct engine_status_end *m)
{
	if (m->tag != c->engine.status_tag || m->tag == c->totals.tag)
		return;
	c->totals.tag = m->tag;
	put(c, m);
}

void totals_engine_lost(struct control *c) { put(c, NULL); }
