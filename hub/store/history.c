/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history: traffic of nodes over time, in rings. */
#include "hub/store/history.h"

#include <stdlib.h>
#include <string.h>

#include "hub/store/samples.h"
#include "hub/store/store_internal.h"

static const char put_sql[] =
	"INSERT OR REPLACE INTO history (id, at_s, samples) VALUES (?1, ?2, ?3)";
/* By time within a block: a ring's places are not in its order. */
static const char read_sql[] =
	"SELECT at_s, samples FROM history WHERE id BETWEEN ?1 AND ?2 AND at_s >= ?3 AND at_s < ?4"
	" ORDER BY at_s";
static const char newest_sql[] =
	"SELECT coalesce(max(at_s), 0) FROM history WHERE id BETWEEN ?1 AND ?2";

uint32_t history_step_s(enum history_ring r)
{
	return r == HISTORY_SECOND ? 1 : r == HISTORY_MINUTE ? 60 : 3600;
}

uint32_t history_slots(enum history_ring r)
{
	return r == HISTORY_SECOND   ? HISTORY_SECOND_SLOTS
	       : r == HISTORY_MINUTE ? HISTORY_MINUTE_SLOTS
				     : HISTORY_HOUR_SLOTS;
}

static int64_t row_id(enum history_ring r, uint32_t block, uint32_t slot)
{
	return (int64_t)r << 48 | (int64_t)block << 16 | slot;
}

static uint32_t slot_of(enum history_ring r, int64_t at_s)
{
	return (uint32_t)((uint64_t)at_s / history_step_s(r) % history_slots(r));
}

/* One row: the `n` samples of one block. */
static enum err put_block(struct store *s, enum history_ring r, const struct store_sample *x,
			  size_t n)
{
	uint8_t mem[SAMPLES_MAX_BYTES];
	struct cursor c;
	struct query q;

	cursor_init_write(&c, mem, sizeof(mem));
	for (size_t i = 0; i < n; i++)
		samples_encode_one(&x[i], &c);
	BUG_ON(c.err);
	query_open(&q, s, DB_PRESENCE, put_sql);
	query_i64(&q, 1, row_id(r, x->node_id / SAMPLES_BLOCK_NODES, slot_of(r, x->at_s)));
	query_i64(&q, 2, x->at_s);
	query_blob(&q, 3, mem, cursor_pos(&c));
	return query_run(&q);
}

/* All blocks of a step. */
static enum err put_blocks(struct store *s, enum history_ring r, const struct store_sample *x,
			   size_t n)
{
	enum err e = ERR_OK;
	size_t k;

	for (; n && !e; x += k, n -= k) {
		uint32_t block = x->node_id / SAMPLES_BLOCK_NODES;

		for (k = 1; k < n && x[k].node_id / SAMPLES_BLOCK_NODES == block; k++)
			BUG_ON(x[k].node_id <= x[k - 1].node_id);
		e = put_block(s, r, x, k);
	}
	return e;
}

enum err store_history_put(struct store *s, enum history_ring r, const struct store_sample *x,
			   size_t n)
{
	enum err e = store_presence_begin(s);

	return e ? e : store_presence_end(s, put_blocks(s, r, x, n));
}

/* --- reading --- */

struct range {
	enum history_ring ring;
	uint32_t from_node, to_node;
	int64_t from_s, to_s;
};

/* The samples of the row under the cursor that are of wanted nodes. */
static enum err read_row(struct query *q, const struct range *w, uint32_t block, store_sample_cb cb,
			 void *arg)
{
	int64_t at_s = query_get_i64(q, 0, 0, INT64_MAX);
	enum err e = ERR_OK;
	struct cursor c;
	const void *p;
	size_t n;

	p = query_borrow_blob(q, 1, &n);
	if (!p)
		return ERR_OK; /* the query has failed */
	cursor_init_read(&c, p, n);
	while (cursor_left(&c) && !e) {
		struct store_sample x = { 0 };

		samples_decode_one(&c, block, &x);
		x.at_s = at_s;
		if (!c.err && x.node_id >= w->from_node && x.node_id <= w->to_node)
			e = cb(arg, &x);
	}
	if (c.err)
		query_fail(q, ERR_CORRUPT, "a stored history is not one");
	return e;
}

static enum err read_block(struct store *s, const struct range *w, uint32_t block,
			   store_sample_cb cb, void *arg)
{
	uint32_t first = slot_of(w->ring, w->from_s), last = slot_of(w->ring, w->to_s - 1);
	const int64_t turn_s = (int64_t)history_step_s(w->ring) * history_slots(w->ring);
	enum err e = ERR_OK;
	struct query q;

	/* A range that goes over the end of the ring, or once around it, needs all places. */
	if (w->to_s - w->from_s >= turn_s || first > last) {
		first = 0;
		last = history_slots(w->ring) - 1;
	}
	query_open(&q, s, DB_PRESENCE, read_sql);
	query_i64(&q, 1, row_id(w->ring, block, first));
	query_i64(&q, 2, row_id(w->ring, block, last));
	query_i64(&q, 3, w->from_s);
	query_i64(&q, 4, w->to_s);
	while (!e && query_next(&q))
		e = read_row(&q, w, block, cb, arg);
	return query_close(&q) ? q.err : e;
}

enum err store_history_read(struct store *s, enum history_ring r, uint32_t from_node,
			    uint32_t to_node, int64_t from_s, int64_t to_s, store_sample_cb cb,
			    void *arg)
{
	const struct range w = { r, from_node, to_node, from_s, to_s };
	uint32_t last = to_node / SAMPLES_BLOCK_NODES;
	enum err e = ERR_OK;

	if (from_s < 0 || to_s <= from_s)
		return ERR_OK;
	for (uint32_t b = from_node / SAMPLES_BLOCK_NODES; b <= last && !e; b++)
		e = read_block(s, &w, b, cb, arg);
	return e;
}

enum err store_history_newest(struct store *s, enum history_ring r, int64_t *at_s)
{
	struct query q;

	*at_s = 0;
	query_open(&q, s, DB_PRESENCE, newest_sql);
	query_i64(&q, 1, row_id(r, 0, 0));
	query_i64(&q, 2, row_id(r, 0, history_slots(r) - 1));
	if (query_next(&q))
		*at_s = query_get_i64(&q, 0, 0, INT64_MAX);
	return query_close(&q);
}

/* --- from minutes to an hour --- */

/* The sums of one block. */
struct sums {
	struct store_sample x[SAMPLES_BLOCK_NODES];
	bool used[SAMPLES_BLOCK_NODES];
	uint64_t rtt_sum[SAMPLES_BLOCK_NODES], loss_sum[SAMPLES_BLOCK_NODES];
	uint32_t rtt_n[SAMPLES_BLOCK_NODES], loss_n[SAMPLES_BLOCK_NODES];
};

static enum err add_minute(void *arg, const struct store_sample *m)
{
	uint32_t i = m->node_id % SAMPLES_BLOCK_NODES;
	struct sums *t = arg;
	struct store_sample *x = &t->x[i];

	t->used[i] = true;
	x->node_id = m->node_id;
	x->up_s += m->up_s;
	x->path = m->path;
	x->rx_bytes += m->rx_bytes;
	x->tx_bytes += m->tx_bytes;
	x->rx_packets += m->rx_packets;
	x->tx_packets += m->tx_packets;
	x->spokes_rx_bytes += m->spokes_rx_bytes;
	x->spokes_tx_bytes += m->spokes_tx_bytes;
	x->nodes_up = m->nodes_up > x->nodes_up ? m->nodes_up : x->nodes_up;
	t->rtt_sum[i] += m->rtt_us;
	t->rtt_n[i] += m->rtt_us != 0;
	t->loss_sum[i] += m->loss_permille;
	t->loss_n[i] += m->loss_known;
	return ERR_OK;
}

/* Puts the sums together at the front. Returns how many there are. */
static size_t close_sums(struct sums *t, int64_t at_s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < SAMPLES_BLOCK_NODES; i++) {
		struct store_sample x = t->x[i];

		if (!t->used[i])
			continue;
		x.at_s = at_s;
		x.rtt_us = t->rtt_n[i] ? (uint32_t)(t->rtt_sum[i] / t->rtt_n[i]) : 0;
		x.loss_known = t->loss_n[i] != 0;
		x.loss_permille = 0;
		if (x.loss_known)
			x.loss_permille = (uint16_t)(t->loss_sum[i] / t->loss_n[i]);
		t->x[n++] = x;
	}
	return n;
}

static enum err roll_blocks(struct store *s, int64_t at_s, uint32_t to_node, struct sums *t)
{
	enum err e = ERR_OK;

	for (uint32_t b = 0; b <= to_node / SAMPLES_BLOCK_NODES && !e; b++) {
		const struct range w = { HISTORY_MINUTE, 0, UINT32_MAX, at_s, at_s + 3600 };
		size_t n;

		memset(t, 0, sizeof(*t));
		e = read_block(s, &w, b, add_minute, t);
		n = close_sums(t, at_s);
		if (!e && n)
			e = put_block(s, HISTORY_HOUR, t->x, n);
	}
	return e;
}

enum err store_history_roll(struct store *s, int64_t at_s, uint32_t to_node)
{
	struct sums *t = malloc(sizeof(*t));
	enum err e = t ? store_presence_begin(s) : ERR_NOMEM;

	if (!e)
		e = store_presence_end(s, roll_blocks(s, at_s, to_node, t));
	free(t);
	return e;
}
