/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history: traffic over time. The hub's own samples say when the hub ran: a step without one has no
 * point, and in one with it a node without a sample was not there.
 */
#include <stdlib.h>
#include <string.h>

#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/page.h"
#include "hub/api/render.h"
#include "shared/base/clock.h"
#include "shared/ipc/engine_msg.h"

#define POINTS_DEFAULT 60u
#define POINTS_MAX     240u
#define BULK_PAGE_MAX  500u

/* What is asked for. */
struct span {
	enum history_ring ring;
	int64_t from_s, to_s; /* multiples of the step */
};

static const char *const resolutions[] = {
	[HISTORY_SECOND] = "1s",
	[HISTORY_MINUTE] = "1m",
	[HISTORY_HOUR] = "1h",
};

static enum err refuse(struct request *r, const char *detail)
{
	reply_refuse(&r->reply, 400, "query_invalid", "%s", detail);
	return ERR_INVALID;
}

/* The resolution of the query; otherwise answered. */
static enum err take_ring(struct request *r, enum history_ring *ring)
{
	const char *text = params_get(&r->query, "resolution");

	*ring = HISTORY_MINUTE;
	for (enum history_ring k = HISTORY_SECOND; text && k <= HISTORY_HOUR; k++) {
		*ring = k;
		if (strcmp(resolutions[k], text) == 0)
			return ERR_OK;
	}
	return text ? refuse(r, "query parameter \"resolution\" must be 1s, 1m or 1h") : ERR_OK;
}

/* The whole ring unless `from` and `to` say less; otherwise answered. */
static enum err take_span(struct request *r, struct span *s)
{
	int64_t from_ms = 0, to_ms = 0, step, now_s = clock_wall_ms() / 1000;
	struct problem p = { 0 };
	enum err e = take_ring(r, &s->ring);

	if (e)
		return e;
	e = params_time(&r->query, "from", &from_ms, &p);
	if (!e)
		e = params_time(&r->query, "to", &to_ms, &p);
	if (e) {
		reply_problem(&r->reply, &p);
		return e;
	}
	step = history_step_s(s->ring);
	s->to_s = (to_ms ? to_ms / 1000 : now_s + 1) + step - 1;
	s->to_s -= s->to_s % step;
	s->from_s = from_ms ? from_ms / 1000 : s->to_s - step * history_slots(s->ring);
	s->from_s -= s->from_s % step;
	return s->from_s < s->to_s ? ERR_OK
				   : refuse(r, "query parameter \"from\" must be before \"to\"");
}

/* --- one node, or the hub --- */

/* The samples of one node with those of the hub. */
struct series {
	struct store_sample x[HISTORY_MINUTE_SLOTS];
	size_t n, at;
};

static enum err take_step(void *arg, const struct store_sample *x)
{
	struct series *s = arg;

	if (s->n < HISTORY_MINUTE_SLOTS)
		s->x[s->n++] = *x;
	return ERR_OK;
}

/* Puts a node's sample in the place of the hub's of that time: both come in order. */
static enum err put_over(void *arg, const struct store_sample *x)
{
	struct series *s = arg;

	while (s->at < s->n && s->x[s->at].at_s < x->at_s)
		s->at++;
	if (s->at < s->n && s->x[s->at].at_s == x->at_s)
		s->x[s->at] = *x;
	return ERR_OK;
}

static enum err load_series(struct store *db, const struct span *w, uint32_t node, struct series *s)
{
	enum err e = store_history_read(db, w->ring, 0, 0, w->from_s, w->to_s, take_step, s);

	if (e || !node)
		return e;
	for (size_t i = 0; i < s->n; i++)
		s->x[i] = (struct store_sample){ .node_id = node, .at_s = s->x[i].at_s };
	return store_history_read(db, w->ring, node, node, w->from_s, w->to_s, put_over, s);
}

static json_t *number_or_null(bool known, uint64_t n)
{
	return known ? json_integer((json_int_t)n) : json_null();
}

static json_t *render_point(enum history_ring ring, const struct store_sample *x)
{
	const bool reported = ring != HISTORY_SECOND;
	json_t *j = json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "at",
			      render_time(x->at_s * 1000), "rx_bytes", (json_int_t)x->rx_bytes,
			      "tx_bytes", (json_int_t)x->tx_bytes, "rx_packets",
			      (json_int_t)x->rx_packets, "tx_packets", (json_int_t)x->tx_packets,
			      "spokes_rx_bytes", number_or_null(reported, x->spokes_rx_bytes),
			      "spokes_tx_bytes", number_or_null(reported, x->spokes_tx_bytes));

	if (!j || !x->node_id) {
		json_object_set_new(j, "nodes_up", json_integer(x->nodes_up));
		return j;
	}
	json_object_set_new(j, "rtt_us", number_or_null(x->rtt_us != 0, x->rtt_us));
	json_object_set_new(j, "loss_permille", number_or_null(x->loss_known, x->loss_permille));
	json_object_set_new(
		j, "path",
		json_string(path_kind_str(x->path <= PATH_DIRECT_UDP ? (enum path_kind)x->path
								     : PATH_DOWN)));
	json_object_set_new(j, "up_s", json_integer(x->up_s));
	return j;
}

/* Answers with the points of one node, or of the hub (`n` NULL). */
static void answer(struct request *r, const struct span *w, const struct node *n)
{
	struct series *s = calloc(1, sizeof(*s));
	json_t *points = json_array(), *j;
	enum err e = s ? load_series(r->api->store, w, n ? n->id : 0, s) : ERR_NOMEM;

	if (e) {
		json_decref(points);
		request_store_failed(r, e, "history");
		goto out;
	}
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(points, render_point(w->ring, &s->x[i]));
	j = json_pack("{s:s, s:I, s:o, s:o, s:o}", "resolution", resolutions[w->ring], "step_s",
		      (json_int_t)history_step_s(w->ring), "from", render_time(w->from_s * 1000),
		      "to", render_time(w->to_s * 1000), "points", points);
	if (j && n) {
		json_object_set_new(j, "node_id", json_integer(n->id));
		json_object_set_new(j, "node", json_string(n->name));
	}
	reply_json(&r->reply, 200, j);
out:
	free(s);
}

void history_of_node(struct request *r)
{
	struct span w;
	struct node n;

	if (lookup_node(r, r->param, &n, NULL))
		return;
	if (take_span(r, &w) == ERR_OK)
		answer(r, &w, &n);
	node_fini(&n);
}

void history_of_hub(struct request *r)
{
	struct span w;

	if (take_span(r, &w) == ERR_OK)
		answer(r, &w, NULL);
}

/* --- many nodes at once --- */

/* One page: nodes in the order of their ids, each with its numbers. */
struct bulk {
	struct page page;
	struct span span;
	uint32_t n_points, only; /* only: one node, 0 all */
	uint32_t n;
	struct bulk_node {
		uint32_t id;
		char name[NAME_SIZE];
		struct store_sample *x; /* n_points; at_s 0: not recorded */
	} * nodes;
	bool *ran; /* n_points: the hub has a sample */
};

static enum err take_node(void *arg, const struct node *n, const struct store_node_meta *meta)
{
	struct bulk *b = arg;
	struct bulk_node *x = &b->nodes[b->n];

	(void)meta;
	if (n->id <= b->page.want.after || n->kind == NODE_HUB || n->status >= NODE_DELETED ||
	    (b->only && n->id != b->only))
		return ERR_OK;
	if (b->n == b->page.want.limit) {
		b->page.more = true;
		return ERR_CLOSED;
	}
	x->x = calloc(b->n_points, sizeof(*x->x));
	if (!x->x)
		return ERR_NOMEM;
	x->id = b->page.last_id = n->id;
	memcpy(x->name, n->name, sizeof(x->name));
	b->n++;
	return ERR_OK;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = ((const struct bulk_node *)b)->id;

	return x < y ? -1 : x > y;
}

static enum err place(void *arg, const struct store_sample *x)
{
	struct bulk *b = arg;
	size_t i = (size_t)((x->at_s - b->span.from_s) / history_step_s(b->span.ring));
	struct bulk_node *n;

	if (i >= b->n_points)
		return ERR_OK;
	if (!x->node_id) {
		b->ran[i] = true;
		return ERR_OK;
	}
	n = bsearch(&x->node_id, b->nodes, b->n, sizeof(*b->nodes), by_id);
	if (n)
		n->x[i] = *x;
	return ERR_OK;
}

/* One node's numbers as arrays. */
static json_t *render_columns(const struct bulk *b, const struct bulk_node *n)
{
	json_t *rx = json_array(), *tx = json_array(), *rtt = json_array(), *up = json_array();

	for (uint32_t i = 0; i < b->n_points; i++) {
		const struct store_sample *x = &n->x[i];

		json_array_append_new(rx, number_or_null(b->ran[i], x->rx_bytes));
		json_array_append_new(tx, number_or_null(b->ran[i], x->tx_bytes));
		json_array_append_new(rtt, number_or_null(x->rtt_us != 0, x->rtt_us));
		json_array_append_new(up, number_or_null(b->ran[i], x->up_s));
	}
	return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "node_id", (json_int_t)n->id, "node",
			 n->name, "rx_bytes", rx, "tx_bytes", tx, "rtt_us", rtt, "up_s", up);
}

static enum err load_bulk(struct request *r, struct bulk *b)
{
	struct store *s = r->api->store;
	const struct span *w = &b->span;
	enum err e = store_nodes_since(s, 0, 0, 0, take_node, b);

	if (e && e != ERR_CLOSED)
		return e;
	e = store_history_read(s, w->ring, 0, 0, w->from_s, w->to_s, place, b);
	if (!e && b->n)
		e = store_history_read(s, w->ring, b->nodes[0].id, b->nodes[b->n - 1].id, w->from_s,
				       w->to_s, place, b);
	return e;
}

static void answer_bulk(struct request *r, struct bulk *b)
{
	enum err e = load_bulk(r, b);
	json_t *items;

	if (e) {
		request_store_failed(r, e, "history");
		return;
	}
	items = json_array();
	for (uint32_t i = 0; i < b->n; i++)
		json_array_append_new(items, render_columns(b, &b->nodes[i]));
	reply_json(&r->reply, 200,
		   json_pack("{s:s, s:I, s:o, s:I, s:o, s:o}", "resolution",
			     resolutions[b->span.ring], "step_s",
			     (json_int_t)history_step_s(b->span.ring), "end",
			     render_time(b->span.to_s * 1000), "points", (json_int_t)b->n_points,
			     "items", items, "next_after",
			     b->page.more ? json_integer(b->page.last_id) : json_null()));
}

/* The last points that are whole. Otherwise answered. */
static enum err take_points(struct request *r, struct bulk *b)
{
	struct problem p = { 0 };
	uint64_t points = 0;
	int64_t step;
	enum err e = take_ring(r, &b->span.ring);

	if (!e && lookup_node_filter(r, &b->only))
		return ERR_INVALID;
	if (e)
		return e;
	e = params_uint(&r->query, "points", 1, POINTS_MAX, POINTS_DEFAULT, &points, &p);
	if (e) {
		reply_problem(&r->reply, &p);
		return e;
	}
	if (points > history_slots(b->span.ring))
		points = history_slots(b->span.ring);
	step = history_step_s(b->span.ring);
	b->n_points = (uint32_t)points;
	b->span.to_s = clock_wall_ms() / 1000;
	b->span.to_s -= b->span.to_s % step;
	b->span.from_s = b->span.to_s - step * (int64_t)points;
	return ERR_OK;
}

void history_of_nodes(struct request *r)
{
	struct bulk b = { 0 };

	if (take_points(r, &b) || page_init(&b.page, r))
		return;
	if (b.page.want.limit > BULK_PAGE_MAX)
		b.page.want.limit = BULK_PAGE_MAX;
	/* One more: take_node() looks at the place behind the last. */
	b.nodes = calloc(b.page.want.limit + 1, sizeof(*b.nodes));
	b.ran = calloc(b.n_points, sizeof(*b.ran));
	if (b.nodes && b.ran)
		answer_bulk(r, &b);
	else
		request_store_failed(r, ERR_NOMEM, "history");
	for (uint32_t i = 0; b.nodes && i < b.n; i++)
		free(b.nodes[i].x);
	free(b.nodes);
	free(b.ran);
	page_fini(&b.page);
}
