/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * change_subnet: subnets behind nodes. Two nodes' subnets never overlap, with one exception: the
 * very same prefix on several nodes is fail-over, if it is asked for. What spokes propose takes
 * nothing away from anybody until an admin adds it.
 */
#include <string.h>

#include "hub/change_step.h"
#include "shared/base/hostport.h"

#define HUB_ADDRESSES_MAX_BYTES 16384u /* of the setting, as the schema has it */
#define PROPOSALS_MAX           64u    /* proposals of one node that wait for approval */

/* What the look-up of overlaps found. */
struct clash {
	const struct prefix *prefix;
	bool failover;
	struct store_subnet with;
};

/* Ends the walk with ERR_CONFLICT at the first row that is in the way. */
static enum err judge_overlap(void *arg, const struct store_subnet *row)
{
	struct clash *clash = arg;
	bool same = row->id && prefix_equal(&row->subnet.prefix, clash->prefix);

	if (row->status == SUBNET_PROPOSED || (same && clash->failover))
		return ERR_OK;
	clash->with = *row;
	return ERR_CONFLICT;
}

/* Names the other node and its prefix. */
static enum err refuse_overlap(struct change *c, const struct clash *clash, const char *pointer)
{
	char ours[PREFIX_STR_SIZE], theirs[PREFIX_STR_SIZE];
	const struct store_subnet *with = &clash->with;

	prefix_format(clash->prefix, ours);
	prefix_format(&with->subnet.prefix, theirs);
	if (!with->id)
		return change_refuse(c, ERR_CONFLICT, "subnet_overlap", pointer,
				     "%s contains the address %s of node %s.", ours, theirs,
				     with->node_name);
	if (prefix_equal(clash->prefix, &with->subnet.prefix))
		return change_refuse(c, ERR_CONFLICT, "subnet_overlap", pointer,
				     "%s is behind node %s already. To have it behind both, one "
				     "taking over from the other by "
				     "weight, add it as fail-over.",
				     ours, with->node_name);
	return change_refuse(c, ERR_CONFLICT, "subnet_overlap", pointer,
			     "%s overlaps %s of node %s.", ours, theirs, with->node_name);
}

/* Is it a network of unicast addresses at all? What the nodes would not route is refused here,
 * where the admin sees it. */
static bool is_sound(const struct prefix *p)
{
	struct prefix whole;

	if (!p->addr.family || p->len > addr_bits(&p->addr))
		return false;
	whole = prefix_of_net(&p->addr, p->len);
	return prefix_equal(&whole, p) && !prefix_is_reserved(p);
}

enum err change_check_subnet(struct change *c, uint32_t node_id, const struct node_subnet *sub,
			     bool failover, const char *prefix_pointer)
{
	struct clash clash = { .prefix = &sub->prefix, .failover = failover };
	char text[PREFIX_STR_SIZE], pool[PREFIX_STR_SIZE];
	struct prefix pools[2];
	enum err e;

	if (!is_sound(&sub->prefix))
		return change_refuse(c, ERR_INVALID, "subnet_invalid", prefix_pointer,
				     "This is not a prefix that can be behind a node: write it "
				     "like 10.20.0.0/24; default routes, loopback, link-local and "
				     "multicast addresses cannot be.");
	prefix_format(&sub->prefix, text);
	if (sub->weight > SUBNET_WEIGHT_MAX)
		return change_refuse(c, ERR_INVALID, "weight_invalid", prefix_pointer,
				     "%s: a weight is at most %u.", text, SUBNET_WEIGHT_MAX);
	e = change_pools_read(c, pools);
	if (e)
		return e;
	for (int i = 0; i < 2; i++)
		if (pools[i].addr.family && prefix_overlaps(&pools[i], &sub->prefix))
			return change_refuse(
				c, ERR_CONFLICT, "subnet_in_pool", prefix_pointer,
				"%s overlaps %s, from which the nodes get their own addresses.",
				text, prefix_format(&pools[i], pool));
	e = store_subnets_overlapping(c->store, &sub->prefix, node_id, judge_overlap, &clash);
	return e == ERR_CONFLICT ? refuse_overlap(c, &clash, prefix_pointer) : e;
}

/* Is "host port" a numeric address within the prefix? A name may mean another address each day. */
static bool is_within(const struct prefix *p, const char *line, char host[HOSTPORT_HOST_SIZE])
{
	struct addr a;
	uint16_t port;

	return hostport_split(line, UDP_PORT_DEFAULT, host, &port) == ERR_OK &&
	       addr_parse(host, &a) == ERR_OK && prefix_contains(p, &a);
}

enum err change_check_hub_outside(struct change *c, const struct prefix *p, const char *pointer)
{
	char host[HOSTPORT_HOST_SIZE], line[ENDPOINT_NAME_SIZE], text[PREFIX_STR_SIZE];
	struct buf b;
	enum err e;

	buf_init(&b, HUB_ADDRESSES_MAX_BYTES);
	e = store_setting_get(c->store, "hub_addresses", &b);
	for (const char *s = e ? NULL : buf_cstr(&b); s && *s && !e;) {
		const size_t len = strcspn(s, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, s);
		if (is_within(p, line, host))
			e = change_refuse(c, ERR_CONFLICT, "subnet_holds_hub", pointer,
					  "%s contains %s, where branches reach this hub: the "
					  "hub's own packets would go into the tunnel. A branch "
					  "without another route to the hub leaves such a subnet "
					  "out; with force it is added for the others.",
					  prefix_format(p, text), host);
		s += len + (s[len] == '\n');
	}
	buf_fini(&b);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* A walk over a node's own subnets, for one prefix. */
struct own {
	const struct prefix *prefix;
	struct store_subnet found; /* id 0: not there */
	uint32_t approved, proposed;
};

static enum err count_own(void *arg, const struct store_subnet *row)
{
	struct own *own = arg;

	if (prefix_equal(&row->subnet.prefix, own->prefix))
		own->found = *row;
	if (row->status == SUBNET_APPROVED)
		own->approved++;
	else
		own->proposed++;
	return ERR_OK;
}

/* Audit entry of a subnet, and the node's new revision when the directory is concerned. */
static enum err finish(struct change *c, const char *action, const struct store_subnet *sub,
		       const char *node_name, bool in_directory)
{
	char text[PREFIX_STR_SIZE];
	enum err e = ERR_OK;

	prefix_format(&sub->subnet.prefix, text);
	if (in_directory)
		e = change_revise(c, "%s %s %s", action, node_name, text);
	if (!e && in_directory)
		e = store_node_touch(c->store, sub->node_id, c->revision);
	if (e)
		return e;
	return change_audit(c, action, "node", node_name,
			    json_pack("{s:s, s:I, s:I}", "prefix", text, "weight",
				      (json_int_t)sub->subnet.weight, "subnet_id",
				      (json_int_t)sub->id));
}

/* Into the table: a new row, or the proposal that is there already becomes an approved subnet. */
static enum err put_approved(struct change *c, const struct own *own, struct store_subnet *row)
{
	if (!own->found.id)
		return store_subnet_put(c->store, row);
	row->id = own->found.id;
	row->created_ms = own->found.created_ms;
	return store_subnet_status(c->store, row->id, SUBNET_APPROVED, row->subnet.weight);
}

static enum err subnet_add(struct change *c, const struct node *n, const struct node_subnet *sub,
			   unsigned flags, struct store_subnet *out)
{
	struct store_subnet row = { .node_id = n->id, .subnet = *sub, .status = SUBNET_APPROVED };
	struct own own = { .prefix = &sub->prefix };
	char text[PREFIX_STR_SIZE];
	enum err e = change_check_subnet(c, n->id, sub, flags & SUBNET_FAILOVER, "/prefix");

	if (!e && !(flags & SUBNET_FORCE))
		e = change_check_hub_outside(c, &sub->prefix, "/prefix");
	if (!e)
		e = store_subnets_list(c->store, n->id, 0, 0, count_own, &own);
	if (e)
		return e;
	if (own.found.id && own.found.status == SUBNET_APPROVED)
		return change_refuse(c, ERR_EXISTS, "subnet_duplicate", "/prefix",
				     "%s is behind node %s already.",
				     prefix_format(&sub->prefix, text), n->name);
	if (own.approved >= NODE_SUBNETS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "/prefix",
				     "Node %s has %u subnets, the most that a node may have.",
				     n->name, NODE_SUBNETS_MAX);
	e = put_approved(c, &own, &row);
	if (!e)
		e = finish(c, "subnet.add", &row, n->name, true);
	if (!e) {
		memcpy(row.node_name, n->name, sizeof(row.node_name));
		*out = row;
	}
	return e;
}

enum err change_subnet_add(struct change *c, uint32_t node_id, const struct node_subnet *sub,
			   unsigned flags, struct store_subnet *out)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	return e ? e : change_end_node(c, subnet_add(c, &n, sub, flags, out), &n);
}

/* A subnet by its id. */
static enum err load(struct change *c, uint32_t subnet_id, struct store_subnet *row)
{
	enum err e = store_subnet_get(c->store, subnet_id, row);

	return e == ERR_NOTFOUND ? change_refuse(c, e, "not_found", "",
						 "There is no subnet with the id %u.", subnet_id)
				 : e;
}

/* Only its weight. What is proposed is in no directory. */
static enum err set_weight(struct change *c, struct store_subnet *row, uint32_t weight)
{
	const uint32_t before = row->subnet.weight;
	char text[PREFIX_STR_SIZE];
	enum err e = ERR_OK;

	prefix_format(&row->subnet.prefix, text);
	if (weight > SUBNET_WEIGHT_MAX)
		return change_refuse(c, ERR_INVALID, "weight_invalid", "/weight",
				     "%s: a weight is at most %u.", text, SUBNET_WEIGHT_MAX);
	if (weight == before)
		return ERR_OK;
	row->subnet.weight = weight;
	if (row->status == SUBNET_APPROVED) {
		e = change_revise(c, "subnet.edit %s %s", row->node_name, text);
		if (!e)
			e = store_node_touch(c->store, row->node_id, c->revision);
	}
	if (!e)
		e = store_subnet_status(c->store, row->id, row->status, weight);
	if (e)
		return e;
	return change_audit(c, "subnet.edit", "node", row->node_name,
			    json_pack("{s:s, s:I, s:{s:I}, s:{s:I}}", "prefix", text, "subnet_id",
				      (json_int_t)row->id, "before", "weight", (json_int_t)before,
				      "after", "weight", (json_int_t)weight));
}

/* Approving is adding it: the same checks, and the same row. */
static enum err subnet_edit(struct change *c, uint32_t id, const struct change_subnet_edit *in,
			    struct store_subnet *row)
{
	struct node_subnet wanted;
	struct node n;
	enum err e = load(c, id, row);

	if (e)
		return e;
	wanted = row->subnet;
	if (in->weight)
		wanted.weight = *in->weight;
	if (!in->approve || row->status == SUBNET_APPROVED)
		return set_weight(c, row, wanted.weight);
	e = change_node_load(c, row->node_id, &n);
	if (!e) {
		e = subnet_add(c, &n, &wanted, in->flags, row);
		node_fini(&n);
	}
	return e;
}

enum err change_subnet_edit(struct change *c, uint32_t id, const struct change_subnet_edit *in,
			    struct store_subnet *out)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, subnet_edit(c, id, in, out));
}

static enum err subnet_remove(struct change *c, uint32_t subnet_id)
{
	struct store_subnet row;
	enum err e = load(c, subnet_id, &row);

	if (!e)
		e = store_subnet_remove(c->store, subnet_id);
	return e ? e
		 : finish(c, "subnet.remove", &row, row.node_name, row.status == SUBNET_APPROVED);
}

enum err change_subnet_remove(struct change *c, uint32_t subnet_id)
{
	enum err e = change_begin(c);

	return e ? e : change_end(c, subnet_remove(c, subnet_id));
}

static enum err subnet_propose(struct change *c, const struct node *n,
			       const struct node_subnet *sub)
{
	struct store_subnet row = { .node_id = n->id, .subnet = *sub, .status = SUBNET_PROPOSED };
	struct own own = { .prefix = &sub->prefix };
	enum err e = change_check_subnet(c, n->id, sub, true, "/prefix");

	if (!e)
		e = store_subnets_list(c->store, n->id, 0, 0, count_own, &own);
	if (e || own.found.id) /* a spoke says it again each time it connects */
		return e;
	if (own.proposed >= PROPOSALS_MAX)
		return change_refuse(c, ERR_LIMIT, "limit_reached", "/prefix",
				     "%u proposals of node %s wait for approval.", PROPOSALS_MAX,
				     n->name);
	e = store_subnet_put(c->store, &row);
	return e ? e : finish(c, "subnet.propose", &row, n->name, false);
}

enum err change_subnet_propose(struct change *c, uint32_t node_id, const struct node_subnet *sub)
{
	struct node n;
	enum err e = change_begin_node(c, node_id, &n);

	return e ? e : change_end_node(c, subnet_propose(c, &n, sub), &n);
}
