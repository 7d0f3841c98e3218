/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/lookup.h"

#include <string.h>

#include "hub/api/context.h"

/* By id; a deleted node is as good as none. */
static enum err by_id(struct store *s, uint64_t id, struct node *out, struct store_node_meta *meta)
{
	enum err e = store_node_get(s, (uint32_t)id, out, meta);

	if (!e && out->status == NODE_DELETED) {
		node_fini(out);
		e = ERR_NOTFOUND;
	}
	return e;
}

static enum err by_name(struct store *s, const char *name, struct node *out,
			struct store_node_meta *meta)
{
	return name_is_valid(name) ? store_node_find(s, name, out, meta) : ERR_NOTFOUND;
}

/* Digits only: an id or a name. ERR_CONFLICT: one node has this id and another this name. */
static enum err by_digits(struct store *s, const char *text, uint64_t id, struct node *out,
			  struct store_node_meta *meta)
{
	struct node other;
	enum err e;

	e = by_id(s, id, out, meta);
	if (e == ERR_NOTFOUND)
		return by_name(s, text, out, meta);
	if (e)
		return e;
	e = by_name(s, text, &other, NULL);
	if (e == ERR_NOTFOUND)
		return ERR_OK;
	if (!e) {
		e = other.id == out->id ? ERR_OK : ERR_CONFLICT;
		node_fini(&other);
	}
	if (e)
		node_fini(out);
	return e;
}

/* Finds by text, without answering. */
static enum err find_node(struct store *s, const char *text, struct node *out,
			  struct store_node_meta *meta)
{
	uint64_t id;

	if (strncmp(text, "name:", 5) == 0)
		return by_name(s, text + 5, out, meta);
	if (strncmp(text, "id:", 3) == 0)
		return params_parse_uint(text + 3, UINT32_MAX, &id) ? by_id(s, id, out, meta)
								    : ERR_NOTFOUND;
	if (params_parse_uint(text, UINT32_MAX, &id))
		return by_digits(s, text, id, out, meta);
	return by_name(s, text, out, meta);
}

enum err lookup_node(struct request *r, const char *text, struct node *out,
		     struct store_node_meta *meta)
{
	char what[96];
	enum err e = find_node(r->api->store, text, out, meta);

	if (e == ERR_CONFLICT) {
		reply_refuse(&r->reply, 409, "node_ambiguous",
			     "%.64s is the id of one node and the name of another; write id:%.64s "
			     "or name:%.64s",
			     text, text, text);
	} else if (e) {
		snprintf(what, sizeof(what), "node \"%.64s\"", text);
		request_store_failed(r, e, what);
	}
	return e;
}

enum err lookup_node_id(struct request *r, uint32_t id, struct node *out)
{
	char text[24];

	snprintf(text, sizeof(text), "id:%u", id);
	return lookup_node(r, text, out, NULL);
}

enum err lookup_node_member(struct request *r, const char *member, struct node *out)
{
	const json_t *v = json_object_get(r->json, member);
	struct problem p = { 0 };
	char pointer[64], what[96];
	enum err e;

	snprintf(pointer, sizeof(pointer), "/%s", member);
	if (json_is_string(v)) {
		e = by_name(r->api->store, json_string_value(v), out, NULL);
		snprintf(what, sizeof(what), "node \"%.64s\"", json_string_value(v));
	} else {
		e = by_id(r->api->store, (uint64_t)json_integer_value(v), out, NULL);
		snprintf(what, sizeof(what), "node with the id %lld",
			 (long long)json_integer_value(v));
	}
	if (!e)
		return ERR_OK;
	if (e != ERR_NOTFOUND) {
		request_store_failed(r, e, what);
		return e;
	}
	problem_set(&p, 404, "not_found", pointer, "there is no %s", what);
	reply_problem(&r->reply, &p);
	return e;
}

enum err lookup_node_filter(struct request *r, uint32_t *id)
{
	const char *text = params_get(&r->query, "node");
	struct node n;
	enum err e;

	*id = 0;
	if (!text)
		return ERR_OK;
	e = lookup_node(r, text, &n, NULL);
	if (!e) {
		*id = n.id;
		node_fini(&n);
	}
	return e;
}

struct group_search {
	const char *name;
	uint64_t id; /* looked for instead, unless it is 0 */
	bool found;
	struct store_group group;
};

static enum err look_group(void *arg, const struct store_group *g)
{
	struct group_search *x = arg;

	if (x->id ? x->id == g->bit + 1u : strcmp(x->name, g->name) == 0) {
		x->group = *g;
		x->found = true;
	}
	return ERR_OK;
}

/* Finds a group by text, without answering. */
static enum err find_group(struct store *s, const char *text, struct store_group *out)
{
	struct group_search x = { .name = text };
	enum err e;

	if (!params_parse_uint(text, GROUPS_MAX, &x.id))
		x.id = 0;
	e = store_groups_list(s, look_group, &x);
	if (!e && !x.found)
		e = ERR_NOTFOUND;
	if (!e)
		*out = x.group;
	return e;
}

enum err lookup_group(struct request *r, const char *text, struct store_group *out)
{
	char what[96];
	enum err e = find_group(r->api->store, text, out);

	if (e) {
		snprintf(what, sizeof(what), "group \"%.64s\"", text);
		request_store_failed(r, e, what);
	}
	return e;
}

/* Answers for a group that a body names at `pointer`. */
static enum err group_failed(struct request *r, enum err e, const char *text, const char *pointer)
{
	struct problem p = { 0 };

	if (e == ERR_NOTFOUND) {
		problem_set(&p, 422, "group_unknown", pointer, "there is no group \"%.64s\"", text);
		reply_problem(&r->reply, &p);
	} else {
		request_store_failed(r, e, "group");
	}
	return e;
}

enum err lookup_group_member(struct request *r, const char *member, struct store_group *out)
{
	const char *text = body_str(r->json, member);
	char pointer[64];
	enum err e = find_group(r->api->store, text, out);

	snprintf(pointer, sizeof(pointer), "/%s", member);
	return e ? group_failed(r, e, text, pointer) : ERR_OK;
}

enum err lookup_groups(struct request *r, const char *member, uint64_t *out)
{
	const json_t *list = json_object_get(r->json, member);
	struct store_group g;
	char pointer[64];

	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		enum err e = find_group(r->api->store, text, &g);

		snprintf(pointer, sizeof(pointer), "/%s/%zu", member, i);
		if (e)
			return group_failed(r, e, text, pointer);
		*out |= 1ull << g.bit;
	}
	return ERR_OK;
}

enum err lookup_setting(struct request *r, const char *key, char out[LOOKUP_SETTING_SIZE])
{
	struct buf b;
	enum err e;

	buf_init(&b, LOOKUP_SETTING_SIZE - 1);
	e = store_setting_get(r->api->store, key, &b);
	out[0] = '\0';
	if (!e) {
		memcpy(out, buf_data(&b), buf_len(&b));
		out[buf_len(&b)] = '\0';
	} else if (e == ERR_NOTFOUND) {
		e = ERR_OK;
	} else {
		request_store_failed(r, e, key);
	}
	buf_fini(&b);
	return e;
}

enum err lookup_hub(struct request *r, struct node *out)
{
	char text[LOOKUP_SETTING_SIZE];
	uint64_t id;
	enum err e;

	e = lookup_setting(r, "hub_id", text);
	if (e)
		return e;
	if (!params_parse_uint(text, UINT32_MAX, &id))
		e = ERR_CORRUPT;
	else
		e = store_node_get(r->api->store, (uint32_t)id, out, NULL);
	if (e)
		request_store_failed(r, e == ERR_NOTFOUND ? ERR_CORRUPT : e, "hub node");
	return e;
}
