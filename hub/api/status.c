/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "hub/api/attention.h"
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "hub/api/totals.h"
#include "shared/base/clock.h"
#include "shared/wire/fields.h"

/* Sums over all nodes, and one page of them: what it costs does not grow with the network. */
struct survey {
	struct request *r;
	struct totals totals;
	struct page page;
	struct store_nodes_sum sum;
	uint32_t online;
	uint32_t hub_id;
};

/* What is known of a node's presence; `p` is all zeros when nothing is. */
static enum err get_presence(struct request *r, uint32_t id, struct store_presence *p, bool *known)
{
	enum err e = store_presence_get(r->api->store, id, p);

	*known = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Is the branch, which ConnectTo of hub.conf expects, there? */
static enum err is_there(struct request *r, const char *name, bool *there)
{
	struct store_presence p;
	struct node n;
	bool known;
	enum err e = store_node_find(r->api->store, name, &n, NULL);

	*there = false;
	if (e)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	if (n.kind == NODE_SPOKE && n.status == NODE_ACTIVE) {
		e = get_presence(r, n.id, &p, &known);
		*there = !e && known && p.online;
	}
	node_fini(&n);
	return e;
}

/* The names of those that are not there, also of those that no node has. */
static enum err expected_away(struct request *r, json_t *list)
{
	const struct hub_config *c = r->api->config;
	enum err e = ERR_OK;
	bool there;

	for (size_t i = 0; i < c->n_branches && !e; i++) {
		e = is_there(r, c->branches[i].name, &there);
		if (!e && !there)
			json_array_append_new(list, json_string(c->branches[i].name));
	}
	return e;
}

static enum err add_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct survey *s = arg;
	struct store_presence p;
	bool known, expected;
	json_t *row;
	enum err e;

	(void)meta;
	if (n->status == NODE_DELETED)
		return ERR_OK;
	e = get_presence(s->r, n->id, &p, &known);
	if (e)
		return e;
	expected = n->kind == NODE_SPOKE && hub_config_branch(s->r->api->config, n->name);
	row = render_presence(n, known ? &p : NULL);
	json_object_set_new(row, "expected", json_boolean(expected));
	return page_add(&s->page, n->id, row);
}

/* A setting with one item a line, as an array. */
static enum err lines_setting(struct request *r, const char *key, json_t *into)
{
	char text[LOOKUP_SETTING_SIZE], *save = NULL;
	enum err e = lookup_setting(r, key, text);

	if (e)
		return e;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(into, fields_text(line));
	return ERR_OK;
}

/* The hub itself: what a device or a branch needs to reach it. */
static enum err describe_hub(struct request *r, json_t **out)
{
	json_t *addresses = json_array(), *node;
	char port[LOOKUP_SETTING_SIZE];
	static const struct render_groups no_groups;
	struct node hub;
	uint64_t udp_port = 0;
	enum err e;

	e = lines_setting(r, "hub_addresses", addresses);
	if (!e)
		e = lookup_setting(r, "udp_port", port);
	if (!e)
		e = lookup_hub(r, &hub);
	if (e) {
		json_decref(addresses);
		return e;
	}
	if (!params_parse_uint(port, 65535, &udp_port))
		udp_port = UDP_PORT_DEFAULT;
	node = render_node(&hub, &(struct store_node_meta){ 0 }, &no_groups);
	*out = json_pack("{s:I, s:s, s:O, s:O, s:O, s:o, s:I}", "id", (json_int_t)hub.id, "name",
			 hub.name, "addresses", json_object_get(node, "addresses"), "tunnel_key",
			 json_object_get(node, "tunnel_key"), "identity_fingerprint",
			 json_object_get(node, "identity_fingerprint"), "hub_addresses", addresses,
			 "udp_port", (json_int_t)udp_port);
	json_decref(node);
	node_fini(&hub);
	return ERR_OK;
}

/* Network-wide settings. */
static enum err describe_network(struct request *r, char network[LOOKUP_SETTING_SIZE],
				 json_t *pools, uint64_t *mtu)
{
	char text[LOOKUP_SETTING_SIZE];
	enum err e;

	e = lookup_setting(r, "network", network);
	if (!e)
		e = lines_setting(r, "pool4", pools);
	if (!e)
		e = lines_setting(r, "pool6", pools);
	if (!e)
		e = lookup_setting(r, "mtu", text);
	if (!e && !params_parse_uint(text, 65535, mtu))
		*mtu = TUN_MTU_DEFAULT;
	return e;
}

static json_int_t of_kind(const struct survey *s, enum node_kind k)
{
	json_int_t sum = 0;

	for (unsigned st = NODE_INVITED; st < NODE_DELETED; st++)
		sum += s->sum.n[k][st];
	return sum;
}

static json_int_t of_status(const struct survey *s, enum node_status st)
{
	return (json_int_t)s->sum.n[NODE_HUB][st] + s->sum.n[NODE_SPOKE][st] +
	       s->sum.n[NODE_WIREGUARD][st];
}

static json_t *counts(const struct survey *s)
{
	json_int_t spokes = of_kind(s, NODE_SPOKE), devices = of_kind(s, NODE_WIREGUARD);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "nodes",
			 of_kind(s, NODE_HUB) + spokes + devices, "spokes", spokes, "wireguard",
			 devices, "invited", of_status(s, NODE_INVITED), "active",
			 of_status(s, NODE_ACTIVE), "disabled", of_status(s, NODE_DISABLED),
			 "revoked", of_status(s, NODE_REVOKED), "online", (json_int_t)s->online);
}

static void answer(struct request *r, struct survey *s)
{
	char network[LOOKUP_SETTING_SIZE];
	json_t *pools = json_array(), *away = json_array(), *attention = json_array(), *hub = NULL;
	struct store_revision rev = { 0 };
	uint64_t mtu = 0;
	enum err e;

	e = expected_away(r, away);
	if (!e)
		e = attention_collect(r->api, &s->totals, clock_wall_ms(), s->hub_id, attention);
	if (!e)
		e = store_revision_get(r->api->store, &rev.revision);
	if (!e && store_revision_read(r->api->store, rev.revision, &rev) != ERR_OK)
		rev.at_ms = 0;
	if (e)
		request_store_failed(r, e, "revision");
	else if (describe_network(r, network, pools, &mtu) == ERR_OK &&
		 describe_hub(r, &hub) == ERR_OK)
		reply_json(&r->reply, 200,
			   json_pack("{s:o, s:s, s:O, s:O, s:I, s:I, s:o, s:o, s:o, s:O, s:O, s:O, "
				     "s:O, s:O, s:o}",
				     "network", fields_text(network), "version", BRANCHLINE_VERSION,
				     "hub", hub, "pools", pools, "mtu", (json_int_t)mtu, "revision",
				     (json_int_t)rev.revision, "revision_at",
				     render_time(rev.at_ms), "api_started_at",
				     render_time(r->api->started_ms), "counts", counts(s),
				     "expected_away", away, "attention", attention, "engine",
				     s->totals.engine, "link", s->totals.link, "nodes",
				     s->page.items, "next_after",
				     s->page.more ? json_integer(s->page.last_id) : json_null()));
	json_decref(pools);
	json_decref(away);
	json_decref(attention);
	json_decref(hub);
}

/* All that is read of the whole network. */
static enum err read_sums(struct survey *s, uint32_t hub_id)
{
	struct store *store = s->r->api->store;
	enum err e = totals_load(store, &s->totals);

	if (!e)
		e = store_nodes_sum(store, &s->sum);
	/* The hub itself is not counted among those online. */
	return e ? e : store_presence_online(store, hub_id, &s->online);
}

void status_get(struct request *r)
{
	struct survey s = { .r = r };
	struct node hub;
	enum err e;

	if (page_init(&s.page, r))
		return;
	if (lookup_hub(r, &hub))
		goto out;
	s.hub_id = hub.id;
	e = read_sums(&s, hub.id);
	node_fini(&hub);
	if (!e)
		e = store_nodes_since(r->api->store, 0, s.page.want.after, 0, add_node, &s);
	if (e && e != ERR_CLOSED)
		request_store_failed(r, e, "status");
	else
		answer(r, &s);
out:
	totals_fini(&s.totals);
	page_fini(&s.page);
}
