/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pair: how nodes reach each other, as each of them tells. In the presence database. */
#include "hub/store/store_internal.h"

#define PAIR_COLUMNS                                                                               \
	"SELECT id, node_id, peer_id, path, reason, endpoint, since_ms, handshake_ms, rx_bytes,"   \
	" tx_bytes, rtt_us, loss_permille, pmtu, told_ms FROM pairs"

static const char put_sql[] =
	"INSERT INTO pairs (node_id, peer_id, path, reason, endpoint, since_ms, handshake_ms,"
	" rx_bytes, tx_bytes, rtt_us, loss_permille, pmtu, told_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
	" ON CONFLICT (node_id, peer_id) DO UPDATE SET path = excluded.path,"
	" reason = excluded.reason, endpoint = excluded.endpoint, since_ms = excluded.since_ms,"
	" handshake_ms = excluded.handshake_ms, rx_bytes = excluded.rx_bytes,"
	" tx_bytes = excluded.tx_bytes, rtt_us = excluded.rtt_us,"
	" loss_permille = excluded.loss_permille, pmtu = excluded.pmtu,"
	" told_ms = excluded.told_ms";
static const char gone_node_sql[] = "DELETE FROM pairs WHERE node_id = ?1";
static const char gone_peer_sql[] = "DELETE FROM pairs WHERE peer_id = ?1";
static const char clear_sql[] = "DELETE FROM pairs";
static const char list_sql[] = PAIR_COLUMNS " WHERE id > ?1 ORDER BY id";
static const char list_node_sql[] =
	PAIR_COLUMNS " WHERE id > ?1 AND (node_id = ?2 OR peer_id = ?2) ORDER BY id";
static const char count_sql[] = "SELECT path, reason, count(*) FROM pairs GROUP BY path, reason";

static void read_pair(struct query *q, struct store_pair *p)
{
	*p = (struct store_pair){ 0 };
	p->id = query_get_u32(q, 0, 1, UINT32_MAX);
	p->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	p->peer_id = query_get_u32(q, 2, 1, UINT32_MAX);
	p->path = (uint8_t)query_get_u32(q, 3, 0, UINT8_MAX);
	p->reason = (uint8_t)query_get_u32(q, 4, 0, UINT8_MAX);
	query_get_endpoint(q, 5, &p->endpoint);
	p->since_ms = query_get_ms(q, 6);
	p->handshake_ms = query_get_ms(q, 7);
	p->rx_bytes = (uint64_t)query_get_i64(q, 8, 0, INT64_MAX);
	p->tx_bytes = (uint64_t)query_get_i64(q, 9, 0, INT64_MAX);
	p->rtt_us = query_get_u32(q, 10, 0, UINT32_MAX);
	p->loss_permille = (uint16_t)query_get_u32(q, 11, 0, 1000);
	p->pmtu = (uint16_t)query_get_u32(q, 12, 0, UINT16_MAX);
	p->told_ms = query_get_ms(q, 13);
}

static enum err put_one(struct store *s, const struct store_pair *p)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, put_sql);
	query_u32(&q, 1, p->node_id);
	query_u32(&q, 2, p->peer_id);
	query_u32(&q, 3, p->path);
	query_u32(&q, 4, p->reason);
	query_endpoint(&q, 5, &p->endpoint);
	query_i64(&q, 6, p->since_ms);
	query_i64(&q, 7, p->handshake_ms);
	query_u64(&q, 8, p->rx_bytes);
	query_u64(&q, 9, p->tx_bytes);
	query_u32(&q, 10, p->rtt_us);
	query_u32(&q, 11, p->loss_permille);
	query_u32(&q, 12, p->pmtu);
	query_i64(&q, 13, p->told_ms);
	return query_run(&q);
}

static enum err drop(struct store *s, const struct store_pair_gone *g)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, g->node_id ? gone_node_sql : gone_peer_sql);
	query_u32(&q, 1, g->node_id ? g->node_id : g->peer_id);
	return query_run(&q);
}

enum err store_pairs_put(struct store *s, const struct store_pair_gone *gone, size_t n_gone,
			 const struct store_pair *rows, size_t n)
{
	enum err e = store_presence_begin(s);

	if (e)
		return e;
	for (size_t i = 0; i < n_gone && !e; i++)
		e = drop(s, &gone[i]);
	for (size_t i = 0; i < n && !e; i++)
		e = put_one(s, &rows[i]);
	return store_presence_end(s, e);
}

enum err store_pairs_clear(struct store *s)
{
	struct query q;

	query_open(&q, s, DB_PRESENCE, clear_sql);
	return query_run(&q);
}

enum err store_pairs_list(struct store *s, uint32_t after, uint32_t node_id, store_pair_cb cb,
			  void *arg)
{
	struct store_pair p;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, node_id ? list_node_sql : list_sql);
	query_u32(&q, 1, after);
	if (node_id)
		query_u32(&q, 2, node_id);
	while (!e && query_next(&q)) {
		read_pair(&q, &p);
		if (!q.err)
			e = cb(arg, &p);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_pairs_count(struct store *s, store_pair_count_cb cb, void *arg)
{
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_PRESENCE, count_sql);
	while (!e && query_next(&q)) {
		uint8_t path = (uint8_t)query_get_u32(&q, 0, 0, UINT8_MAX);
		uint8_t reason = (uint8_t)query_get_u32(&q, 1, 0, UINT8_MAX);
		uint32_t n = query_get_u32(&q, 2, 0, UINT32_MAX);

		if (!q.err)
			e = cb(arg, path, reason, n);
	}
	return query_close(&q) ? q.err : e;
}
