/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * subnet: prefixes behind nodes. Two prefixes either nest or have nothing in common, so what
 * overlaps p is
 *
 *   inside p    rows whose first address lies in p's range, and that are not shorter:
 *               one range of an index
 *   around p    rows that are p cut to 0, 1, ... len-1 bits: at most 128 exact look-ups
 */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

#define SUBNET_COLUMNS                                                                             \
	"SELECT s.id, s.node_id, n.name, s.family, s.first, s.length, s.weight, s.status, "        \
	"s.created_ms"                                                                             \
	" FROM subnets s JOIN nodes n ON n.id = s.node_id"

static const char get_sql[] = SUBNET_COLUMNS " WHERE s.id = ?1";
static const char list_all_sql[] = SUBNET_COLUMNS " WHERE s.id > ?1 ORDER BY s.id LIMIT ?2";
static const char list_node_sql[] =
	SUBNET_COLUMNS " WHERE s.node_id = ?3 AND s.id > ?1 ORDER BY s.id LIMIT ?2";
static const char inside_sql[] = SUBNET_COLUMNS
	" WHERE s.family = ?1 AND s.first BETWEEN ?2 AND ?3 AND s.length >= ?4 AND s.node_id <> ?5";
static const char around_sql[] = SUBNET_COLUMNS
	" WHERE s.family = ?1 AND s.first = ?2 AND s.length = ?3 AND s.node_id <> ?4";
static const char addresses4_sql[] = "SELECT id, name, 4, address4, 32, created_ms FROM nodes "
				     "WHERE address4 BETWEEN ?1 AND ?2 AND id <> ?3";
static const char addresses6_sql[] = "SELECT id, name, 6, address6, 128, created_ms FROM nodes "
				     "WHERE address6 BETWEEN ?1 AND ?2 AND id <> ?3";
static const char insert_sql[] =
	"INSERT INTO subnets (node_id, family, first, length, weight, status, created_ms)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char status_sql[] = "UPDATE subnets SET status = ?2, weight = ?3 WHERE id = ?1";
static const char remove_sql[] = "DELETE FROM subnets WHERE id = ?1";
static const char count_sql[] = "SELECT count(*) FROM subnets WHERE ?1 = 0 OR node_id = ?1";

/* Address families as numbers of the schema. */
static uint32_t family_of(const struct prefix *p) { return p->addr.family == AF_INET ? 4 : 6; }

struct addr store_prefix_last(const struct prefix *p)
{
	struct addr last = p->addr;

	for (unsigned bit = p->len; bit < addr_bits(&last); bit++)
		last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

static void read_subnet(struct query *q, struct store_subnet *s)
{
	*s = (struct store_subnet){ 0 };
	s->id = query_get_u32(q, 0, 1, UINT32_MAX);
	s->node_id = query_get_u32(q, 1, 1, UINT32_MAX);
	query_get_name(q, 2, s->node_name);
	query_get_prefix(q, 3, &s->subnet.prefix);
	s->subnet.weight = query_get_u32(q, 6, 0, SUBNET_WEIGHT_MAX);
	s->status = (enum subnet_status)query_get_u32(q, 7, SUBNET_PROPOSED, SUBNET_APPROVED);
	s->created_ms = query_get_ms(q, 8);
}

/* A node's own address, in the shape of a subnet. */
static void read_address(struct query *q, struct store_subnet *s)
{
	*s = (struct store_subnet){ .status = SUBNET_APPROVED };
	s->node_id = query_get_u32(q, 0, 1, UINT32_MAX);
	query_get_name(q, 1, s->node_name);
	query_get_prefix(q, 2, &s->subnet.prefix);
	s->created_ms = query_get_ms(q, 5);
}

/* Runs a bound statement to its end, a callback for each row; closes it. */
static enum err each(struct query *q, void (*read)(struct query *, struct store_subnet *),
		     store_subnet_cb cb, void *arg)
{
	struct store_subnet row;
	enum err e = ERR_OK;

	while (!e && query_next(q)) {
		read(q, &row);
		if (!q->err)
			e = cb(arg, &row);
	}
	return query_close(q) ? q->err : e;
}

enum err store_subnet_put(struct store *s, struct store_subnet *sub)
{
	const struct prefix *p = &sub->subnet.prefix;
	struct query q;
	enum err e;

	if (!sub->created_ms)
		sub->created_ms = clock_wall_ms();
	query_open(&q, s, DB_DIRECTORY, insert_sql);
	query_u32(&q, 1, sub->node_id);
	query_u32(&q, 2, family_of(p));
	query_addr(&q, 3, &p->addr);
	query_u32(&q, 4, p->len);
	query_u32(&q, 5, sub->subnet.weight);
	query_u32(&q, 6, sub->status);
	query_i64(&q, 7, sub->created_ms);
	e = query_run(&q);
	if (!e)
		sub->id = (uint32_t)sqlite3_last_insert_rowid(s->db[DB_DIRECTORY].db);
	return e;
}

enum err store_subnet_get(struct store *s, uint32_t id, struct store_subnet *out)
{
	struct store_subnet row;
	struct query q;
	bool found;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, get_sql);
	query_u32(&q, 1, id);
	found = query_next(&q);
	if (found)
		read_subnet(&q, &row);
	e = query_close_found(&q, found);
	if (!e)
		*out = row;
	return e;
}

enum err store_subnet_status(struct store *s, uint32_t id, enum subnet_status status,
			     uint32_t weight)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, status_sql);
	query_u32(&q, 1, id);
	query_u32(&q, 2, status);
	query_u32(&q, 3, weight);
	return query_run_one(&q);
}

enum err store_subnet_remove(struct store *s, uint32_t id)
{
	return query_run_id(s, remove_sql, id);
}

enum err store_subnets_list(struct store *s, uint32_t node_id, uint32_t after_id, uint32_t limit,
			    store_subnet_cb cb, void *arg)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, node_id ? list_node_sql : list_all_sql);
	query_u32(&q, 1, after_id);
	query_i64(&q, 2, limit ? (int64_t)limit : -1);
	if (node_id)
		query_u32(&q, 3, node_id);
	return each(&q, read_subnet, cb, arg);
}

enum err store_subnets_count(struct store *s, uint32_t node_id, uint32_t *count)
{
	struct query q;
	uint32_t value = 0;

	query_open(&q, s, DB_DIRECTORY, count_sql);
	query_u32(&q, 1, node_id);
	if (query_next(&q))
		value = query_get_u32(&q, 0, 0, UINT32_MAX);
	if (!query_close(&q))
		*count = value;
	return q.err;
}

/* Subnets that are `p` or lie in it. */
static enum err each_inside(struct store *s, const struct prefix *p, uint32_t except_node,
			    store_subnet_cb cb, void *arg)
{
	struct addr last = store_prefix_last(p);
	struct query q;

	query_open(&q, s, DB_DIRECTORY, inside_sql);
	query_u32(&q, 1, family_of(p));
	query_addr(&q, 2, &p->addr);
	query_addr(&q, 3, &last);
	query_u32(&q, 4, p->len);
	query_u32(&q, 5, except_node);
	return each(&q, read_subnet, cb, arg);
}

/* Subnets that `p` lies in. */
static enum err each_around(struct store *s, const struct prefix *p, uint32_t except_node,
			    store_subnet_cb cb, void *arg)
{
	enum err e = ERR_OK;

	for (uint8_t len = 0; len < p->len && !e; len++) {
		struct prefix wider = prefix_of_net(&p->addr, len);
		struct query q;

		query_open(&q, s, DB_DIRECTORY, around_sql);
		query_u32(&q, 1, family_of(p));
		query_addr(&q, 2, &wider.addr);
		query_u32(&q, 3, len);
		query_u32(&q, 4, except_node);
		e = each(&q, read_subnet, cb, arg);
	}
	return e;
}

enum err store_subnets_overlapping(struct store *s, const struct prefix *p, uint32_t except_node,
				   store_subnet_cb cb, void *arg)
{
	struct addr last = store_prefix_last(p);
	struct query q;
	enum err e = each_inside(s, p, except_node, cb, arg);

	if (!e)
		e = each_around(s, p, except_node, cb, arg);
	if (e)
		return e;
	query_open(&q, s, DB_DIRECTORY,
		   p->addr.family == AF_INET ? addresses4_sql : addresses6_sql);
	query_addr(&q, 1, &p->addr);
	query_addr(&q, 2, &last);
	query_u32(&q, 3, except_node);
	return each(&q, read_address, cb, arg);
}
