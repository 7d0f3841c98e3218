/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/presence_map.h"
#include "hub/api/render.h"
#include "hub/api/totals.h"
#include "shared/wire/fields.h"

/* One walk over the nodes: counts of all, and one page of them. */
struct survey {
	struct presence_map presence;
	struct totals totals;
	struct page page;
	const struct hub_config *config;
	bool *there; /* which of the branches that ConnectTo expects are */
	unsigned nodes, spokes, wireguard, invited, active, disabled, revoked, online;
};

/* Is it a branch that hub.conf expects? Then it is noted whether it is there. */
static bool check_expected(struct survey *s, const struct node *n, const struct store_presence *p)
{
	const struct hub_branch *b =
		n->kind == NODE_SPOKE ? hub_config_branch(s->config, n->name) : NULL;

	if (b && n->status == NODE_ACTIVE && p && p->online)
		s->there[b - s->config->branches] = true;
	return b != NULL;
}

/* The names of those that are not there, also of those that no node has. */
static json_t *expected_away(const struct survey *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->config->n_branches; i++)
		if (!s->there[i])
			json_array_append_new(list, json_string(s->config->branches[i].name));
	return list;
}

static enum err survey_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct survey *s = arg;
	const struct store_presence *p;
	bool expected;
	json_t *row;
	enum err e;

	(void)meta;
	if (n->status == NODE_DELETED)
		return ERR_OK;
	p = presence_map_find(&s->presence, n->id);
	s->nodes++;
	s->spokes += n->kind == NODE_SPOKE;
	s->wireguard += n->kind == NODE_WIREGUARD;
	s->invited += n->status == NODE_INVITED;
	s->active += n->status == NODE_ACTIVE;
	s->disabled += n->status == NODE_DISABLED;
	s->revoked += n->status == NODE_REVOKED;
	s->online += p && p->online && n->kind != NODE_HUB;
	expected = check_expected(s, n, p);
	if (n->id <= s->page.want.after || s->page.more)
		return ERR_OK;
	row = render_presence(n, p);
	json_object_set_new(row, "expected", json_boolean(expected));
	e = page_add(&s->page, n->id, row);
	return e == ERR_CLOSED ? ERR_OK : e;
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

static json_t *counts(const struct survey *s)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "nodes", s->nodes, "spokes",
			 s->spokes, "wireguard", s->wireguard, "invited", s->invited, "active",
			 s->active, "disabled", s->disabled, "revoked", s->revoked, "online",
			 s->online);
}

static void answer(struct request *r, struct survey *s)
{
	char network[LOOKUP_SETTING_SIZE];
	json_t *pools = json_array(), *hub = NULL;
	struct store_revision rev = { 0 };
	uint64_t mtu = 0;
	enum err e;

	e = store_revision_get(r->api->store, &rev.revision);
	if (!e && store_revision_read(r->api->store, rev.revision, &rev) != ERR_OK)
		rev.at_ms = 0;
	if (e)
		request_store_failed(r, e, "revision");
	else if (describe_network(r, network, pools, &mtu) == ERR_OK &&
		 describe_hub(r, &hub) == ERR_OK)
		reply_json(&r->reply, 200,
			   json_pack("{s:o, s:s, s:O, s:O, s:I, s:I, s:o, s:o, s:o, s:o, s:O, s:O, "
				     "s:O, s:o}",
				     "network", fields_text(network), "version", BRANCHLINE_VERSION,
				     "hub", hub, "pools", pools, "mtu", (json_int_t)mtu, "revision",
				     (json_int_t)rev.revision, "revision_at",
				     render_time(rev.at_ms), "api_started_at",
				     render_time(r->api->started_ms), "counts", counts(s),
				     "expected_away", expected_away(s), "engine", s->totals.engine,
				     "link", s->totals.link, "nodes", s->page.items, "next_after",
				     s->page.more ? json_integer(s->page.last_id) : json_null()));
	json_decref(pools);
	json_decref(hub);
}

void status_get(struct request *r)
{
	struct survey s = { 0 };
	enum err e;

	if (page_init(&s.page, r))
		return;
	s.config = r->api->config;
	s.there = calloc(s.config->n_branches + 1, sizeof(*s.there));
	e = s.there ? presence_map_load(r->api->store, &s.presence) : ERR_NOMEM;
	if (!e)
		e = totals_load(r->api->store, &s.totals);
	if (!e)
		e = store_nodes_since(r->api->store, 0, 0, 0, survey_node, &s);
	if (e)
		request_store_failed(r, e, "status");
	else
		answer(r, &s);
	free(s.there);
	totals_fini(&s.totals);
	presence_map_fini(&s.presence);
	page_fini(&s.page);
}
