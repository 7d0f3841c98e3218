/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics: what /metrics says, in Prometheus' text format, version 0.0.4. Label values are names of
 * our own (hub/store promises their characters), so that none needs to be escaped.
 */
#include <inttypes.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/presence_map.h"
#include "hub/api/totals.h"
#include "shared/ipc/engine_msg.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The text under way, with the first error that happened. */
struct sheet {
	struct buf *text;
	enum err err;
};

struct node_counts {
	struct presence_map presence;
	unsigned n[NODE_DELETED][2]; /* by status, and whether it is online */
};

/* One line; the format of a line is its caller's. */
static void put(struct sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct sheet *s, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!s->err)
		s->err = buf_printf(s->text, "%s\n", line);
}

static void put_head(struct sheet *s, const char *name, const char *type, const char *help)
{
	put(s, "# HELP branchline_%s %s", name, help);
	put(s, "# TYPE branchline_%s %s", name, type);
}

static void put_one(struct sheet *s, const char *name, const char *type, const char *help,
		    json_int_t value)
{
	put_head(s, name, type, help);
	put(s, "branchline_%s %" JSON_INTEGER_FORMAT, name, value);
}

/* --- nodes --- */

static enum err count_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct node_counts *c = arg;
	const struct store_presence *p = presence_map_find(&c->presence, n->id);

	(void)meta;
	if (n->kind != NODE_HUB && n->status < NODE_DELETED)
		c->n[n->status][p && p->online]++;
	return ERR_OK;
}

static void put_nodes(struct sheet *s, const struct node_counts *c)
{
	put_head(s, "nodes", "gauge", "Nodes other than the hub.");
	for (enum node_status st = NODE_INVITED; st < NODE_DELETED; st++)
		for (unsigned online = 0; online < 2; online++)
			put(s, "branchline_nodes{status=\"%s\",online=\"%s\"} %u",
			    node_status_str(st), online ? "true" : "false", c->n[st][online]);
}

/* --- totals --- */

static void put_info(struct sheet *s, const json_t *engine)
{
	const json_t *offloads = json_object_get(engine, "offloads"), *item;
	char list[128] = "";
	size_t i;

	json_array_foreach(offloads, i, item)
	{
		size_t n = strlen(list);

		snprintf(list + n, sizeof(list) - n, "%s%s", i ? "," : "", json_string_value(item));
	}
	put_head(s, "engine_info", "gauge", "How the hub's data plane works.");
	put(s, "branchline_engine_info{crypto=\"%s\",offloads=\"%s\"} 1",
	    json_string_value(json_object_get(engine, "crypto")), list);
}

static void put_engine(struct sheet *s, json_t *engine)
{
	static const struct {
		const char *member, *name, *type, *help;
	} rows[] = {
		{ "peers", "engine_peers", "gauge", "Peers that the hub's engine knows." },
		{ "sessions", "engine_sessions", "gauge", "Sessions of the hub's engine." },
		{ "handshakes", "engine_handshakes_total", "counter", "Completed handshakes." },
		{ "relayed_packets", "engine_relayed_packets_total", "counter",
		  "Packets relayed between nodes." },
		{ "relayed_bytes", "engine_relayed_bytes_total", "counter",
		  "Bytes relayed between nodes." },
	};
	const char *reason;
	json_t *n;

	put_one(s, "engine_up", "gauge", "Whether the hub's engine runs.", json_is_object(engine));
	if (!json_is_object(engine))
		return;
	put_info(s, engine);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_one(s, rows[i].name, rows[i].type, rows[i].help,
			json_integer_value(json_object_get(engine, rows[i].member)));
	put_head(s, "engine_drops_total", "counter", "Packets that the engine dropped.");
	json_object_foreach(json_object_get(engine, "drops"), reason, n)
		put(s, "branchline_engine_drops_total{reason=\"%s\"} %" JSON_INTEGER_FORMAT, reason,
		    json_integer_value(n));
}

/* Counters of the link: those that begin with "refused-" by reason, or the others by event. */
static void put_link(struct sheet *s, json_t *link, bool refused)
{
	static const char prefix[] = "refused-";
	const size_t len = sizeof(prefix) - 1;
	const char *name;
	json_t *n;

	json_object_foreach(link, name, n)
	{
		if ((strncmp(name, prefix, len) == 0) != refused)
			continue;
		put(s, "branchline_link_%s_total{%s=\"%s\"} %" JSON_INTEGER_FORMAT,
		    refused ? "refused" : "events", refused ? "reason" : "event",
		    refused ? name + len : name, json_integer_value(n));
	}
}

/* --- paths --- */

struct path_counts {
	json_int_t kinds[PATH_DIRECT_UDP + 1], reasons[PATH_REASON_COUNT];
};

/* What a later spoke may call otherwise counts as down, and without a reason. */
static enum err count_pair(void *arg, uint8_t path, uint8_t reason, uint32_t n)
{
	struct path_counts *c = arg;

	c->kinds[path <= PATH_DIRECT_UDP ? path : PATH_DOWN] += n;
	c->reasons[reason < PATH_REASON_COUNT ? reason : PATH_REASON_NONE] += n;
	return ERR_OK;
}

static void put_paths(struct sheet *s, const struct path_counts *c)
{
	put_head(s, "paths", "gauge", "Paths between nodes, each direction as its node tells it.");
	for (unsigned k = 0; k < ARRAY_LEN(c->kinds); k++)
		put(s, "branchline_paths{path=\"%s\"} %" JSON_INTEGER_FORMAT,
		    path_kind_str((enum path_kind)k), c->kinds[k]);
	put_head(s, "path_reasons", "gauge", "The same paths by why they are what they are.");
	for (unsigned r = 0; r < ARRAY_LEN(c->reasons); r++)
		put(s, "branchline_path_reasons{reason=\"%s\"} %" JSON_INTEGER_FORMAT,
		    path_reason_id((enum path_reason)r), c->reasons[r]);
}

/* --- the whole --- */

static void answer(struct request *r, const struct node_counts *nodes, const struct totals *t,
		   const struct path_counts *paths, uint64_t revision)
{
	struct sheet s = { .text = &r->reply.body };

	put_one(&s, "revision", "gauge", "Revision of the directory.", (json_int_t)revision);
	put_nodes(&s, nodes);
	put_engine(&s, t->engine);
	put_paths(&s, paths);
	put_head(&s, "link_refused_total", "counter", "Connections and messages refused.");
	put_link(&s, t->link, true);
	put_head(&s, "link_events_total", "counter", "What else happened on the links.");
	put_link(&s, t->link, false);
	r->reply.status = 200;
	r->reply.content_type = METRICS_TYPE;
	if (s.err) {
		reply_clear(&r->reply);
		reply_refuse(&r->reply, 503, "no_memory", "the hub is out of memory");
	}
}

void metrics_get(struct request *r)
{
	struct node_counts nodes = { 0 };
	struct path_counts paths = { 0 };
	struct totals totals = { 0 };
	uint64_t revision = 0;
	enum err e;

	e = presence_map_load(r->api->store, &nodes.presence);
	if (!e)
		e = store_nodes_brief(r->api->store, count_node, &nodes);
	if (!e)
		e = store_revision_get(r->api->store, &revision);
	if (!e)
		e = totals_load(r->api->store, &totals);
	if (!e)
		e = store_pairs_count(r->api->store, count_pair, &paths);
	if (e)
		request_store_failed(r, e, "metrics");
	else
		answer(r, &nodes, &totals, &paths, revision);
	totals_fini(&totals);
	presence_map_fini(&nodes.presence);
}
