/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics: what /metrics says, in Prometheus' text format, version 0.0.4. Label values are names of
 * our own (hub/store promises their characters), so that none needs to be escaped.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/presence_map.h"
#include "hub/api/totals.h"
#include "hub/key_settings.h"
#include "shared/base/clock.h"
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

/* --- the hub itself --- */

static void put_build(struct sheet *s, const struct api *a)
{
	put_head(s, "build_info", "gauge", "Version of the hub.");
	put(s, "branchline_build_info{version=\"%s\"} 1", BRANCHLINE_VERSION);
	put_one(s, "api_start_time_seconds", "gauge", "When the API was started, since 1970.",
		(json_int_t)(a->started_ms / 1000));
}

static void put_applied(struct sheet *s, const struct store_applied *a)
{
	put_one(s, "revision_nodes", "gauge", "Connected spokes that the newest revision concerns.",
		a->online);
	put_one(s, "revision_applied_nodes", "gauge", "Those of them that have applied it.",
		a->applied);
}

/* Control has counted each bucket for itself; here each has those before it in it, too. */
static void put_fanout(struct sheet *s, const json_t *fanout)
{
	static const char name[] = "directory_fanout_duration_seconds";
	json_int_t all = 0, sum_ms = json_integer_value(json_object_get(fanout, "sum_ms"));
	unsigned long end_ms;
	const char *key;
	json_t *n;

	put_head(s, name, "histogram",
		 "From a change of the directory until a connected spoke had applied it.");
	json_object_foreach((json_t *)(uintptr_t)fanout, key, n)
	{
		if (strncmp(key, "le_", 3) != 0)
			continue;
		all += json_integer_value(n);
		end_ms = strtoul(key + 3, NULL, 10);
		put(s, "branchline_%s_bucket{le=\"%g\"} %" JSON_INTEGER_FORMAT, name,
		    (double)end_ms / 1000.0, all);
	}
	all += json_integer_value(json_object_get(fanout, "longer"));
	put(s, "branchline_%s_bucket{le=\"+Inf\"} %" JSON_INTEGER_FORMAT, name, all);
	put(s, "branchline_%s_sum %.3f", name, (double)sum_ms / 1000.0);
	put(s, "branchline_%s_count %" JSON_INTEGER_FORMAT, name, all);
}

/* What waits, and where. */
static void put_queues(struct sheet *s, const struct api *a, const json_t *queue)
{
	put_one(s, "link_queued_bytes", "gauge", "Not sent to spokes yet, all links together.",
		json_integer_value(json_object_get(queue, "links_bytes")));
	put_one(s, "link_queued_bytes_max", "gauge", "The same of the link with most of it.",
		json_integer_value(json_object_get(queue, "longest_link_bytes")));
	if (json_object_get(queue, "engine_socket_bytes")) {
		put_one(s, "engine_pending_packets", "gauge",
			"Packets that wait for a handshake, of all peers.",
			json_integer_value(json_object_get(queue, "engine_pending_packets")));
		put_one(s, "engine_pending_packets_max", "gauge",
			"The same of the peer with most of them.",
			json_integer_value(json_object_get(queue, "engine_pending_packets_max")));
		put_one(s, "engine_socket_queued_bytes", "gauge",
			"In the engine's outer sockets, not taken by the line yet.",
			json_integer_value(json_object_get(queue, "engine_socket_bytes")));
	}
	put_one(s, "api_waiting_requests", "gauge",
		"Requests that wait for spokes to apply a revision.", a->waits.n);
}

/* How far the slowest connected spoke is behind the directory. */
static void put_lag(struct sheet *s, const struct presence_map *p, uint64_t revision)
{
	uint64_t lag = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->rows[i].online && p->rows[i].acked_revision &&
		    revision - p->rows[i].acked_revision > lag &&
		    p->rows[i].acked_revision < revision)
			lag = revision - p->rows[i].acked_revision;
	put_one(s, "revision_lag", "gauge",
		"Revisions that the connected spoke furthest behind has not applied.",
		(json_int_t)lag);
}

static void put_durations(struct sheet *s, const struct durations *d)
{
	put_head(s, "api_request_duration_seconds", "histogram",
		 "Requests to the API, from head to answer.");
	if (!s->err)
		s->err = durations_print(d, "branchline_api_request_duration_seconds", s->text);
}

static void put_keys(struct sheet *s, const struct store_key_ages *a, int64_t now_ms)
{
	static const char *const kinds[] = { [KEY_IDENTITY] = "identity", [KEY_TUNNEL] = "tunnel" };

	put_head(s, "key_age_seconds", "gauge", "Age of the oldest current key of all nodes.");
	for (enum key_kind k = KEY_IDENTITY; k <= KEY_TUNNEL; k++)
		put(s, "branchline_key_age_seconds{kind=\"%s\"} %" PRId64, kinds[k],
		    a->oldest_ms[k] && now_ms > a->oldest_ms[k] ? (now_ms - a->oldest_ms[k]) / 1000
								: 0);
	put_head(s, "keys_due", "gauge", "Current keys that are old by the settings of keys.");
	for (enum key_kind k = KEY_IDENTITY; k <= KEY_TUNNEL; k++) {
		put(s, "branchline_keys_due{kind=\"%s\",due=\"soon\"} %u", kinds[k], a->soon[k]);
		put(s, "branchline_keys_due{kind=\"%s\",due=\"overdue\"} %u", kinds[k],
		    a->overdue[k]);
	}
}

static enum err put_waiting(void *arg, const struct store_webhook *w)
{
	put(arg, "branchline_webhook_waiting_deliveries{webhook=\"%s\",enabled=\"%s\"} %u", w->name,
	    w->enabled ? "true" : "false", w->waiting);
	return ERR_OK;
}

static enum err put_failures(void *arg, const struct store_webhook *w)
{
	put(arg, "branchline_webhook_failures_in_a_row{webhook=\"%s\"} %u", w->name, w->failures);
	return ERR_OK;
}

static enum err put_webhooks(struct sheet *s, struct store *db)
{
	enum err e;

	put_head(s, "webhook_waiting_deliveries", "gauge", "Deliveries that wait, by webhook.");
	e = store_webhooks_list(db, 0, 0, put_waiting, s);
	if (e)
		return e;
	put_head(s, "webhook_failures_in_a_row", "gauge", "Attempts in a row that have failed.");
	return store_webhooks_list(db, 0, 0, put_failures, s);
}

/* --- the whole --- */

/* Everything that /metrics is made from. */
struct sources {
	struct node_counts nodes;
	struct path_counts paths;
	struct totals totals;
	uint64_t revision;
	struct store_applied applied;
	struct store_key_ages keys;
	int64_t now_ms;
	bool each_node; /* ?nodes=1 */
};

/* --- each node, when it is asked for: three series a node --- */

struct each {
	struct sheet *sheet;
	const struct node_counts *counts;
	const char *name;
	unsigned what;
};

static enum err put_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	const struct each *x = arg;
	const struct store_presence *p = presence_map_find(&x->counts->presence, n->id);
	uint64_t value = !p             ? 0
			 : x->what == 0 ? p->online
			 : x->what == 1 ? p->rx_bytes
					: p->tx_bytes;

	(void)meta;
	if (n->kind != NODE_HUB && n->status < NODE_DELETED)
		put(x->sheet, "branchline_%s{node=\"%s\"} %" PRIu64, x->name, n->name, value);
	return ERR_OK;
}

static enum err put_each_node(struct sheet *s, struct store *db, const struct node_counts *c)
{
	static const char *const rows[][3] = {
		{ "node_up", "gauge", "Whether the node is online." },
		{ "node_received_bytes_total", "counter", "From the node, by its tunnel." },
		{ "node_sent_bytes_total", "counter", "To the node, by its tunnel." },
	};
	enum err e = ERR_OK;

	for (unsigned i = 0; i < ARRAY_LEN(rows) && !e; i++) {
		struct each x = { s, c, rows[i][0], i };

		put_head(s, rows[i][0], rows[i][1], rows[i][2]);
		e = store_nodes_brief(db, put_node, &x);
	}
	return e;
}

static void put_link_counters(struct sheet *s, json_t *link)
{
	put_head(s, "link_refused_total", "counter", "Connections and messages refused.");
	put_link(s, link, true);
	put_head(s, "link_events_total", "counter", "What else happened on the links.");
	put_link(s, link, false);
}

static void answer(struct request *r, const struct sources *x)
{
	struct sheet s = { .text = &r->reply.body };
	enum err e;

	put_build(&s, r->api);
	put_one(&s, "revision", "gauge", "Revision of the directory.", (json_int_t)x->revision);
	put_applied(&s, &x->applied);
	put_lag(&s, &x->nodes.presence, x->revision);
	put_fanout(&s, x->totals.fanout);
	put_queues(&s, r->api, x->totals.queue);
	put_nodes(&s, &x->nodes);
	put_engine(&s, x->totals.engine);
	put_paths(&s, &x->paths);
	put_link_counters(&s, x->totals.link);
	put_keys(&s, &x->keys, x->now_ms);
	put_durations(&s, &r->api->durations);
	e = put_webhooks(&s, r->api->store);
	if (!e && x->each_node)
		e = put_each_node(&s, r->api->store, &x->nodes);
	r->reply.status = 200;
	r->reply.content_type = METRICS_TYPE;
	if (!e && !s.err)
		return;
	reply_clear(&r->reply);
	if (e)
		request_store_failed(r, e, "metrics");
	else
		reply_refuse(&r->reply, 503, "no_memory", "the hub is out of memory");
}

static enum err load_keys(struct store *s, struct sources *x)
{
	struct key_settings settings;
	int64_t soon_ms, over_ms;
	enum err e = key_settings_read(s, &settings);

	x->now_ms = clock_wall_ms();
	if (e)
		return e;
	key_settings_limits(&settings, x->now_ms, &soon_ms, &over_ms);
	return store_key_ages(s, soon_ms, over_ms, &x->keys);
}

static enum err load(struct store *s, struct sources *x)
{
	enum err e = presence_map_load(s, &x->nodes.presence);

	if (!e)
		e = store_nodes_brief(s, count_node, &x->nodes);
	if (!e)
		e = store_revision_get(s, &x->revision);
	if (!e && x->revision)
		e = store_applied(s, x->revision, 0, &x->applied);
	if (!e)
		e = totals_load(s, &x->totals);
	if (!e)
		e = load_keys(s, x);
	return e ? e : store_pairs_count(s, count_pair, &x->paths);
}

void metrics_get(struct request *r)
{
	struct sources x = { 0 };
	struct problem p = { 0 };
	enum err e;

	if (params_bool(&r->query, "nodes", &x.each_node, &p)) {
		reply_problem(&r->reply, &p);
		return;
	}
	e = load(r->api->store, &x);
	if (e)
		request_store_failed(r, e, "metrics");
	else
		answer(r, &x);
	totals_fini(&x.totals);
	presence_map_fini(&x.nodes.presence);
}
