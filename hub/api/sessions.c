/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an admin has the running hub do by hand, as with tinc: /nodes/{id}/disconnect,
 * /nodes/{id}/connect, /hub/purge, /hub/retry. The audit log has who asked; nothing else lasts.
 */
#include "hub/api/context.h"
#include "hub/api/handlers.h"
#include "hub/api/lookup.h"
#include "hub/api/reach.h"
#include "hub/api/render.h"
#include "hub/change_settings.h"

/* --- asking --- */

/* The audit entry of it. False: answered. */
static bool is_noted(struct request *r, enum order_kind kind, const char *node)
{
	struct change c = request_change(r);
	enum err e = change_order(&c, kind, node);

	if (e)
		request_change_failed(r, e, &c);
	return e == ERR_OK;
}

static void refuse_many(struct request *r)
{
	reply_refuse(&r->reply, 503, "too_many_tests",
		     "the hub does as many of these as it can at a time; try again in a few "
		     "seconds");
}

static void refuse_no_control(struct request *r)
{
	reply_refuse(&r->reply, 503, "no_answer",
		     "the process that keeps the links did not answer; it is started again by "
		     "itself if it has ended. Try again in a few seconds");
}

static void refuse_no_engine(struct request *r)
{
	reply_refuse(&r->reply, 503, "no_engine",
		     "the hub's data plane does not run just now; it is started again by itself. "
		     "Try again in a few seconds");
}

static void begin(struct request *r, enum order_kind kind, uint32_t id)
{
	enum err e = order_waits_begin(&r->api->orders, kind, id, &r->order, api_now_ms(r->api));

	if (e == ERR_LIMIT)
		refuse_many(r);
	else if (e)
		refuse_no_control(r);
	r->asleep = r->order.waiting;
}

/* --- disconnect --- */

void sessions_disconnect(struct request *r)
{
	struct node n;

	if (lookup_node(r, r->param, &n, NULL))
		return;
	if (n.kind == NODE_HUB)
		reply_refuse(&r->reply, 409, "node_is_hub", "%s is the hub itself.", n.name);
	else if (is_noted(r, ORDER_DISCONNECT, n.name))
		begin(r, ORDER_DISCONNECT, n.id);
	node_fini(&n);
}

/* A session that nobody could be asked about is neither there nor not. */
static void answer_disconnect(struct request *r, const struct node *n,
			      const struct nudge_order_done *what)
{
	json_t *session =
		what->result == ERR_CLOSED ? json_null() : json_boolean(what->sessions > 0);

	reply_json(&r->reply, 200,
		   json_pack("{s:I, s:s, s:b, s:b, s:o}", "id", (json_int_t)n->id, "name", n->name,
			     "link", what->link, "carrier", what->carrier, "session", session));
}

/* --- connect --- */

/* With a path: it is connected; the reason and the advice of a verdict are then empty. */
static void answer_connect(struct request *r, const struct node *n, const struct reach_verdict *v,
			   enum path_kind path, const struct endpoint *at)
{
	const bool up = path != PATH_DOWN;

	reply_json(&r->reply, 200,
		   json_pack("{s:I, s:s, s:b, s:s, s:s, s:s, s:o, s:o}", "id", (json_int_t)n->id,
			     "name", n->name, "connected", up, "result",
			     up ? "connected" : v->result, "reason", up ? "it answers" : v->reason,
			     "advice", up ? "" : v->advice, "path",
			     up ? json_string(path_kind_str(path)) : json_null(), "endpoint",
			     up ? render_endpoint(at) : json_null()));
}

/* Why there is no session: of echoes that were not answered, or none were sent. */
static void answer_not_connected(struct request *r, const struct node *n,
				 const struct echoes_result *found)
{
	static const struct endpoint nowhere;
	struct reach_verdict v;

	if (reach_judge(r, n, found, &v) == ERR_OK)
		answer_connect(r, n, &v, PATH_DOWN, &nowhere);
}

/* An agent answers echoes, and one makes the session that it needs; a device is only called. */
static void connect_to(struct request *r, const struct node *n)
{
	enum err e;

	if (n->kind != NODE_SPOKE) {
		begin(r, ORDER_CONNECT, n->id);
		return;
	}
	r->connects = true;
	e = echoes_join(&r->api->echoes, n->id, &r->echoes, api_now_ms(r->api));
	if (e)
		refuse_many(r);
	r->asleep = r->echoes.waiting;
}

void sessions_connect(struct request *r)
{
	struct echoes_result none = { 0 };
	struct node n;

	if (lookup_node(r, r->param, &n, NULL))
		return;
	none.node_id = n.id;
	if (n.kind == NODE_HUB)
		reply_refuse(&r->reply, 409, "node_is_hub", "%s is the hub itself.", n.name);
	else if (!is_noted(r, ORDER_CONNECT, n.name))
		;
	else if (n.status != NODE_ACTIVE)
		answer_not_connected(r, &n, &none);
	else
		connect_to(r, &n);
	node_fini(&n);
}

void sessions_echoed(struct request *r, const struct echoes_result *found)
{
	static const struct reach_verdict none = { "", "", "" };
	struct node n;

	if (lookup_node_id(r, found->node_id, &n))
		return;
	if (found->answered)
		answer_connect(r, &n, &none, found->path, &found->endpoint);
	else
		answer_not_connected(r, &n, found);
	node_fini(&n);
}

static void answer_called(struct request *r, const struct node *n,
			  const struct nudge_order_done *what)
{
	static const struct reach_verdict no_address = {
		"no_address", "the hub does not know where it is",
		"give it an endpoint (node edit NAME --endpoint), or wait until the device calls "
		"the hub"
	};
	static const struct reach_verdict no_answer = {
		"no_answer", "it was called, and has not answered",
		"see that the device is on, that its keys are right, and that UDP reaches it"
	};

	answer_connect(r, n, what->result == ERR_NOTFOUND ? &no_address : &no_answer, what->path,
		       &what->endpoint);
}

/* --- of all nodes --- */

void sessions_purge(struct request *r)
{
	if (is_noted(r, ORDER_PURGE, NULL))
		begin(r, ORDER_PURGE, 0);
}

void sessions_retry(struct request *r)
{
	if (is_noted(r, ORDER_RETRY, NULL))
		begin(r, ORDER_RETRY, 0);
}

/* --- answers --- */

static void answer_node(struct request *r, const struct nudge_order_done *what)
{
	struct node n;

	/* By id: it may have been renamed, or deleted, meanwhile. */
	if (lookup_node_id(r, r->order.order.id, &n))
		return;
	if (r->order.order.kind == ORDER_DISCONNECT)
		answer_disconnect(r, &n, what);
	else
		answer_called(r, &n, what);
	node_fini(&n);
}

void sessions_done(struct request *r, const struct nudge_order_done *what)
{
	const enum order_kind kind = r->order.order.kind;

	if (what->result == ERR_BUSY && kind != ORDER_CONNECT)
		refuse_no_control(r);
	else if (what->result == ERR_CLOSED && kind != ORDER_DISCONNECT)
		refuse_no_engine(r);
	else if (kind == ORDER_DISCONNECT || kind == ORDER_CONNECT)
		answer_node(r, what);
	else
		reply_json(&r->reply, 200,
			   json_pack("{s:I}", kind == ORDER_PURGE ? "forgotten" : "called",
				     (json_int_t)what->sessions));
}
