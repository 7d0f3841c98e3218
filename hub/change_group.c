/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_group: groups of nodes, and which of them may talk to each other. */
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/clock.h"

#define DEFAULT_BIT 0u
#define USERS_SHOWN 12u /* of what uses a group, in a refusal; more are only counted */

/* A look through all groups, for one of them. */
struct search {
	uint8_t bit;
	const char *name; /* when it is given it is looked for, and not the bit */
	bool found;
	struct store_group group;
	uint64_t taken; /* bits */
};

static enum err look(void *arg, const struct store_group *g)
{
	struct search *x = arg;

	x->taken |= 1ull << g->bit;
	if (x->name ? strcmp(g->name, x->name) == 0 : g->bit == x->bit) {
		x->found = true;
		x->group = *g;
	}
	return ERR_OK;
}

enum err change_group_find(struct change *c, uint8_t bit, struct store_group *out)
{
	struct search x = { .bit = bit };
	enum err e = store_groups_list(c->store, look, &x);

	if (e)
		return e;
	if (!x.found)
		return change_refuse(c, ERR_NOTFOUND, "not_found", "", "There is no such group.");
	*out = x.group;
	return ERR_OK;
}

/* May the group be called so? Digits only would be taken for the number of a group. `taken` gets
 * the bits of all groups, may be NULL. */
static enum err check_name(struct change *c, const char *name, uint64_t *taken)
{
	struct search x = { .name = name };
	enum err e;

	if (!name_is_valid(name) || strspn(name, "0123456789") == strlen(name))
		return change_refuse(c, ERR_INVALID, "name_invalid", "/name",
				     "A group's name has 1 to %u letters, digits, \"_\", \"-\" and "
				     "\".\", begins with neither \"-\" nor \".\", and is not a "
				     "number.",
				     NAME_MAX_BYTES);
	e = store_groups_list(c->store, look, &x);
	if (e)
		return e;
	if (x.found)
		return change_refuse(c, ERR_EXISTS, "group_exists", "/name",
				     "There is a group %s already.", name);
	if (taken)
		*taken = x.taken;
	return ERR_OK;
}

static json_t *describe(const struct store_group *g)
{
	return json_pack("{s:s, s:s}", "name", g->name, "comment", g->comment);
}

struct name_list {
	uint64_t groups;
	json_t *names;
};

static enum err add_name(void *arg, const struct store_group *g)
{
	struct name_list *x = arg;

	if (!(x->groups >> g->bit & 1))
		return ERR_OK;
	return json_array_append_new(x->names, json_string(g->name)) ? ERR_NOMEM : ERR_OK;
}

json_t *change_group_names(struct change *c, uint64_t groups)
{
	struct name_list x = { groups, json_array() };

	if (x.names && store_groups_list(c->store, add_name, &x) == ERR_OK)
		return x.names;
	json_decref(x.names);
	return NULL;
}

/* --- groups --- */

static enum err group_add(struct change *c, const char *name, const char *comment,
			  struct store_group *g)
{
	uint64_t taken = 0;
	enum err e = check_name(c, name, &taken);

	if (!e)
		e = change_check_text(c, comment, STORE_TEXT_SIZE, "comment_invalid", "/comment");
	if (e)
		return e;
	while (g->bit < GROUPS_MAX && taken >> g->bit & 1)
		g->bit++;
	if (g->bit == GROUPS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "",
				     "There are %u groups, the most that there may be.",
				     GROUPS_MAX);
	snprintf(g->name, sizeof(g->name), "%s", name);
	snprintf(g->comment, sizeof(g->comment), "%s", comment);
	e = store_group_put(c->store, g);
	if (!e)
		e = change_audit(c, "group.add", "group", name, describe(g));
	return e ? e : change_group_find(c, g->bit, g);
}

enum err change_group_add(struct change *c, const char *name, const char *comment,
			  struct store_group *out)
{
	struct store_group g = { .bit = 0 };
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_end(c, group_add(c, name, comment ? comment : "", &g));
	if (!e)
		*out = g;
	return e;
}

static enum err group_edit(struct change *c, const char *name, const char *comment,
			   struct store_group *g)
{
	const struct store_group before = *g;
	enum err e = ERR_OK;

	if (name && strcmp(name, g->name) != 0) {
		if (g->bit == DEFAULT_BIT)
			return change_refuse(c, ERR_DENIED, "group_is_default", "/name",
					     "The group %s cannot be renamed: every new node is "
					     "in it.",
					     g->name);
		e = check_name(c, name, NULL);
		if (!e)
			snprintf(g->name, sizeof(g->name), "%s", name);
	}
	if (!e && comment)
		e = change_check_text(c, comment, STORE_TEXT_SIZE, "comment_invalid", "/comment");
	if (e)
		return e;
	if (comment)
		snprintf(g->comment, sizeof(g->comment), "%s", comment);
	e = store_group_put(c->store, g);
	if (e)
		return e;
	return change_audit(
		c, "group.edit", "group", before.name,
		json_pack("{s:o, s:o}", "before", describe(&before), "after", describe(g)));
}

enum err change_group_edit(struct change *c, uint8_t bit, const char *name, const char *comment,
			   struct store_group *out)
{
	struct store_group g;
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_group_find(c, bit, &g);
	if (!e)
		e = group_edit(c, name, comment, &g);
	e = change_end(c, e);
	if (!e)
		*out = g;
	return e;
}

/* What uses a group, as text for a refusal. */
struct users {
	struct change *c;
	uint8_t bit;
	unsigned n, n_nodes, n_policies, n_tokens;
	int64_t now_ms;
	char text[400];
};

static void add_user(struct users *x, const char *kind, const char *text)
{
	size_t used = strlen(x->text);

	change_note_use(x->c, kind, "%s", text);
	if (x->n < USERS_SHOWN)
		snprintf(x->text + used, sizeof(x->text) - used, "%s%s", x->n ? ", " : "", text);
	else if (x->n == USERS_SHOWN)
		snprintf(x->text + used, sizeof(x->text) - used, ", ...");
	x->n++;
}

static enum err add_node(void *arg, const char *name)
{
	struct users *x = arg;

	x->n_nodes++;
	add_user(x, "node", name);
	return ERR_OK;
}

static enum err add_policy(void *arg, const struct store_policy *p)
{
	char text[2 * NAME_SIZE + 8];
	struct users *x = arg;

	if (p->from_bit != x->bit && p->to_bit != x->bit)
		return ERR_OK;
	snprintf(text, sizeof(text), "%s -> %s", p->from, p->to);
	x->n_policies++;
	add_user(x, "policy", text);
	return ERR_OK;
}

/* One that still lets nodes in; the others go with the group. */
static enum err add_token(void *arg, const struct store_token *t)
{
	struct users *x = arg;
	char id[16];

	if (t->node_id || t->group_bit != x->bit || !store_token_is_open(t, x->now_ms))
		return ERR_OK;
	snprintf(id, sizeof(id), "%u", t->id);
	x->n_tokens++;
	change_note_use(x->c, "token", "%s", id);
	return ERR_OK;
}

static enum err group_delete(struct change *c, const struct store_group *g)
{
	struct users x = { .c = c, .bit = g->bit, .now_ms = clock_wall_ms() };
	enum err e;

	if (g->bit == DEFAULT_BIT)
		return change_refuse(c, ERR_DENIED, "group_is_default", "",
				     "The group %s cannot be deleted: every new node is in it.",
				     g->name);
	/* Policies first: they are few, and none of them may be hidden behind many nodes. */
	e = store_policies_list(c->store, add_policy, &x);
	if (!e)
		e = store_group_nodes(c->store, g->bit, add_node, &x);
	if (e)
		return e;
	if (x.n)
		return change_refuse(c, ERR_CONFLICT, "group_in_use", "",
				     "Group %.63s is used by %u policies and %u nodes: %s", g->name,
				     x.n_policies, x.n_nodes, x.text);
	e = store_tokens_list(c->store, 0, 0, add_token, &x);
	if (e)
		return e;
	if (x.n_tokens)
		return change_refuse(c, ERR_CONFLICT, "group_in_use", "",
				     "Branches may still join as members of group %s with %u join "
				     "tokens; revoke them first (token list, token revoke ID).",
				     g->name, x.n_tokens);
	e = store_group_remove(c->store, g->bit);
	return e ? e : change_audit(c, "group.delete", "group", g->name, describe(g));
}

enum err change_group_delete(struct change *c, uint8_t bit)
{
	struct store_group g;
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_group_find(c, bit, &g);
	if (!e)
		e = group_delete(c, &g);
	return change_end(c, e);
}

/* --- policies --- */

struct policy_search {
	uint8_t from_bit, to_bit;
	bool either_way;
	bool found;
	struct store_policy policy;
};

static enum err look_policy(void *arg, const struct store_policy *p)
{
	struct policy_search *x = arg;

	if ((p->from_bit == x->from_bit && p->to_bit == x->to_bit) ||
	    (x->either_way && p->from_bit == x->to_bit && p->to_bit == x->from_bit)) {
		x->found = true;
		x->policy = *p;
	}
	return ERR_OK;
}

/* The nodes of both groups see other nodes from now on, so all of them have changed. */
static enum err finish_policy(struct change *c, const char *action, const struct store_policy *p)
{
	char name[2 * NAME_SIZE + 8];
	enum err e = change_revise(c, "%s %s -> %s", action, p->from, p->to);

	if (!e)
		e = store_group_touch(c->store, p->from_bit, c->revision);
	if (!e)
		e = store_group_touch(c->store, p->to_bit, c->revision);
	if (e)
		return e;
	snprintf(name, sizeof(name), "%s->%s", p->from, p->to);
	return change_audit(c, action, "policy", name,
			    json_pack("{s:s, s:s, s:s}", "from", p->from, "to", p->to,
				      "path_policy", path_policy_str(p->path_policy)));
}

static enum err policy_add(struct change *c, struct policy_search *x, enum path_policy path)
{
	struct store_group from, to;
	enum err e = change_group_find(c, x->from_bit, &from);

	if (!e)
		e = change_group_find(c, x->to_bit, &to);
	if (!e)
		e = store_policies_list(c->store, look_policy, x);
	if (e)
		return e;
	if (x->found)
		return change_refuse(c, ERR_EXISTS, "policy_exists", "",
				     "%s and %s may talk to each other already (%s -> %s).",
				     from.name, to.name, x->policy.from, x->policy.to);
	e = store_policy_put(c->store, x->from_bit, x->to_bit);
	if (!e)
		e = store_policy_path_put(c->store, x->from_bit, x->to_bit, path);
	if (!e)
		e = store_policies_list(c->store, look_policy, x);
	return e ? e : finish_policy(c, "policy.add", &x->policy);
}

enum err change_policy_add(struct change *c, uint8_t from_bit, uint8_t to_bit,
			   enum path_policy path, struct store_policy *out)
{
	struct policy_search x = { .from_bit = from_bit, .to_bit = to_bit, .either_way = true };
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_end(c, policy_add(c, &x, path));
	if (!e)
		*out = x.policy;
	return e;
}

static enum err policy_edit(struct change *c, struct policy_search *x, enum path_policy path)
{
	enum err e = store_policies_list(c->store, look_policy, x);

	if (e)
		return e;
	if (!x->found)
		return change_refuse(c, ERR_NOTFOUND, "not_found", "", "There is no such policy.");
	x->policy.path_policy = path;
	e = store_policy_path_put(c->store, x->from_bit, x->to_bit, path);
	return e ? e : finish_policy(c, "policy.edit", &x->policy);
}

enum err change_policy_edit(struct change *c, uint8_t from_bit, uint8_t to_bit,
			    enum path_policy path, struct store_policy *out)
{
	struct policy_search x = { .from_bit = from_bit, .to_bit = to_bit };
	enum err e = change_begin(c);

	if (e)
		return e;
	e = change_end(c, policy_edit(c, &x, path));
	if (!e)
		*out = x.policy;
	return e;
}

static enum err policy_remove(struct change *c, uint8_t from_bit, uint8_t to_bit)
{
	struct policy_search x = { .from_bit = from_bit, .to_bit = to_bit };
	enum err e = store_policies_list(c->store, look_policy, &x);

	if (e)
		return e;
	if (!x.found)
		return change_refuse(c, ERR_NOTFOUND, "not_found", "", "There is no such policy.");
	e = store_policy_remove(c->store, from_bit, to_bit);
	return e ? e : finish_policy(c, "policy.remove", &x.policy);
}

enum err change_policy_remove(struct change *c, uint8_t from_bit, uint8_t to_bit)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, policy_remove(c, from_bit, to_bit));
}

static enum err policy_default(struct change *c, bool allow)
{
	struct policy_search x = { .from_bit = DEFAULT_BIT, .to_bit = DEFAULT_BIT };
	enum err e = store_policies_list(c->store, look_policy, &x);

	if (e || x.found == allow)
		return e;
	return allow ? policy_add(c, &x, PATH_POLICY_AUTO)
		     : policy_remove(c, DEFAULT_BIT, DEFAULT_BIT);
}

enum err change_policy_default(struct change *c, bool allow)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, policy_default(c, allow));
}
