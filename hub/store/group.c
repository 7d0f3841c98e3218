/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group: groups of nodes, who is in them, and which may talk to which. */
#include "hub/store/store_internal.h"
#include "shared/base/clock.h"

static const char group_put_sql[] =
	"INSERT INTO groups (bit, name, comment, created_ms) VALUES (?1, ?2, ?3, ?4)"
	" ON CONFLICT (bit) DO UPDATE SET name = excluded.name, comment = excluded.comment";
static const char groups_list_sql[] = "SELECT g.bit, g.name, g.comment, g.created_ms,"
				      " (SELECT count(*) FROM node_groups m WHERE m.group_bit = "
				      "g.bit) FROM groups g ORDER BY g.bit";
static const char group_remove_sql[] = "DELETE FROM groups WHERE bit = ?1";
static const char group_nodes_sql[] =
	"SELECT n.name FROM node_groups m JOIN nodes n ON n.id = m.node_id"
	" WHERE m.group_bit = ?1 ORDER BY n.id";
static const char policies_list_sql[] =
	"SELECT p.from_group, p.to_group, f.name, t.name, p.created_ms, p.path_policy"
	" FROM policies p"
	" JOIN groups f ON f.bit = p.from_group JOIN groups t ON t.bit = p.to_group"
	" ORDER BY p.from_group, p.to_group";
static const char policy_put_sql[] =
	"INSERT INTO policies (from_group, to_group, created_ms) VALUES (?1, ?2, ?3)";
static const char policy_remove_sql[] =
	"DELETE FROM policies WHERE from_group = ?1 AND to_group = ?2";
static const char policy_path_sql[] =
	"UPDATE policies SET path_policy = ?3 WHERE from_group = ?1 AND to_group = ?2";
static const char members_touch_sql[] =
	"UPDATE nodes SET revision = ?2, updated_ms = ?3 WHERE status <> 5 AND id IN"
	" (SELECT node_id FROM node_groups WHERE group_bit = ?1)";
static const char members_clear_sql[] = "DELETE FROM node_groups WHERE node_id = ?1";
static const char member_add_sql[] = "INSERT INTO node_groups (node_id, group_bit) VALUES (?1, ?2)";

enum err store_group_put(struct store *s, const struct store_group *g)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, group_put_sql);
	query_u32(&q, 1, g->bit);
	query_text(&q, 2, g->name);
	query_text(&q, 3, g->comment);
	query_i64(&q, 4, clock_wall_ms());
	return query_run(&q);
}

enum err store_groups_list(struct store *s, store_group_cb cb, void *arg)
{
	struct store_group g;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, groups_list_sql);
	while (!e && query_next(&q)) {
		g.bit = (uint8_t)query_get_u32(&q, 0, 0, GROUPS_MAX - 1);
		query_get_name(&q, 1, g.name);
		query_get_text(&q, 2, g.comment, sizeof(g.comment));
		g.created_ms = query_get_i64(&q, 3, 0, INT64_MAX);
		g.n_nodes = query_get_u32(&q, 4, 0, UINT32_MAX);
		if (!q.err)
			e = cb(arg, &g);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_group_remove(struct store *s, uint8_t bit)
{
	return query_run_id(s, group_remove_sql, bit);
}

enum err store_group_nodes(struct store *s, uint8_t bit, store_name_cb cb, void *arg)
{
	char name[NAME_SIZE];
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, group_nodes_sql);
	query_u32(&q, 1, bit);
	while (!e && query_next(&q)) {
		query_get_name(&q, 0, name);
		if (!q.err)
			e = cb(arg, name);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_policies_list(struct store *s, store_policy_cb cb, void *arg)
{
	struct store_policy p;
	struct query q;
	enum err e = ERR_OK;

	query_open(&q, s, DB_DIRECTORY, policies_list_sql);
	while (!e && query_next(&q)) {
		p.from_bit = (uint8_t)query_get_u32(&q, 0, 0, GROUPS_MAX - 1);
		p.to_bit = (uint8_t)query_get_u32(&q, 1, 0, GROUPS_MAX - 1);
		query_get_name(&q, 2, p.from);
		query_get_name(&q, 3, p.to);
		p.created_ms = query_get_i64(&q, 4, 0, INT64_MAX);
		p.path_policy = (enum path_policy)query_get_u32(&q, 5, PATH_POLICY_AUTO,
								PATH_POLICY_DIRECT_ONLY);
		if (!q.err)
			e = cb(arg, &p);
	}
	return query_close(&q) ? q.err : e;
}

enum err store_policy_put(struct store *s, uint8_t from_bit, uint8_t to_bit)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, policy_put_sql);
	query_u32(&q, 1, from_bit);
	query_u32(&q, 2, to_bit);
	query_i64(&q, 3, clock_wall_ms());
	return query_run(&q);
}

enum err store_policy_remove(struct store *s, uint8_t from_bit, uint8_t to_bit)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, policy_remove_sql);
	query_u32(&q, 1, from_bit);
	query_u32(&q, 2, to_bit);
	return query_run_one(&q);
}

enum err store_policy_path_put(struct store *s, uint8_t from_bit, uint8_t to_bit,
			       enum path_policy path)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, policy_path_sql);
	query_u32(&q, 1, from_bit);
	query_u32(&q, 2, to_bit);
	query_u32(&q, 3, path);
	return query_run_one(&q);
}

enum err store_group_touch(struct store *s, uint8_t bit, uint64_t revision)
{
	struct query q;

	query_open(&q, s, DB_DIRECTORY, members_touch_sql);
	query_u32(&q, 1, bit);
	query_u64(&q, 2, revision);
	query_i64(&q, 3, clock_wall_ms());
	return query_run(&q);
}

enum err store_node_groups_put(struct store *s, uint32_t node_id, uint64_t groups)
{
	struct query q;
	enum err e;

	query_open(&q, s, DB_DIRECTORY, members_clear_sql);
	query_u32(&q, 1, node_id);
	e = query_run(&q);
	for (unsigned bit = 0; bit < GROUPS_MAX && !e; bit++) {
		if (!(groups >> bit & 1))
			continue;
		query_open(&q, s, DB_DIRECTORY, member_add_sql);
		query_u32(&q, 1, node_id);
		query_u32(&q, 2, bit);
		e = query_run(&q);
	}
	return e;
}
